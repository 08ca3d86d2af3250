import type { ToolContext } from "../model/call.ts";
import type { TaskScope } from "../model/task.ts";

/** What stands behind a context. */
export interface ContextSource {
  readonly signal: AbortSignal;
  /** Whether the tool was told to stop, and why. Other than `signal`, it costs nothing to look. */
  readonly aborted: { reason: unknown } | undefined;
  onAbort(listener: () => void): void;
  report(progress: unknown): void;
  write(chunk: unknown): void;
}

/** A context whose properties are its own, so that it can be spread, and whose signal is made when read. */
export function createContext(source: ContextSource, scope: TaskScope): ToolContext {
  const context = {
    [SOURCE]: source,
    scope,
    taskId: null,
    report: (progress: unknown) => source.report(progress),
    write: (chunk: unknown) => source.write(chunk),
  };
  return Object.defineProperty(context, "signal", SIGNAL) as typeof context & ToolContext;
}

/** What stands behind a context, for those in this library who are handed one. */
export function sourceOf(context: ToolContext): ContextSource {
  return (context as ToolContext & { [SOURCE]: ContextSource })[SOURCE];
}

export function setTaskId(context: ToolContext, id: string): void {
  (context as { taskId: string | null }).taskId = id;
}

/** Also for other copies: a task that is started is given its context by the copy of its manager. */
const SOURCE = Symbol.for("tool-offload.source");

/** One getter for all contexts: a getter of their own would cost every call a new hidden class. */
const SIGNAL: PropertyDescriptor & ThisType<{ [SOURCE]: ContextSource }> = {
  enumerable: true,
  get() {
    return this[SOURCE].signal;
  },
};
