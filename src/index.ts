import { AsyncResource } from "node:async_hooks";
import { BackgroundTaskManager as CoreManager } from "./core/manager.ts";
import type { ManagerOptions } from "./core/options/manager-options.ts";
import type { MiddlewareOptions as CoreMiddlewareOptions } from "./core/options/middleware-options.ts";
import type { InContext } from "./core/time/async-context.ts";
import { invalidOption } from "./core/values/validate.ts";
import { memoryStore } from "./stores/memory.ts";

export { defaultPlaceholder } from "./core/calls/placeholder.ts";
export type { StreamFold, StreamSource, ToolStream } from "./core/calls/stream.ts";
export { TaskOffloadError, type TaskOffloadErrorCode } from "./core/errors.ts";
export type { ManagerStats } from "./core/manager.ts";
export { ToolOffloadMiddleware } from "./core/middleware.ts";
export type { OffloadOutcome, ToolCall, ToolContext, ToolExecuteFunction } from "./core/model/call.ts";
export type { TaskEvent } from "./core/model/events.ts";
export type {
  FollowUpDropReason,
  FollowUpMode,
  FollowUpStatus,
  StoredFollowUp,
} from "./core/model/follow-up.ts";
export type { DurableContext, DurableTool } from "./core/model/known-tool.ts";
export type { ManagerEvents, ManagerListener, TaskUpdate } from "./core/model/manager-events.ts";
export type { ResultRange } from "./core/model/result.ts";
export type { EventPage, LimitName, TaskStore } from "./core/model/store.ts";
export {
  type CancelledBy,
  isFinished,
  TASK_STATUSES,
  type TaskCancel,
  type TaskError,
  type TaskErrorCode,
  type TaskInfo,
  type TaskProgress,
  type TaskResult,
  type TaskScope,
  type TaskStatus,
} from "./core/model/task.ts";
export type { TasksSnapshot, TasksUpdate } from "./core/model/tasks-update.ts";
export type { MediaPart, ResultView, TextPart, ToolView, ViewPart } from "./core/model/view.ts";
export { DEFAULTS } from "./core/options/defaults.ts";
export type { CancelOptions, CloseOptions } from "./core/options/ending-options.ts";
export type { LimitOptions, RetentionOptions } from "./core/options/manager-options.ts";
export type { TimeoutPolicy, ToolOptions } from "./core/options/middleware-options.ts";
export type {
  TaskEventQuery,
  TaskQuery,
  WaitOptions,
  WatchAllOptions,
  WatchOptions,
} from "./core/options/query-options.ts";
export type { StartOptions, TaskOptions } from "./core/options/task-options.ts";
export type { TaskPage } from "./core/reading/queries.ts";
export type { ExecutionHandle } from "./core/tasks/adopt.ts";
export { type Clock, systemClock } from "./core/time/clock.ts";
export type { Redact } from "./core/values/redact.ts";
export { memoryStore } from "./stores/memory.ts";

/** The options of a {@link ToolOffloadMiddleware}. */
export type MiddlewareOptions = CoreMiddlewareOptions<CoreManager>;

/** The options of a {@link BackgroundTaskManager}. */
export interface BackgroundTaskManagerOptions extends Omit<ManagerOptions, "store"> {
  /** Where tasks are kept. @default memoryStore() */
  store?: ManagerOptions["store"] | undefined;
}

/**
 * Keeps the tasks: their lifecycle, their events, their results. It runs what it is given in this process,
 * and answers for every task in its store.
 *
 * @example
 * ```ts
 * import { BackgroundTaskManager } from "tool-offload";
 *
 * const tasks = new BackgroundTaskManager({ limits: { runningPerUser: 5 } });
 * tasks.on("task.completed", ({ task }) => console.log(`${task.summary} is done`));
 * await tasks.close();
 * ```
 */
export class BackgroundTaskManager extends CoreManager {
  /** Bundlers number what has the name of another class. */
  static override readonly name = "BackgroundTaskManager";

  /** @throws `invalid_option`, naming the option and its value */
  constructor(options: BackgroundTaskManagerOptions = {}) {
    if (typeof options !== "object" || options === null) throw invalidOption("options", "an object", options);
    const store = options.store ?? memoryStore({ clock: options.clock });
    super({ ...options, store }, keepContext);
  }
}

/** `AsyncLocalStorage.snapshot()` does the same, and takes Node 20 hundreds of times as long. */
function keepContext(): InContext {
  const resource = new AsyncResource("tool-offload");
  return (work) => resource.runInAsyncScope(work);
}
