import { lastProgress, type NewTaskEvent } from "../../core/model/events.ts";
import type {
  Insertion,
  LimitName,
  NewTask,
  Refused,
  TaskChange,
  TaskKey,
  TaskLimits,
} from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { AfterWrite, AppendedRow, Written } from "./after-write.ts";
import { eventValues, resultValues, toBatch } from "./contents.ts";
import type { Database } from "./database.ts";
import { toKey, toText } from "./keys.ts";
import { INDEX, type Names, UNFINISHED } from "./names.ts";
import type { QueryValue } from "./pool.ts";
import { fromRow, type TaskRow, toPatch, toRow } from "./rows.ts";

/** Tasks written, one at a time. */
export class Tasks {
  readonly #database: Database;
  readonly #after: AfterWrite;

  constructor(database: Database, after: AfterWrite) {
    this.#database = database;
    this.#after = after;
  }

  async insert(
    { record: given, events, input }: NewTask,
    limits: TaskLimits,
    leaseMs: number,
  ): Promise<Insertion> {
    const { json, weights, count, chars } = toBatch(events);
    const progress = lastProgress(events) ?? given.progress;
    const record = { ...given, progress, lastSeq: given.lastSeq + count };
    const row = toRow(record, { first_seq: given.lastSeq + 1, log_chars: chars });
    const text = input === undefined ? null : toText(input);
    const values = [row, text, leaseMs, json, weights, ...limitValues(limits)];
    const answer = await this.#database.call<InsertAnswer>(INSERT, values);
    if (answer === undefined) throw new Error("PostgreSQL has answered nothing.");
    return this.#insertion(answer, record, count);
  }

  async transition(task: TaskKey, version: number, change: TaskChange): Promise<TaskRecord | undefined> {
    const startsLease = change.patch.owner != null;
    const values = [...changeValues(task, version, change), startsLease];
    const answer = await this.#database.call<Written>(TRANSITION, values);
    return answer && this.#after.written(answer, change.events.length);
  }

  async admit(
    task: TaskKey,
    version: number,
    change: TaskChange,
    limits: TaskLimits,
  ): Promise<TaskRecord | Refused | undefined> {
    const values = [...changeValues(task, version, change), limits.runningPerUser, limits.runningPerSession];
    const answer = await this.#database.call<AdmitAnswer>(ADMIT, values);
    if (answer === undefined) return undefined;
    if ("refusal" in answer) return { status: "refused", limit: answer.refusal };
    return this.#after.written(answer, change.events.length);
  }

  async append(task: TaskKey, owner: string, events: NewTaskEvent[]): Promise<number> {
    const values = [...keyValues(task), toKey(owner), ...eventValues(events)];
    const answer = await this.#database.call<Written<AppendedRow>>(APPEND, values);
    return answer ? this.#after.appended(task, answer, events.length) : 0;
  }

  async checkpoint(task: TaskKey, owner: string, checkpoint: string): Promise<boolean> {
    const values = [...keyValues(task), toKey(owner), toText(checkpoint)];
    return (await this.#database.ask(CHECKPOINT(this.#database.names), values)).length > 0;
  }

  #insertion(answer: InsertAnswer, record: TaskRecord, events: number): Insertion {
    switch (answer.outcome) {
      case "inserted": {
        const inserted: TaskRecord = JSON.parse(JSON.stringify(record));
        this.#after.announce(inserted, events, answer.watched);
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

type InsertAnswer =
  | { outcome: "inserted"; watched: boolean }
  | { outcome: "known" | "duplicate"; task: TaskRow }
  | { outcome: LimitName };

function limitValues({
  runningPerUser,
  runningPerSession,
  queuedPerUser,
  exclusive,
}: TaskLimits): (number | boolean | null)[] {
  return [runningPerUser, runningPerSession, queuedPerUser, exclusive];
}

type AdmitAnswer = Written | { refusal: LimitName };

/**
 * $1 a {@link TaskRow} as JSON, $2 input or null, $3 length of the lease, $4 events, $5 their weights; limits of what
 * $6 runs for the user, $7 runs in the session, $8 is queued for the user; $9 whether it must be alone in the session.
 * Returns an {@link InsertAnswer}.
 */
const INSERT = "insert_task($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/**
 * $1 user, $2 task, $3 version, $4 patch; $5 progress, $6 events, $7 their weights, $8 their number, $9 their characters;
 * $10, $11 and $12 the columns of a result; $13 whether a lease starts. Returns what was {@link Written}, or null.
 */
const TRANSITION = "change_task($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/** The same up to $12; limits of what $13 runs for the user, $14 in the session. Returns an {@link AdmitAnswer}, or null. */
const ADMIT = "admit_task($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

/**
 * $1 user, $2 task, $3 owner; $4 progress, $5 events, $6 their weights, $7 their number, $8 their characters.
 * Returns what was {@link Written}, or null.
 */
const APPEND = "append_events($1, $2, $3, $4, $5, $6, $7, $8)";

/**
 * $1 user, $2 task, $3 owner, $4 checkpoint. Returns a row if it was written. The task is locked meanwhile: whoever
 * takes it over reads the checkpoint after that.
 */
const CHECKPOINT = (names: Names) => `WITH task AS (
    SELECT key FROM ${names.tasks}
    WHERE user_id = $1 AND id = $2 AND owner = $3 AND ${INDEX} IN ${UNFINISHED} FOR SHARE
  ) UPDATE ${names.payloads} AS p SET checkpoint = $4 FROM task WHERE p.task_key = task.key RETURNING true`;

function keyValues({ userId, id }: TaskKey): QueryValue[] {
  return [toKey(userId), toKey(id)];
}

/** The first twelve values of a change. */
function changeValues(task: TaskKey, version: number, { patch, events, result }: TaskChange): QueryValue[] {
  return [...keyValues(task), version, toPatch(patch), ...eventValues(events), ...resultValues(result)];
}
