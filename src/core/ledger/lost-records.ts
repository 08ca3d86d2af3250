import type { NewTaskEvent } from "../model/events.ts";
import { isDamaged, type NewTask, NO_LIMITS, type TaskStore } from "../model/store.ts";
import { scopeOf, type TaskRecord, toTaskInfo } from "../model/task.ts";
import type { SteadyClock } from "../time/clock.ts";
import { type Moment, momentOf } from "../time/moment.ts";
import type { Notices } from "./notices.ts";
import type { StoreGateway } from "./store-gateway.ts";

/**
 * Writes anew what the store has lost under the running tasks of this process: it was flushed, or started again
 * without what it had kept.
 *
 * Which absence is a loss? Retention takes no running task, and as long as its lease is held nobody else may end it.
 * So one that is gone was lost, unless the lease may have lapsed unnoticed, since the process stood still for longer:
 * then another may have ended it, and retention may have taken it after that. It stays gone. A store that fails is no
 * reason for such a doubt: nobody else reaches it either. Nor is a queued task lost: anybody may have cancelled it.
 */
export class LostRecords {
  readonly #clock: SteadyClock;
  readonly #gateway: StoreGateway;
  readonly #notices: Notices;
  readonly #leaseMs: number;
  readonly #doubtMs: number;
  #alive: Moment;
  #isDoubtful = false;
  #hasRenewed = false;

  /** `doubtMs`: how long the process may stand still and nobody else ends its tasks. */
  constructor({ clock, gateway, notices }: LostRecordsParts, leaseMs: number, doubtMs: number) {
    this.#clock = clock;
    this.#gateway = gateway;
    this.#notices = notices;
    this.#leaseMs = leaseMs;
    this.#doubtMs = doubtMs;
    this.#alive = momentOf(clock);
  }

  /** The process tries to renew its leases. A doubt lasts until one that was renewed has been looked at. */
  renewing(): void {
    this.#isDoubtful = this.#hasStoodStill() || (this.#isDoubtful && !this.#hasRenewed);
    this.#hasRenewed = false;
    this.#alive = momentOf(this.#clock);
  }

  renewed(): void {
    this.#hasRenewed = true;
  }

  /** The record of a task as it is now, and of one that was lost as it is again. @throws `closed` */
  async readOrRestore(task: TaskRecord): Promise<TaskRecord | undefined> {
    const read = (store: TaskStore) => store.get(scopeOf(task), task.id).catch(ifDamaged);
    return (await this.#gateway.insist("get", read)) ?? this.restore(task);
  }

  /**
   * Writes a task again that is gone, with what it takes to start its tool again, however often the store fails.
   * `undefined`: it was not lost. @throws `closed`
   */
  async restore(task: TaskRecord, input?: string): Promise<TaskRecord | undefined> {
    if (task.status !== "running" || this.#isDoubtful || this.#hasStoodStill()) return undefined;
    const events: NewTaskEvent[] = [{ at: this.#clock.now(), type: "task.started" }];
    // An equal call may have begun in the meantime: this one is joined no more.
    const lost = { record: { ...task, duplicateKey: null }, events, input };
    const { record } = await this.#gateway.insist("insert", (store) => this.#insert(store, lost));
    this.#notices.publish(record, events);
    this.#notices.emit("record.lost", { scope: scopeOf(record), task: toTaskInfo(record) });
    return record;
  }

  /** Where it was asked for again in the meantime, the key is the other task's. */
  async #insert(store: TaskStore, lost: NewTask): Promise<{ record: TaskRecord }> {
    const answer = await store.insert(lost, NO_LIMITS, this.#leaseMs);
    if (answer.status === "inserted") return answer;
    const { idempotency, ...record } = lost.record;
    return idempotency === undefined ? lost : this.#insert(store, { ...lost, record });
  }

  #hasStoodStill(): boolean {
    const { wall, monotonic } = momentOf(this.#clock);
    return Math.max(wall - this.#alive.wall, monotonic - this.#alive.monotonic) > this.#doubtMs;
  }
}

interface LostRecordsParts {
  readonly clock: SteadyClock;
  readonly gateway: StoreGateway;
  readonly notices: Notices;
}

/** What cannot be read is as good as gone. */
function ifDamaged(error: unknown): undefined {
  if (!isDamaged(error)) throw error;
}
