import type { TaskOffloadError } from "../errors.ts";
import { isPlain } from "../values/plain.ts";
import { invalidInput, isSignal, unknownName } from "../values/validate.ts";
import type { TaskInfo, TaskProgress, TaskScope } from "./task.ts";

/** One tool call, as the model asked for it. */
export interface ToolCall<I = unknown> {
  /** By which its options are found, and lists name it. */
  toolName: string;
  /** Handed to the tool as it is. A store never gets it, only a summary. */
  input: I;
  /** Whose call it is: nobody else ever sees its task. */
  scope: TaskScope;
  /** The framework's id of the call. A call that repeats the id of one that still runs joins it. */
  toolCallId?: string | undefined;
  /** The turn's signal. The tool never sees it: see {@link ToolContext.signal}. */
  signal?: AbortSignal | undefined;
  /** Starts in the background, whatever the timeout. */
  background?: boolean | undefined;
  /** The host's own: plain JSON, at most 16 KiB. It comes back with the task. */
  metadata?: Record<string, unknown> | undefined;
}

/** What a tool is given beside its input. The functions may be taken off the object. */
export interface ToolContext {
  /**
   * The tool's own signal. It aborts when the turn ends while the call is in the foreground, and later only
   * on cancel, deadline and shutdown. Reading it is what creates it.
   */
  readonly signal: AbortSignal;
  readonly scope: TaskScope;
  /** `null` while the call is in the foreground. */
  readonly taskId: string | null;
  /**
   * Tells how far the tool is. May be called as often as one likes: a flood is coalesced, and what is no
   * progress is ignored.
   */
  report(progress: TaskProgress): void;
  /** Appends text to the task's output; bytes are read as UTF-8. Anything else is ignored. */
  write(chunk: string | Uint8Array): void;
}

export type ToolExecuteFunction<I, R> = (input: I, context: ToolContext) => R;

/** What the host gets for a call: the value, or the task that it has become and what to tell the model. */
export type OffloadOutcome<T> =
  | { status: "completed"; value: T }
  | { status: "offloaded"; task: TaskInfo; message: string };

/** A call with a scope and metadata of its own: what its caller does with theirs must not reach the task. */
export function ownCall<I>(call: ToolCall<I>): ToolCall<I> {
  const { toolName, input, toolCallId } = call;
  const { userId, sessionId, agentId } = call.scope;
  const metadata = call.metadata && JSON.parse(JSON.stringify(call.metadata));
  return { toolName, input, scope: { userId, sessionId, agentId }, toolCallId, metadata };
}

/** The first fault of a call, or `undefined` for a sound one. On the path of every call: it allocates nothing. */
export function faultOf(call: ToolCall<unknown>): TaskOffloadError | undefined {
  if (typeof call !== "object" || call === null) return invalidInput("call", "an object", call);
  const misspelt = faultOfCallNames(call);
  if (misspelt) return misspelt;
  if (!isText(call.toolName)) return invalidInput("toolName", "a non-empty string", call.toolName);
  const { toolCallId, signal, metadata } = call;
  if (toolCallId !== undefined && !isText(toolCallId)) {
    return invalidInput("toolCallId", "a non-empty string", toolCallId);
  }
  if (signal !== undefined && !isSignal(signal)) return invalidInput("signal", "an AbortSignal", signal);
  if (metadata !== undefined && !isMetadata(metadata)) {
    return invalidInput("metadata", "a plain JSON object of at most 16 KiB", metadata);
  }
  return faultOfScope(call.scope);
}

/** The first fault of a scope, or `undefined` for a sound one. */
export function faultOfScope(scope: TaskScope): TaskOffloadError | undefined {
  if (typeof scope !== "object" || scope === null)
    return invalidInput("scope", "an object with a userId", scope);
  if (!isText(scope.userId)) return invalidInput("scope.userId", "a non-empty string", scope.userId);
  const { sessionId, agentId } = scope;
  if (sessionId !== undefined && !isText(sessionId)) {
    return invalidInput("scope.sessionId", "a non-empty string or undefined", sessionId);
  }
  if (agentId !== undefined && !isText(agentId)) {
    return invalidInput("scope.agentId", "a non-empty string or undefined", agentId);
  }
  return faultOfScopeNames(scope);
}

/** @throws `invalid_input`, naming the first fault of a scope */
export function checkScope(scope: TaskScope): void {
  const fault = faultOfScope(scope);
  if (fault) throw fault;
}

const METADATA_CHARS = 16 * 1024;

const OF_CALL = {
  toolName: true,
  input: true,
  scope: true,
  toolCallId: true,
  signal: true,
  background: true,
  metadata: true,
} satisfies Record<keyof ToolCall, true>;

const OF_SCOPE = { userId: true, sessionId: true, agentId: true } satisfies Record<keyof TaskScope, true>;

/** Own names alone: what some package has put on `Object.prototype` is not the caller's. */
function faultOfCallNames(call: object): TaskOffloadError | undefined {
  for (const name in call) {
    if (isOfCall(name as keyof ToolCall) || !Object.hasOwn(call, name)) continue;
    return unknownName("invalid_input", name, "no part of a call", Object.keys(OF_CALL));
  }
  return undefined;
}

/** Compared one by one, which is faster than to look it up. */
function isOfCall(name: keyof ToolCall): boolean {
  switch (name) {
    case "toolName":
    case "input":
    case "scope":
    case "toolCallId":
    case "signal":
    case "background":
    case "metadata":
      return true;
    default:
      name satisfies never;
      return false;
  }
}

/** A misspelt `sessionId` would widen the scope to all of the user's tasks, in silence. */
function faultOfScopeNames(scope: object): TaskOffloadError | undefined {
  for (const name in scope) {
    if (name === "userId" || name === "sessionId" || name === "agentId") continue;
    if (!Object.hasOwn(scope, name)) continue;
    return unknownName("invalid_input", `scope.${name}`, "no part of a scope", Object.keys(OF_SCOPE));
  }
  return undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isMetadata(value: unknown): boolean {
  try {
    if (typeof value !== "object" || value === null || !isPlain(value) || "toJSON" in value) return false;
    return JSON.stringify(value).length <= METADATA_CHARS;
  } catch {
    return false;
  }
}
