import { duplicateError } from "../calls/duplicates.ts";
import type { Follower } from "../calls/outcome.ts";
import type { RunningCall } from "../calls/running-calls.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Notices } from "../ledger/notices.ts";
import { isReport } from "../model/events.ts";
import type { Insertion, LimitName, NewTask } from "../model/store.ts";
import { type TaskRecord, toTaskInfo } from "../model/task.ts";
import type { TaskTerms } from "../options/task-terms.ts";
import type { InContext, KeepContext } from "../time/async-context.ts";
import { type Clock, Timer } from "../time/clock.ts";
import { retryDelay } from "../time/retry-delay.ts";
import type { Link } from "../values/chain.ts";
import { named } from "../values/names.ts";
import type { Admission, Job } from "./queue.ts";
import { cancelledByTurn, newRunningTask } from "./record.ts";
import type { RunningTasks } from "./running-tasks.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Slot } from "./slot.ts";

/**
 * One running call on its way into the background. While a limit or the store stands in the way, the call
 * stays in the foreground and this keeps trying, until the tool has settled.
 */
export class HandOver implements Follower, Job, Link<HandOver> {
  older: HandOver | undefined;
  newer: HandOver | undefined;
  readonly order: number;
  readonly priority = 1;
  readonly #call: RunningCall;
  readonly #parts: HandOverParts;
  readonly #over: () => void;
  /** However often it tries, and whoever wakes it for that. */
  readonly #inContext: InContext;
  #task: NewTask | undefined;
  #isExempt = false;
  #isAsking = false;
  #isOver = false;
  #wasRefused = false;
  #failures = 0;
  #isParked = false;
  #retry: Timer | undefined;

  constructor(call: RunningCall, parts: HandOverParts, over: () => void) {
    this.#call = call;
    this.#parts = parts;
    this.#over = over;
    this.order = parts.scheduler.nextOrder();
    this.#inContext = call.execution.inContext ?? parts.keepContext();
    call.join(this);
  }

  get userId(): string {
    return this.#call.execution.call.scope.userId;
  }

  get sessionId(): string | null {
    return this.#call.execution.call.scope.sessionId ?? null;
  }

  request(isExempt: boolean): void {
    this.#isExempt ||= isExempt;
    if (!this.#isAsking) this.#try();
  }

  /** Its turn has come, among those who wait for a slot. */
  admit(slot: Slot): Promise<Admission> {
    return this.#inContext(() => this.#ask(slot));
  }

  /** The call ended in the foreground; an answer that is still under way is seen to in {@link #take}. */
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
    this.#call.leave(this);
    if (this.#task) this.#parts.runningTasks.forget(this.#task.record.id);
    this.#over();
  }

  #try(): void {
    void this.#inContext(() => this.#tryOnce());
  }

  async #tryOnce(): Promise<void> {
    this.#stopWaiting();
    if (this.#isOver) return;
    const { scheduler } = this.#parts;
    const slot = this.#isExempt ? scheduler.takeSlotAnyway() : scheduler.takeSlot();
    const admission = slot === undefined ? "running" : await this.#ask(slot);
    slot?.releaseIfUnused();
    if (this.#isOver || admission === "admitted" || admission === "gone") return;
    if (admission === "failed") this.#retryLater();
    else this.#park(admission);
  }

  async #ask(slot: Slot): Promise<Admission> {
    const isExempt = this.#isExempt;
    this.#isAsking = true;
    const answer = await this.#insert(slot, isExempt).catch(() => undefined);
    this.#isAsking = false;
    if (answer?.status === "duplicate" && !this.#isOver) this.#joined(answer.record);
    if (answer === undefined) this.#failures += 1;
    if (this.#isSettled() && !this.#isOver) this.stop();
    if (this.#isOver) return "gone";
    if (this.#isExempt && !isExempt) return this.#ask(slot);
    return answer?.status === "refused" ? answer.limit : "failed";
  }

  async #insert(slot: Slot, isExempt: boolean): Promise<Insertion> {
    const { ledger, runningTasks } = this.#parts;
    const task = this.#describe();
    runningTasks.expect(task.record.id);
    return ledger.insertRunning(task, isExempt, {
      isTaken: () => this.#call.task !== undefined,
      take: (record) => this.#take(record, slot),
    });
  }

  /**
   * Once a try may have been written, later ones say the same, and at most a cancel more: so it is known what is on
   * record, whichever of them has written it.
   */
  #describe(): NewTask {
    const { clock, terms } = this.#parts;
    const { execution, turnAbortedAt } = this.#call;
    if (this.#task === undefined || this.#failures === 0) {
      const now = clock.now();
      const reported = execution.hasReports ? execution.reports.next(now) : [];
      this.#task = newRunningTask(this.#call, reported, terms, now, this.#task?.record.id);
    }
    if (turnAbortedAt !== undefined) this.#task = cancelledByTurn(this.#task, turnAbortedAt);
    return this.#task;
  }

  #take(record: TaskRecord, slot: Slot): void {
    const { events = [] } = this.#task ?? {};
    const written = events.slice(0, record.lastSeq).filter(isReport);
    if (written.length > 0) this.#call.execution.reports.confirm(written.length);
    this.#parts.runningTasks.adopt(this.#call, record, slot);
    this.stop();
  }

  /** An equal call runs in another process. This one was for nothing. */
  #joined(record: TaskRecord): void {
    const { call, settings } = this.#call.execution;
    const error = duplicateError(call);
    this.stop();
    if (settings.onDuplicate === "reject") this.#call.refuse(error);
    else this.#call.replace(toTaskInfo(record), error);
  }

  #retryLater(): void {
    const { clock } = this.#parts;
    this.#retry = new Timer(clock, () => this.#try(), retryDelay(this.#failures)).unref();
  }

  #park(limit: LimitName | "running"): void {
    this.#isParked = true;
    this.#parts.scheduler.park(this);
    if (!this.#wasRefused) this.#tellRefused(limit);
  }

  #tellRefused(limit: LimitName | "running"): void {
    this.#wasRefused = true;
    const { scope, toolName, toolCallId = null } = this.#call.execution.call;
    const say = () =>
      `A slow tool call${named(toolName)} has met the limit "${limit}" and keeps its turn waiting.`;
    this.#parts.notices.emitOrWarn("offload.refused", { scope, toolName, toolCallId, limit }, say);
  }

  #isSettled(): boolean {
    const { execution, isShutDown } = this.#call;
    return execution.outcome !== undefined || execution.isExpired || isShutDown;
  }

  #stopWaiting(): void {
    if (this.#isParked) this.#parts.scheduler.unpark(this);
    this.#isParked = false;
    this.#retry?.clear();
  }
}

/** What a hand-over works with. */
export interface HandOverParts {
  readonly clock: Clock;
  readonly keepContext: KeepContext;
  readonly ledger: Ledger;
  readonly notices: Notices;
  readonly runningTasks: RunningTasks;
  readonly scheduler: Scheduler;
  readonly terms: TaskTerms;
}
