import type { Ledger } from "../ledger/ledger.ts";
import type { Notices } from "../ledger/notices.ts";
import { changeFor, type LifecycleEvent } from "../model/lifecycle.ts";
import { scopeOf, type TaskRecord, toTaskInfo } from "../model/task.ts";
import type { TaskTerms } from "../options/task-terms.ts";
import { type SteadyClock, Timer } from "../time/clock.ts";
import type { Admission, Job } from "./queue.ts";
import { deadlineOf } from "./record.ts";
import type { RunningTasks } from "./running-tasks.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Slot } from "./slot.ts";
import { letGo, type StoredCall } from "./stored-call.ts";

/** A task on record whose tool waits in this process for a slot to run. */
export class QueuedTask implements Job {
  readonly record: TaskRecord;
  readonly order: number;
  readonly #stored: StoredCall;
  readonly #parts: QueuedTaskParts;
  readonly #over: () => void;
  #hasBegun = false;
  #isShutDown = false;
  #admission: Promise<Admission> | undefined;
  #patience: Timer | undefined;

  constructor(
    stored: StoredCall,
    record: TaskRecord,
    order: number,
    parts: QueuedTaskParts,
    over: () => void,
  ) {
    this.#stored = stored;
    this.record = record;
    this.order = order;
    this.#parts = parts;
    this.#over = over;
  }

  get userId(): string {
    return this.record.userId;
  }

  get sessionId(): string | null {
    return this.record.sessionId;
  }

  get priority(): number {
    return this.record.priority;
  }

  /** It waits from now on, and may wait for a task that waits for it: somebody is told of a long wait. */
  entered(): void {
    this.#patience = new Timer(this.#parts.clock, () => this.#tellWaiting(), PATIENCE_MS).unref();
  }

  left(): void {
    this.#patience?.clear();
  }

  admit(slot: Slot): Promise<Admission> {
    this.#admission = this.#stored.inContext(() => this.#admit(slot));
    return this.#admission;
  }

  /**
   * Ends it unstarted, unless another process may start it. An admission that is under way comes first: the store
   * may have let it in.
   */
  async shutdown(): Promise<void> {
    this.#isShutDown = true;
    await this.#admission;
    const { clock, ledger, terms } = this.#parts;
    if (this.#hasBegun || letGo(this.record, this.#stored.restartState, terms, ledger)) return;
    const change = changeFor(this.record, [SHUTDOWN], clock.now());
    if (change) await ledger.end(this.record, change, () => undefined).catch(() => undefined);
  }

  #tellWaiting(): void {
    const { scheduler, notices } = this.#parts;
    const limit = scheduler.limitOn(this);
    if (limit === undefined) this.entered();
    else notices.emit("task.waiting", { scope: scopeOf(this.record), task: toTaskInfo(this.record), limit });
  }

  async #admit(slot: Slot): Promise<Admission> {
    const { clock, ledger, runningTasks } = this.#parts;
    const since = clock.monotonic();
    const deadlineAt = deadlineOf(clock.now(), this.#stored.settings);
    runningTasks.expect(this.record.id);
    try {
      const answer = await ledger.admit(this.record, deadlineAt, {
        isTaken: () => this.#hasBegun,
        take: (record) => this.#begin(record, slot, since),
      });
      runningTasks.forget(this.record.id);
      if (this.#hasBegun) return "admitted";
      if (answer?.status === "refused") return answer.limit;
      this.#over();
      return "gone";
    } catch {
      return "failed";
    }
  }

  #begin(record: TaskRecord, slot: Slot, since: number): void {
    this.#hasBegun = true;
    this.#over();
    this.#parts.runningTasks.run(this.#stored, record, slot, since, this.#isShutDown);
  }
}

/** What a queued task works with. */
export interface QueuedTaskParts {
  readonly clock: SteadyClock;
  readonly ledger: Ledger;
  readonly notices: Notices;
  readonly runningTasks: RunningTasks;
  readonly scheduler: Scheduler;
  readonly terms: TaskTerms;
}

/** Milliseconds for which a task waits in the queue as a matter of course. */
const PATIENCE_MS = 2_000;

const SHUTDOWN: LifecycleEvent = {
  type: "task.failed",
  error: { code: "shutdown", message: "The manager was closed before the tool had started." },
};
