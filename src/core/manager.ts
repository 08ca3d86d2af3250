import { checkVersion, shared, sign } from "./copies.ts";
import { closedError } from "./errors.ts";
import { ownCall, type ToolCall, type ToolExecuteFunction } from "./model/call.ts";
import type { ManagerEvents, ManagerListener, TaskUpdate } from "./model/manager-events.ts";
import type { ResultRange } from "./model/result.ts";
import type { EventPage } from "./model/store.ts";
import type { TaskInfo, TaskResult, TaskScope } from "./model/task.ts";
import type { TasksUpdate } from "./model/tasks-update.ts";
import { type CancelOptions, CLOSE, type CloseOptions } from "./options/ending-options.ts";
import type { ManagerOptions } from "./options/manager-options.ts";
import type {
  TaskEventQuery,
  TaskQuery,
  WaitOptions,
  WatchAllOptions,
  WatchOptions,
} from "./options/query-options.ts";
import { type StartOptions, startSettings, type TaskOptions, taskSettings } from "./options/task-options.ts";
import type { TaskPage } from "./reading/queries.ts";
import { Runtime } from "./runtime.ts";
import type { ExecutionHandle } from "./tasks/adopt.ts";
import { idempotencyOf } from "./tasks/idempotency.ts";
import { type KeepContext, keepNone } from "./time/async-context.ts";
import type { Kind } from "./values/kinds.ts";
import { readArgument } from "./values/options.ts";
import { invalidInput, invalidOption } from "./values/validate.ts";
import { VERSION } from "./version.ts";

/** See the root export, which gives it the memory store as a default, and async contexts. */
export class BackgroundTaskManager {
  static readonly name: string = "BackgroundTaskManager";

  readonly #runtime: Runtime;

