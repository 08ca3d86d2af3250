import { lastProgress } from "../../core/model/events.ts";
import type { Guard, Insertion, Limit, NewTask } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { Changes } from "./changes.ts";
import type { Database } from "./database.ts";
import { toText } from "./keys.ts";
import { logOf } from "./log.ts";
import { fromRow, type TaskRow, toRow } from "./rows.ts";

/** New tasks. */
export class Inserting {
  readonly #database: Database;
  readonly #changes: Changes;

  constructor(database: Database, changes: Changes) {
    this.#database = database;
    this.#changes = changes;
  }

  async insert({ record: given, events, input }: NewTask, guard: Guard, leaseMs: number): Promise<Insertion> {
    const { json, weights, count, chars } = logOf(events);
    const progress = lastProgress(events) ?? given.progress;
    const record = { ...given, progress, lastSeq: given.lastSeq + count };
    const row = toRow(record, { first_seq: given.lastSeq + 1, log_chars: chars });
    const limits = [guard.runningPerUser, guard.runningPerSession, guard.queuedPerUser, guard.exclusive];
    const values = [row, input === undefined ? null : toText(input), leaseMs, json, weights, ...limits];
    const answer = await this.#database.call<Answer>("insert_task", values);
    if (answer === undefined) throw new Error("PostgreSQL has answered nothing.");
    return this.#insertion(answer, record, count);
  }

  #insertion(answer: Answer, record: TaskRecord, events: number): Insertion {
    switch (answer.outcome) {
      case "inserted": {
        const inserted: TaskRecord = JSON.parse(JSON.stringify(record));
        this.#changes.made(inserted, events, answer.watched);
        return { status: "inserted", record: inserted };
      }
      case "known":
        return { status: "inserted", record: fromRow(answer.task) };
      case "duplicate":
        return { status: "duplicate", record: fromRow(answer.task) };
      default:
        return { status: "refused", limit: answer.outcome };
    }
  }
}

type Answer =
  | { outcome: "inserted"; watched: boolean }
  | { outcome: "known" | "duplicate"; task: TaskRow }
  | { outcome: Limit };
