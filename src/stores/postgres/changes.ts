import type { TaskHint, TaskKey } from "../../core/model/store.ts";
import { hintOf } from "../../core/model/store.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import type { HintListeners } from "../shared/listeners.ts";
import { fromSessionKey } from "./keys.ts";
import type { Notifier } from "./notifier.ts";
import type { Rounds } from "./rounds.ts";
import { fromRow, type TaskRow } from "./rows.ts";

/** What was written, in the columns of its row, and whether anybody listens. */
export interface Change<Row = TaskRow> {
  task: Row;
  watched: boolean;
}

/** A task to which events were appended. */
export type AppendedRow = Pick<TaskRow, "session" | "status" | "last_seq">;

/** Everything that was written comes by here: listeners are told, and retention learns where to look. */
export class Changes {
  readonly #hints: HintListeners;
  readonly #notifier: Notifier | undefined;
  readonly #rounds: Rounds;

  /** Without a notifier other processes are told nothing. */
  constructor(hints: HintListeners, notifier: Notifier | undefined, rounds: Rounds) {
    this.#hints = hints;
    this.#notifier = notifier;
    this.#rounds = rounds;
  }

  /** The record of a row that was written with so many events. */
  written({ task, watched }: Change, events: number): TaskRecord {
    const record = fromRow(task);
    this.made(record, events, watched);
    return record;
  }

  /** The record of a follow-up that was settled: what is over has an event, what waits again has none. */
  settled(change: Change): TaskRecord {
    return this.written(change, change.task.follow_up_status === "pending" ? 0 : 1);
  }

  /** The `seq` of the last of so many events that were appended. */
  appended({ userId, id }: TaskKey, { task, watched }: Change<AppendedRow>, events: number): number {
    const { status, last_seq: lastSeq } = task;
    const sessionId = fromSessionKey(task.session);
    const firstSeq = lastSeq - events + 1;
    this.#tell({ id, userId, sessionId, firstSeq, lastSeq, status, followUp: "none" }, watched);
    return lastSeq;
  }

  made(record: TaskRecord, events: number, watched: boolean): void {
    if (isFinished(record.status)) this.#rounds.note(record.userId);
    this.#tell(hintOf(record, record.lastSeq - events + 1), watched);
  }

  #tell(hint: TaskHint, watched: boolean): void {
    if (watched) this.#notifier?.tell(hint);
    this.#hints.tell(hint);
  }
}