  constructor(options: ManagerOptions, keepContext: KeepContext = keepNone) {
    this.#runtime = new Runtime(options, keepContext);
    RUNTIMES.set(this, this.#runtime);
    sign(this);
  }

  /**
   * Runs a tool in the background from the first moment. It waits in the queue while a limit is met. With an
   * `idempotencyKey` it may be asked for again, as after `store_failed`: then there is one task, whichever of the calls
   * has made it, and only the one that has is to run its `execute`.
   *
   * @throws `invalid_input`; `overloaded` when the queue of the user is full; `conflict` when the session is
   * exclusive and busy; `duplicate`; `key_reused` when something else was started under the key; `closed`;
   * `store_failed`
   * @example
   * ```ts
   * import { BackgroundTaskManager } from "tool-offload";
   *
   * const tasks = new BackgroundTaskManager();
   * const call = { toolName: "build", input: { branch: "main" }, scope: { userId: "u1" } };
   * const task = await tasks.start(call, async () => "built", { priority: 5 });
   * const [finished] = await tasks.wait(call.scope, [task.id]);
   * console.log(finished?.status); // "completed"
   * ```
   */
  async start<I, R>(
    call: ToolCall<I>,
    execute: ToolExecuteFunction<I, R>,
    options: StartOptions = {},
  ): Promise<TaskInfo> {
    const own = ownCall(call);
    const settings = this.#accepted(startSettings(options));
    if (typeof execute !== "function") throw invalidInput("execute", "a function", execute);
    return this.#runtime.starter.start(own, execute, settings, idempotencyOf(own, settings));
  }

  /**
   * Makes a task of a tool that runs already, outside this library. Where `onDuplicate` says so it joins an
   * equal task, and is told to stop; a call that a turn still waits for is no task.
   *
   * @throws `invalid_input`; `overloaded` when a limit is met; `conflict`; `duplicate`; `closed`; `store_failed`
   */
  async adopt(call: ToolCall, execution: ExecutionHandle, options: TaskOptions = {}): Promise<TaskInfo> {
    const own = ownCall(call);
    const settings = this.#accepted(taskSettings(options));
    return this.#runtime.adopter.adopt(own, execution, settings);
  }

  /** A scope's tasks, newest first. @throws `invalid_input`; `store_failed` */
  list(scope: TaskScope, query?: TaskQuery): Promise<TaskPage> {
    return this.#runtime.queries.list(scope, query);
  }

  /** One task; `undefined` when it is missing or foreign. @throws `invalid_input`; `store_failed` */
  get(scope: TaskScope, id: string): Promise<TaskInfo | undefined> {
    return this.#runtime.queries.get(scope, id);
  }

  /**
   * How a task ended; `undefined` while it has not, and when it is missing or foreign.
   *
   * @param range a slice of the kept text, in UTF-16 code units: of the value itself where it is a string,
   * otherwise of its JSON text. Of a truncated result, the head and on through the tail.
   * @throws `invalid_input`; `store_failed`
   */
  result(scope: TaskScope, id: string, range?: ResultRange): Promise<TaskResult | undefined> {
    return this.#runtime.queries.result(scope, id, range);
  }

  /** A task's log from `after` on; empty when it is missing or foreign. @throws `invalid_input`; `store_failed` */
  events(scope: TaskScope, id: string, query?: TaskEventQuery): Promise<EventPage> {
    return this.#runtime.queries.events(scope, id, query);
  }

  /**
   * Follows one task from `after` to its end, or, without an `id`, everything in the scope from the moment that its loop
   * begins, and tasks named in `from` from there on. It ends when the signal aborts, and with `close`. Break out of the
   * loop, or abort, to let go of it. A store that fails is asked again until it answers. An `after` beyond the newest event
   * tells the terminal event of a task that has ended, and of one that runs its next, as `truncated`.
   *
   * @param options.from by their ids, the `seq` of the last event that is known of tasks; at most 10,000
   * @throws `invalid_input`; `store_failed` where the one task is damaged, or what is left cannot be told on closing
   */
  watch(scope: TaskScope, options?: WatchOptions): AsyncIterable<TaskUpdate> {
    return this.#runtime.watcher.watch(scope, options);
  }

  /**
   * Follows the states of all tasks of a scope: first how everything stands, `{ type: "snapshot", tasks, more }`, with all
   * unfinished tasks and the newest 500; then each task that has changed, `{ type: "task", task }`. The newest state wins:
   * of each task there are at most four a second, and what changes while nobody reads is told as it stands. Events and
   * output are not told; claims and settlements of follow-ups are. A later snapshot replaces all that was told: there is
   * one within 60 seconds of when a task has gone, and for a reader that has fallen too far behind.
   *
   * However many read it, the store is watched once for each user, and the same objects are told to all: do not change
   * them. It ends when the signal aborts, and with `close`. Break out of the loop, or abort, to let go of it. A store that
   * fails is asked again until it answers.
   *
   * @throws `invalid_input`
   * @example
   * ```ts
   * import { BackgroundTaskManager } from "tool-offload";
   *
   * const tasks = new BackgroundTaskManager();
   * for await (const update of tasks.watchAll({ userId: "ada" })) {
   *   if (update.type === "snapshot") console.log(update.tasks.length); // 0
   *   else console.log(update.task.status);
   *   break;
   * }
   * await tasks.close();
   * ```
   */
  watchAll(scope: TaskScope, options?: WatchAllOptions): AsyncIterable<TasksUpdate> {
    return this.#runtime.userWatches.watchAll(scope, options);
  }

  /**
   * Waits until all (or any) of some tasks have finished, and answers them in the order of `ids`; missing
   * and foreign ones are `undefined` and count as finished. A timeout, and the end of `close`, resolve with things as
   * they stand.
   *
   * @throws `invalid_input`; `store_failed`; the signal's reason
   */
  wait(scope: TaskScope, ids: readonly string[], options?: WaitOptions): Promise<(TaskInfo | undefined)[]> {
    return this.#runtime.waiter.wait(scope, ids, options);
  }

  /**
   * Asks a task to stop, and answers what is true then: a tool that ignores its signal is `running`, with
   * `cancel` set, until its grace is over. Cancelling again, or a finished task, changes nothing.
   *
   * @throws `invalid_input`; `store_failed`
   */
  cancel(scope: TaskScope, id: string, options: CancelOptions = {}): Promise<TaskInfo | undefined> {
    return this.#runtime.canceller.cancel(scope, id, options);
  }

  /** Cancels every unfinished task of a session, and answers them. @throws `invalid_input`; `store_failed` */
  cancelSession(scope: TaskScope & { sessionId: string }, options: CancelOptions = {}): Promise<TaskInfo[]> {
    return this.#runtime.canceller.cancelSession(scope, options);
  }

  /**
   * Listens; see {@link ManagerEvents} for what there is. A listener that throws harms nobody. It is called in the
   * async context of this call.
   *
   * @throws `invalid_input` for an event that there is not
   */
  on<Name extends keyof ManagerEvents>(name: Name, listener: ManagerListener<Name>): this {
    this.#runtime.notices.on(name, listener);
    return this;
  }

  off<Name extends keyof ManagerEvents>(name: Name, listener: ManagerListener<Name>): this {
    this.#runtime.notices.off(name, listener);
    return this;
  }

  once<Name extends keyof ManagerEvents>(name: Name, listener: ManagerListener<Name>): this {
    this.#runtime.notices.once(name, listener);
    return this;
  }

  async stats(): Promise<ManagerStats> {
    const { runningTasks, scheduler, calls, isAccepting } = this.#runtime;
    const foreground = [...calls].filter((call) => call.task === undefined).length;
    return { running: runningTasks.size, queued: scheduler.queued, foreground, accepting: isAccepting };
  }

  /**
   * Stops accepting, lets what runs and waits go on for `drainMs`, then ends it as `failed` / `shutdown`. What
   * another process may start again is left to it, where the store is shared.
   * Reading works on; who waits or watches gets how things stand. The store is closed by who made it. Calling it again
   * may shorten the drain.
   *
   * @param options.drainMs milliseconds; default 5_000
   * @throws `invalid_input`
   */
  async close(options: CloseOptions = {}): Promise<void> {
    const { drainMs } = readArgument(CLOSE, options);
    return this.#runtime.close(drainMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accepted<Settings>(settings: Settings): Settings {
    if (!this.#runtime.isAccepting) throw closedError();
    return settings;
  }
}

/** What a manager is doing at the moment, in this process. */
export interface ManagerStats {
  running: number;
  queued: number;
  /** Calls that a turn is waiting for. */
  foreground: number;
  /** False once `close` was called. */
  accepting: boolean;
}

/** The parts of a manager that others build on. */
export type ManagerParts = Pick<
  Runtime,
  "clock" | "keepContext" | "gateway" | "notices" | "queries" | "ledger" | "claims" | "isAccepting"
>;

/** What stands behind a manager, for follow-ups, tools and adapters. @throws `invalid_option` */
export function partsOf(manager: unknown): ManagerParts {
  return runtimeOf(manager);
}

/** The whole of it, for the middleware. @throws `invalid_option` */
export function runtimeOf(manager: unknown): Runtime {
  const runtime = typeof manager === "object" && manager !== null ? RUNTIMES.get(manager) : undefined;
  if (runtime) return runtime;
  checkVersion("tasks", manager);
  throw invalidOption("tasks", `a BackgroundTaskManager of tool-offload ${VERSION}`, manager);
}

/** For options that take a manager. */
export const manager: Kind<BackgroundTaskManager> = (value) => {
  runtimeOf(value);
  return value as BackgroundTaskManager;
};

/** Not a property of the manager: what merely looks like one, or stands before one, has no runtime. */
const RUNTIMES = shared("runtimes", () => new WeakMap<object, Runtime>());
