import { duplicateError } from "../calls/duplicates.ts";
import type { Execution } from "../calls/execution.ts";
import type { Follower } from "../calls/follower.ts";
import { retryDelay } from "../ledger/store-gateway.ts";
import { isReport, type NewTaskEvent } from "../model/events.ts";
import type { Insertion, Limit, NewTask } from "../model/store.ts";
import { type TaskRecord, toTaskInfo } from "../model/task.ts";
import { Timer } from "../time/clock.ts";
import { insertRunning } from "./insert.ts";
import type { Background } from "./running-tasks.ts";
import type { Parked, Scheduler } from "./scheduler.ts";

/**
 * One execution on its way into the background. While a limit or the store stands in the way, the call
 * stays in the foreground and this keeps trying, until the tool has settled.
 */
export class HandOver implements Follower {
  readonly #execution: Execution;
  readonly #background: Background;
  readonly #scheduler: Scheduler;
  readonly #over: () => void;
  #task: NewTask | undefined;
  #reported: NewTaskEvent[] = [];
  #isExempt = false;
  #isAsking = false;
  #isOver = false;
  #wasRefused = false;
  #failures = 0;
  #unpark: (() => void) | undefined;
  #retry: Timer | undefined;

  constructor(execution: Execution, background: Background, scheduler: Scheduler, over: () => void) {
    this.#execution = execution;
    this.#background = background;
    this.#scheduler = scheduler;
    this.#over = over;
    execution.join(this);
  }

  request(isExempt: boolean): void {
    this.#isExempt ||= isExempt;
    if (!this.#isAsking) void this.#try();
  }

  /** The call ended in the foreground; an answer that is still under way is seen to in {@link #inserted}. */
  settled(): void {
    if (!this.#isAsking) this.stop();
  }

  expired(): void {
    this.settled();
  }

  refused(): void {
    this.settled();
  }

  stop(): void {
    this.#isOver = true;
    this.#stopWaiting();
    this.#execution.leave(this);
    if (this.#task) this.#background.forget(this.#task.record.id);
    this.#over();
  }

  async #try(): Promise<void> {
    this.#stopWaiting();
    if (this.#isOver) return;
    const isExempt = this.#isExempt;
    if (isExempt) this.#scheduler.takeAnyway();
    else if (!this.#scheduler.take()) return this.#park("running");
    this.#isAsking = true;
    const { timesFreed } = this.#scheduler;
    try {
      this.#task = this.#describe();
      const answer = await insertRunning(this.#task, isExempt, this.#background, (late) => this.#late(late));
      const isOutOfDate = (this.#isExempt && !isExempt) || this.#scheduler.timesFreed !== timesFreed;
      this.#answered(answer, isOutOfDate);
    } catch {
      this.#failed();
    }
  }

  /** The same id at each try, so that a write whose answer was lost is found again. */
  #describe(): NewTask {
    const execution = this.#execution;
    if (execution.hasReports && this.#reported.length === 0) {
      this.#reported = execution.reports.drain(this.#background.clock.now());
    }
    return this.#background.describe(execution, this.#reported, this.#task?.record.id);
  }

  #answered(answer: Insertion, isOutOfDate: boolean): void {
    this.#isAsking = false;
    if (this.#isOver || answer.status !== "inserted") this.#scheduler.giveBack();
    if (this.#isOver) return;
    if (answer.status === "inserted") this.#inserted(answer.record);
    else if (answer.status === "duplicate") this.#joined(answer.record);
    else if (isOutOfDate && !this.#isSettled()) void this.#try();
    else this.#park(answer.limit);
  }

  #inserted(record: TaskRecord): void {
    const { events } = this.#task as NewTask;
    this.#background.hub.publish(record, events.slice(0, record.lastSeq), 1);
    const unwritten = events.slice(record.lastSeq).filter(isReport);
    this.#background.adopt(this.#execution, record, unwritten);
    this.stop();
  }

  /** What came after its time: the call is a task after all. */
  #late(answer: Insertion): void {
    if (answer.status !== "inserted" || this.#execution.task !== undefined) return;
    this.#scheduler.takeAnyway();
    this.#inserted(answer.record);
  }

  /** An equal call runs in another process. This one was for nothing. */
  #joined(record: TaskRecord): void {
    const execution = this.#execution;
    const error = duplicateError(execution.call);
    this.stop();
    if (execution.settings.onDuplicate !== "reject") {
      for (const follower of execution.followers) follower.joined?.(toTaskInfo(record));
    }
    execution.refuse(error);
  }

  #failed(): void {
    this.#isAsking = false;
    this.#scheduler.giveBack();
    this.#failures += 1;
    const { clock } = this.#background;
    if (this.#isOver) return;
    if (this.#isSettled()) this.stop();
    else this.#retry = new Timer(clock, () => void this.#try(), retryDelay(this.#failures)).unref();
  }

  #park(limit: Limit | "running"): void {
    if (this.#isSettled()) this.stop();
    else this.#unpark = this.#scheduler.park(this.#parked(limit));
    if (!this.#wasRefused) this.#tellRefused(limit);
  }

  #parked(limit: Limit | "running"): Parked {
    const { userId, sessionId = null } = this.#execution.call.scope;
    return { userId, sessionId, waitsForAny: limit === "running", retry: () => void this.#try() };
  }

  #tellRefused(limit: Limit | "running"): void {
    this.#wasRefused = true;
    const { scope, toolName, toolCallId = null } = this.#execution.call;
    this.#background.hub.emit("offload.refused", { scope, toolName, toolCallId, limit });
  }

  #isSettled(): boolean {
    const { outcome, isExpired, isShutDown } = this.#execution;
    return outcome !== undefined || isExpired || isShutDown;
  }

  #stopWaiting(): void {
    this.#unpark?.();
    this.#retry?.clear();
  }
}
