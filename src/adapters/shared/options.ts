import { ofThisVersion } from "../../core/copies.ts";
import { TaskOffloadError } from "../../core/errors.ts";
import type { ToolOffloadMiddleware } from "../../core/middleware.ts";
import { checkNewScope, faultOfScope } from "../../core/model/call.ts";
import type { TaskScope } from "../../core/model/task.ts";
import { type Kind, kind } from "../../core/values/kinds.ts";
import { fault } from "../../core/values/validate.ts";
import type { FollowUpInbox } from "../../follow-up/inbox.ts";

/** Whose calls they are, or what tells it from what is known of a run. */
export type ScopeFor<Run> = TaskScope | ((run: Run) => TaskScope);

/** What every adapter is told of the calls that it offloads, beside their scope. */
export interface OffloadTerms<Run, Needed extends Method = "run"> {
  /** Runs the calls: its options say which of them, and when. */
  offload: Pick<ToolOffloadMiddleware, Needed>;
  /** The host's own, for each call: plain JSON, at most 16 KiB. It comes back with the follow-up. */
  metadata?: MetadataFor<Run> | undefined;
}

/** For the option `offload`: a middleware with the methods that the adapter calls. */
export function middleware<Needed extends Method>(
  ...needed: readonly Needed[]
): Kind<Pick<ToolOffloadMiddleware, Needed>> {
  const has = (value: unknown) => (method: Needed) =>
    typeof (value as Partial<ToolOffloadMiddleware> | null)?.[method] === "function";
  return ofThisVersion(kind("a ToolOffloadMiddleware", (value) => needed.every(has(value))));
}

/** For the option `metadata`. */
export function metadata<Run>(...[value, name, code]: Parameters<Kind<unknown>>): MetadataFor<Run> {
  if (typeof value === "function") return value as MetadataFor<Run>;
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isRecord) throw fault(code, name, "an object or a function", value);
  return value as MetadataFor<Run>;
}

/** For the option `scope`. What a function answers can only be checked at the call. */
export function scope<Run>(value: unknown): ScopeFor<Run> {
  return typeof value === "function" ? (value as ScopeFor<Run>) : soundScope(value as TaskScope);
}

/** The same for calls, whose tasks are new: names of old ones may be longer. */
export function scopeOfCalls<Run>(value: unknown): ScopeFor<Run> {
  const found = scope<Run>(value);
  if (typeof found !== "function") refuseAsOption(() => checkNewScope(found));
  return found;
}

/** For the option `inbox`. */
export const inbox = ofThisVersion(
  kind<Pick<FollowUpInbox, "claim">>(
    "a FollowUpInbox",
    (value) => typeof (value as Partial<FollowUpInbox> | null)?.claim === "function",
  ),
);

/** The scope of a run. @throws `invalid_option` where a function answers none */
export function scopeFor<Run>(scope: ScopeFor<Run>, run: Run): TaskScope {
  return typeof scope === "function" ? soundScope(scope(run)) : scope;
}

export function metadataFor<Run>(metadata: MetadataFor<Run> | undefined, run: Run): Metadata | undefined {
  return typeof metadata === "function" ? metadata(run) : metadata;
}

/** The same scope. @param hint what to do about it. @throws `invalid_option` where it is none */
export function soundScope(scope: TaskScope, hint?: string): TaskScope {
  const found = faultOfScope(scope);
  if (found === undefined) return scope;
  const message = hint === undefined ? found.message : `${found.message} ${hint}`;
  throw new TaskOffloadError("invalid_option", message);
}

/** The same scope, which has a session. @param hint what to do about it. @throws `invalid_option` where it has none */
export function sessionScope(scope: TaskScope, hint: string): TaskScope {
  if (scope.sessionId !== undefined) return scope;
  const message = "scope.sessionId must be a non-empty string; got undefined.";
  throw new TaskOffloadError("invalid_option", `${message} ${hint}`);
}

type Metadata = Record<string, unknown>;

type MetadataFor<Run> = Metadata | ((run: Run) => Metadata | undefined);

type Method = "run" | "stream";

/** What would be a fault of a call is one of the option here. */
function refuseAsOption(check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new TaskOffloadError("invalid_option", (error as Error).message);
  }
}
