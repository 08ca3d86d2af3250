import { TaskOffloadError } from "../errors.ts";
import { digest } from "../values/digest.ts";
import { isPlain } from "../values/plain.ts";
import { ownText, sliceWhole } from "../values/text.ts";
import { invalidInput, isSignal, unknownName } from "../values/validate.ts";
import type { TaskInfo, TaskProgress, TaskScope } from "./task.ts";
import type { ToolView } from "./view.ts";

/** One tool call, as the model asked for it. */
export interface ToolCall<I = unknown> {
  /** By which its options are found, and lists name it. At most 256 characters. */
  toolName: string;
  /** Handed to the tool as it is. A store never gets it, only a summary. */
  input: I;
  /** Whose call it is: nobody else ever sees its task. Each name has at most 256 characters. */
  scope: TaskScope;
  /**
   * The framework's id of the call. A call that repeats the id of one that still runs joins it. Of one with more than
   * 8,192 characters the head and a digest are kept. An empty one, as some providers answer, is none.
   * @default the id of the task
   */
  toolCallId?: string | undefined;
  /** The turn's signal. The tool never sees it: see {@link ToolContext.signal}. */
  signal?: AbortSignal | undefined;
  /** Starts in the background, whatever the timeout. */
  background?: boolean | undefined;
  /** The host's own: plain JSON, at most 16 KiB. It comes back with the task. */
  metadata?: Record<string, unknown> | undefined;
  /**
   * How the tool shows its result to the model. It is called once a task has completed, never for a call that finishes
   * in time: notices and `task_output` tell what it answers, and nothing else of the result.
   * @default the result as it is
   */
  view?: ToolView | undefined;
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

/**
 * A sound call, with a scope and metadata of its own: what its caller does with theirs must not reach the task. Each of
 * its parts is read once, so that what was checked is what is kept.
 *
 * @throws `invalid_input`, naming its first fault
 */
export function ownCall<I>(call: ToolCall<I>): ToolCall<I> {
  if (typeof call !== "object" || call === null) throw invalidInput("call", "an object", call);
  const misspelt = faultOfCallNames(call);
  if (misspelt) throw misspelt;
  const { toolName, input, toolCallId, signal, metadata, view } = call;
  checkName("toolName", toolName);
  if (toolCallId !== undefined && typeof toolCallId !== "string") {
    throw invalidInput("toolCallId", "a string", toolCallId);
  }
  if (signal !== undefined && !isSignal(signal)) throw invalidInput("signal", "an AbortSignal", signal);
  if (view !== undefined && typeof view !== "function") throw invalidInput("view", "a function", view);
  const own = metadata === undefined ? undefined : ownMetadata(metadata);
  const scope = ownScope(call.scope);
  const callId = toolCallId ? shortCallId(toolCallId) : undefined;
  return { toolName, input, scope, toolCallId: callId, metadata: own, view };
}

/** The first fault of a scope, or `undefined` for a sound one. */
export function faultOfScope(scope: TaskScope): TaskOffloadError | undefined {
  if (typeof scope !== "object" || scope === null || Array.isArray(scope))
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

/** @throws `invalid_input`, naming the first fault of a scope and an id, one of which may stand in the other's place */
export function checkTask(scope: TaskScope, id: string): void {
  if (typeof scope !== "object" && typeof id === "object") {
    throw new TaskOffloadError(
      "invalid_input",
      "scope and id stand in each other's place: give the scope first.",
    );
  }
  checkScope(scope);
  if (typeof id !== "string") throw invalidInput("id", "the id of a task", id);
}

/** @throws `invalid_input`, naming the first fault of a scope that new tasks may have: old ones have longer names */
export function checkNewScope(scope: TaskScope): void {
  checkScope(scope);
  const { userId, sessionId, agentId } = scope;
  checkName("scope.userId", userId);
  if (sessionId !== undefined) checkName("scope.sessionId", sessionId);
  if (agentId !== undefined) checkName("scope.agentId", agentId);
}

/** In UTF-16 code units. Indexes hold names, and lists show them. */
const MAX_NAME = 256;
const MAX_CALL_ID = 8_192;
const MAX_METADATA = 16_384;

const OF_CALL = {
  toolName: true,
  input: true,
  scope: true,
  toolCallId: true,
  signal: true,
  background: true,
  metadata: true,
  view: true,
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
    case "view":
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

/** On the path of every call: it allocates nothing. */
function checkName(field: string, name: unknown): void {
  if (!isText(name)) throw invalidInput(field, "a non-empty string", name);
  if (name.length <= MAX_NAME) return;
  throw new TaskOffloadError(
    "invalid_input",
    `${field} must have at most ${MAX_NAME} characters; it has ${name.length}.`,
  );
}

function ownScope(scope: TaskScope): TaskScope {
  checkNewScope(scope);
  const { userId, sessionId, agentId } = scope;
  return { userId, sessionId, agentId };
}

/** Some proxies put signatures of thousands of characters into it. One too long is told by its head and a digest. */
function shortCallId(id: string): string {
  if (id.length <= MAX_CALL_ID) return id;
  const end = `…${digest(id)}`;
  return ownText(sliceWhole(id, 0, MAX_CALL_ID - 1 - end.length) + end);
}

/** A copy, made of the text that was measured: a getter may say something else each time. */
function ownMetadata(metadata: Record<string, unknown>): Record<string, unknown> {
  const json = metadataJson(metadata);
  if (json !== undefined && json.length <= MAX_METADATA) return JSON.parse(json);
  throw invalidInput("metadata", "a plain JSON object of at most 16 KiB", metadata);
}

function metadataJson(metadata: unknown): string | undefined {
  try {
    if (typeof metadata !== "object" || metadata === null || !isPlain(metadata)) return undefined;
    return "toJSON" in metadata ? undefined : JSON.stringify(metadata);
  } catch {
    return undefined;
  }
}
