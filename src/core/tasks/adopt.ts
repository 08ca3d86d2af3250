import { duplicateError } from "../calls/duplicates.ts";
import { type CallParts, RunningCall } from "../calls/running-calls.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { ToolCall } from "../model/call.ts";
import type { Insertion } from "../model/store.ts";
import type { TaskInfo } from "../model/task.ts";
import type { ToolSettings } from "../options/task-options.ts";
import type { TaskTerms } from "../options/task-terms.ts";
import { monotonicAt } from "../time/moment.ts";
import { func, kind } from "../values/kinds.ts";
import { needed, readArgument, type Table } from "../values/options.ts";
import { joinStored } from "./join-equal.ts";
import { newRunningTask } from "./record.ts";
import { noSlotError, refusedError } from "./refused-error.ts";
import type { RunningTasks } from "./running-tasks.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Slot } from "./slot.ts";

/** A tool that runs already, outside this library. */
export interface ExecutionHandle {
  promise: PromiseLike<unknown>;
  /** Called on cancel, deadline and shutdown. */
  abort(reason: unknown): void;
  /** Epoch milliseconds; its deadline counts from here. */
  startedAt: number;
}

const OUTSIDE = {
  promise: needed(
    kind("a promise", (value) => typeof (value as PromiseLike<unknown> | null)?.then === "function"),
  ),
  abort: needed(func()),
  startedAt: needed(kind("epoch milliseconds", Number.isFinite)),
} satisfies Table<ExecutionHandle>;

/** Makes tasks of tools that somebody else has started. */
export class Adopter {
  readonly #parts: AdopterParts;

  constructor(parts: AdopterParts) {
    this.#parts = parts;
  }

  async adopt(call: ToolCall, outside: ExecutionHandle, settings: ToolSettings): Promise<TaskInfo> {
    readArgument(OUTSIDE, outside, "execution", "execution.");
    const slot = this.#parts.scheduler.takeSlot();
    if (slot === undefined) throw noSlotError(call);
    const { startedAt } = outside;
    const since = monotonicAt(startedAt, this.#parts.clock);
    const running = new RunningCall(call, settings, this.#parts, since, NO_RESTART, startedAt);
    running.execution.inContext = this.#parts.keepContext();
    running.execution.onAbort((reason) => abortQuietly(outside, reason));
    running.execution.follow(outside.promise);
    return this.#insert(running, slot);
  }

  async #insert(running: RunningCall, slot: Slot): Promise<TaskInfo> {
    const { clock, ledger, runningTasks, terms } = this.#parts;
    const { call, settings } = running.execution;
    const task = newRunningTask(running, [], terms, clock.now());
    const { id } = task.record;
    let answer: Insertion;
    runningTasks.expect(id);
    try {
      answer = await ledger.insert(task);
    } catch (error) {
      this.#letGo(running, id, slot);
      throw error;
    }
    if (answer.status === "inserted") return runningTasks.adopt(running, answer.record, slot).info();
    this.#letGo(running, id, slot);
    if (answer.status === "refused") throw refusedError(answer, call);
    running.execution.abort(duplicateError(call));
    return joinStored(answer.record, call, settings);
  }

  /** It stays its caller's own. */
  #letGo(running: RunningCall, id: string, slot: Slot): void {
    this.#parts.runningTasks.forget(id);
    slot.releaseIfUnused();
    running.release();
  }
}

interface AdopterParts extends CallParts {
  readonly ledger: Ledger;
  readonly runningTasks: RunningTasks;
  readonly scheduler: Scheduler;
  readonly terms: TaskTerms;
}

/** Who started it knows nothing of keys and checkpoints, so it cannot be started again. */
const NO_RESTART = undefined;

/** What the host's abort throws must not keep the task from ending. */
function abortQuietly(outside: ExecutionHandle, reason: unknown): void {
  const abort = async () => outside.abort(reason);
  abort().catch(() => undefined);
}
