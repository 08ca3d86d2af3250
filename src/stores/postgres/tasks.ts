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
import { type EventValue, eventValues, type ResultRow, resultValues, toBatch } from "./contents.ts";
import type { Damages } from "./damage.ts";
import type { Database } from "./database.ts";
import { toKey, toText } from "./keys.ts";
import { DAMAGED, INDEX, UNFINISHED } from "./names.ts";
import { fromRow, type TaskRow, toPatch, toRow } from "./rows.ts";
import { call, statement, type Values } from "./statement.ts";

/** Writes tasks, one at a time. */
export class Tasks {
  readonly #database: Database;
  readonly #after: AfterWrite;
  readonly #damages: Damages;

  constructor(database: Database, after: AfterWrite, damages: Damages) {
    this.#database = database;
    this.#after = after;
    this.#damages = damages;
  }

  async insert(task: NewTask, limits: TaskLimits, leaseMs: number): Promise<Insertion> {
    const { record: given, events, input } = task;
    const { json, weights, count, chars } = toBatch(events);
    const progress = lastProgress(events) ?? given.progress;
    const record = { ...given, progress, lastSeq: given.lastSeq + count };
    const row = toRow(record, { first_seq: given.lastSeq + 1, log_chars: chars });
    const text = input === undefined ? null : toText(input);
    const values = { row, input: text, leaseMs, events: json, weights, ...limits };
    const answer = await this.#database.askOne(INSERT, values);
    if (answer === undefined) throw new Error("PostgreSQL has answered nothing.");
    if (!("task" in answer)) return this.#insertion(answer, record, count);
    const [known] = await this.#damages.readEach([answer.task], fromRow);
    if (known === undefined) {
      if (answer.outcome === "known") await this.#database.ask(MOVE_ASIDE, keyValues(given));
      return this.insert(task, limits, leaseMs);
    }
    return { status: answer.outcome === "known" ? "inserted" : answer.outcome, record: known };
  }

  async transition(task: TaskKey, version: number, change: TaskChange): Promise<TaskRecord | undefined> {
    const values = { ...changeValues(task, version, change), startsLease: change.patch.owner != null };
    const answer = await this.#database.askOne(TRANSITION, values);
    return answer && this.#after.written(answer, change.events.length);
  }

  async admit(
    task: TaskKey,
    version: number,
    change: TaskChange,
    limits: TaskLimits,
  ): Promise<TaskRecord | Refused | undefined> {
    const values = { ...changeValues(task, version, change), ...limits };
    const answer = await this.#database.askOne(ADMIT, values);
    if (answer === undefined) return undefined;
    if ("refusal" in answer) return { status: "refused", limit: answer.refusal };
    return this.#after.written(answer, change.events.length);
  }

  async append(task: TaskKey, owner: string, events: NewTaskEvent[]): Promise<number> {
    const values = { ...keyValues(task), owner: toKey(owner), ...eventValues(events) };
    const answer = await this.#database.askOne(APPEND, values);
    return answer ? this.#after.appended(task, answer, events.length) : 0;
  }

  async checkpoint(task: TaskKey, owner: string, checkpoint: string): Promise<boolean> {
    const values = { ...keyValues(task), owner: toKey(owner), checkpoint: toText(checkpoint) };
    return (await this.#database.ask(CHECKPOINT, values)).length > 0;
  }

  #insertion(answer: InsertedRow | LimitMet, record: TaskRecord, events: number): Insertion {
    if (answer.outcome !== "inserted") return { status: "refused", limit: answer.outcome };
    const inserted: TaskRecord = JSON.parse(JSON.stringify(record));
    this.#after.announce(inserted, events, answer.watched);
    return { status: "inserted", record: inserted };
  }
}

type InsertedRow = { outcome: "inserted"; watched: boolean };
type LimitMet = { outcome: LimitName };
type InsertAnswer = InsertedRow | { outcome: "known" | "repeated" | "duplicate"; task: TaskRow } | LimitMet;

type AdmitAnswer = Written | { refusal: LimitName };

type RunLimit = "runningPerUser" | "runningPerSession";

/** `row` is a {@link TaskRow} as JSON. */
const INSERT = call<
  "row" | "input" | "leaseMs" | "events" | "weights" | RunLimit | "queuedPerUser" | "exclusive",
  InsertAnswer
>(
  `insert_task(:row, :input, :leaseMs, :events, :weights,
    :runningPerUser, :runningPerSession, :queuedPerUser, :exclusive)`,
);

/** Makes room under the id of a task that was set aside. Its row stays, and what hangs on it. */
const MOVE_ASIDE = statement<"user" | "id">(
  ({ tasks }) => `UPDATE ${tasks} SET id = id || ' ' || key
    WHERE user_id = :user AND id = :id AND ${INDEX} = '${DAMAGED}'`,
);

type Change = "user" | "id" | "version" | "patch" | EventValue | keyof ResultRow;

const CHANGE = `:user, :id, :version, :patch, :progress, :events, :weights, :count, :chars, :about, :head, :tail`;

const TRANSITION = call<Change | "startsLease", Written | null>(`change_task(${CHANGE}, :startsLease)`);

const ADMIT = call<Change | RunLimit, AdmitAnswer | null>(
  `admit_task(${CHANGE}, :runningPerUser, :runningPerSession)`,
);

const APPEND = call<"user" | "id" | "owner" | EventValue, Written<AppendedRow> | null>(
  "append_events(:user, :id, :owner, :progress, :events, :weights, :count, :chars)",
);

/**
 * A row if it was written. The task is locked meanwhile: whoever takes it over reads the checkpoint after that.
 */
const CHECKPOINT = statement<"user" | "id" | "owner" | "checkpoint", object>(
  ({ tasks, payloads }) => `WITH task AS (
      SELECT key FROM ${tasks}
      WHERE user_id = :user AND id = :id AND owner = :owner AND ${INDEX} IN ${UNFINISHED} FOR SHARE
    ) UPDATE ${payloads} AS p SET checkpoint = :checkpoint FROM task WHERE p.task_key = task.key RETURNING true`,
);

function keyValues({ userId, id }: TaskKey): Values<"user" | "id"> {
  return { user: toKey(userId), id: toKey(id) };
}

function changeValues(task: TaskKey, version: number, { patch, events, result }: TaskChange): Values<Change> {
  const change = { version, patch: toPatch(patch) };
  return { ...keyValues(task), ...change, ...eventValues(events), ...resultValues(result) };
}
