import { checkVersion } from "../../core/copies.ts";
import { TaskOffloadError } from "../../core/errors.ts";
import type { ToolOffloadMiddleware } from "../../core/middleware.ts";
import { faultOfScope } from "../../core/model/call.ts";
import type { TaskScope } from "../../core/model/task.ts";
import { checkNames, invalidOption } from "../../core/values/validate.ts";
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

/** @throws `invalid_option` for what is no object, and for a name that is no option's */
export function checkOptions(options: object, names: readonly string[]): void {
  if (typeof options !== "object" || options === null) throw invalidOption("options", "an object", options);
  checkNames("", options, names);
}

/**
 * @param more names of options that only this adapter has
 * @throws `invalid_option`, naming the option and its value
 */
export function checkTerms<Run, Needed extends Method>(
  options: OffloadTerms<Run, Needed>,
  needed: readonly Needed[],
  more: readonly string[] = [],
): void {
  checkOptions(options, ["offload", "scope", "metadata", ...more]);
  const { offload, metadata } = options;
  checkVersion("offload", offload);
  if (needed.some((method) => typeof offload?.[method] !== "function")) {
    throw invalidOption("offload", "a ToolOffloadMiddleware", offload);
  }
  if (metadata === undefined || typeof metadata === "function") return;
  if (typeof metadata === "object" && metadata !== null && !Array.isArray(metadata)) return;
  throw invalidOption("metadata", "an object or a function", metadata);
}

/** What a function answers can only be checked at the call. @throws `invalid_option` */
export function checkScope<Run>(scope: ScopeFor<Run>): void {
  if (typeof scope !== "function") soundScope(scope);
}

/** @throws `invalid_option` */
export function checkInbox(inbox: Pick<FollowUpInbox, "claim">): void {
  checkVersion("inbox", inbox);
  if (typeof inbox?.claim !== "function") throw invalidOption("inbox", "a FollowUpInbox", inbox);
}

/** The scope of a run. @throws `invalid_option` where a function answers none */
export function scopeFor<Run>(scope: ScopeFor<Run>, run: Run): TaskScope {
  return typeof scope === "function" ? soundScope(scope(run)) : scope;
}

export function metadataFor<Run>(metadata: MetadataFor<Run> | undefined, run: Run): Metadata | undefined {
  return typeof metadata === "function" ? metadata(run) : metadata;
}

/** The same scope. @param hint what to do about it. @throws `invalid_option` where it is none */
export function soundScope(scope: TaskScope, hint?: string): TaskScope {
  const fault = faultOfScope(scope);
  if (fault === undefined) return scope;
  const message = hint === undefined ? fault.message : `${fault.message} ${hint}`;
  throw new TaskOffloadError("invalid_option", message);
}

/** The same scope, which has a session. @param hint what to do about it. @throws `invalid_option` where it has none */
export function sessionScope(scope: TaskScope, hint: string): TaskScope {
  if (scope.sessionId !== undefined) return scope;
  const fault = "scope.sessionId must be a non-empty string; got undefined.";
  throw new TaskOffloadError("invalid_option", `${fault} ${hint}`);
}

type Metadata = Record<string, unknown>;

type MetadataFor<Run> = Metadata | ((run: Run) => Metadata | undefined);

type Method = "run" | "stream";
