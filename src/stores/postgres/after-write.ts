import type { TaskHint, TaskKey } from "../../core/model/store.ts";
import { hintOf } from "../../core/model/store.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";
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

  constructor(hints: Hints, sweepPlan: SweepPlan) {
    this.#hints = hints;
    this.#sweepPlan = sweepPlan;
  }

  /** The record of a row that was written with so many events. */
  written({ task, watched }: Written, events: number): TaskRecord {
    const record = fromRow(task);
    this.announce(record, events, watched);
    return record;
  }

  /** The record of a follow-up that was settled: what is over has an event, what is pending again has none. */
  settled(written: Written): TaskRecord {
    return this.written(written, written.task.follow_up_status === "pending" ? 0 : 1);
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
}
