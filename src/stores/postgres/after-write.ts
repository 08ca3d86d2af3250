import type { TaskHint, TaskKey } from "../../core/model/store.ts";
import { hintOf } from "../../core/model/store.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import type { Damages } from "./damage.ts";
import type { Hints } from "./hints.ts";
import { fromSessionKey } from "./keys.ts";
import { fromRow, type TaskRow } from "./rows.ts";
import type { SweepPlan } from "./sweep-plan.ts";

/** What was written, in the columns of its row, and whether anybody watches elsewhere. */
export interface Written<Row = TaskRow> {
  task: Row;
  watched: boolean;
}

/** A task to which events were appended. */
export type AppendedRow = Pick<TaskRow, "session" | "status" | "last_seq">;

/** What follows every write: whoever watches is told, and retention learns where to look. */
export class AfterWrite {
  readonly #hints: Hints;
  readonly #sweepPlan: SweepPlan;
  readonly #damages: Damages;

  constructor(hints: Hints, sweepPlan: SweepPlan, damages: Damages) {
    this.#hints = hints;
    this.#sweepPlan = sweepPlan;
    this.#damages = damages;
  }

  /** The record of a row that was written with so many events. @throws DamagedError */
  written(written: Written, events: number): Promise<TaskRecord> {
    return this.#damages.readOne(() => this.#told(written, events));
  }

  /** The records of follow-ups that were taken into a turn, but for those that are damaged. */
  taken(rows: readonly Written[]): Promise<TaskRecord[]> {
    return this.#damages.readEach(rows, (written) => this.#told(written, 0));
  }

  /** The same of follow-ups that were settled: what is over has an event, what is pending again has none. */
  settled(rows: readonly Written[]): Promise<TaskRecord[]> {
    const eventsOf = ({ task }: Written) => (task.follow_up_status === "pending" ? 0 : 1);
    return this.#damages.readEach(rows, (written) => this.#told(written, eventsOf(written)));
  }

  /** The `seq` of the last of so many events that were appended. */
  appended({ userId, id }: TaskKey, { task, watched }: Written<AppendedRow>, events: number): number {
    const { status, last_seq: lastSeq } = task;
    const sessionId = fromSessionKey(task.session);
    const firstSeq = lastSeq - events + 1;
    const hint: TaskHint = { id, userId, sessionId, firstSeq, lastSeq, status, followUp: "none" };
    this.#hints.tell(hint, watched);
    return lastSeq;
  }

  /** A record that is as it was written, with so many events. */
  announce(record: TaskRecord, events: number, watched: boolean): void {
    if (isFinished(record.status)) this.#sweepPlan.note(record.userId);
    this.#hints.tell(hintOf(record, record.lastSeq - events + 1), watched);
  }

  #told({ task, watched }: Written, events: number): TaskRecord {
    const record = fromRow(task);
    this.announce(record, events, watched);
    return record;
  }
}
