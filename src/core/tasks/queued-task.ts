import type { Ledger } from "../ledger/ledger.ts";
import { changeFor, type LifecycleEvent } from "../model/lifecycle.ts";
import type { TaskRecord } from "../model/task.ts";
import type { TaskTerms } from "../options/task-terms.ts";
import type { SteadyClock } from "../time/clock.ts";
import type { Admission, Job } from "./queue.ts";
import { deadlineOf } from "./record.ts";
import type { RunningTasks } from "./running-tasks.ts";
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
  readonly runningTasks: RunningTasks;
  readonly terms: TaskTerms;
}

const SHUTDOWN: LifecycleEvent = {
  type: "task.failed",
  error: { code: "shutdown", message: "The manager was closed before the tool had started." },
};
