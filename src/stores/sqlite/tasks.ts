import type { NewTaskEvent } from "../../core/model/events.ts";
import type {
  Duplicate,
  Insertion,
  NewTask,
  Refused,
  Repeated,
  TaskChange,
  TaskKey,
  TaskLimits,
} from "../../core/model/store.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import type { Connection } from "./connection.ts";
import type { Contents } from "./contents.ts";
import { ENTRY, type Entry, type EntryRow, RECORD } from "./entry.ts";
import { Limits } from "./limits.ts";
import { DUPLICATE_KEY, TASKS } from "./names.ts";
import { statement } from "./statement.ts";
import type { TaskTable } from "./task-table.ts";
import { encodeText } from "./text.ts";

/** Writes tasks, one at a time. Each method is to be called in a transaction. */
export class Tasks {
  readonly #table: TaskTable;
  readonly #contents: Contents;
  readonly #limits: Limits;

  constructor(connection: Connection, table: TaskTable, contents: Contents) {
    this.#table = table;
    this.#contents = contents;
    this.#limits = new Limits(connection);
  }

  insert(task: NewTask, limits: TaskLimits, leaseMs: number): Insertion {
    const refusal = this.#refuse(task.record, limits);
    if (refusal === undefined) {
      return { status: "inserted", record: this.#table.add(task, leaseMs) };
    }
    const known = this.#table.get(task.record.id);
    return known ? { status: "inserted", record: known.record } : refusal;
  }

  transition(task: TaskKey, version: number, change: TaskChange): TaskRecord | undefined {
    const entry = this.#atVersion(task, version);
    return entry && this.#table.change(entry, change);
  }

  admit(
    task: TaskKey,
    version: number,
    change: TaskChange,
    limits: TaskLimits,
  ): TaskRecord | Refused | undefined {
    const entry = this.#atVersion(task, version);
    if (entry === undefined) return undefined;
    const limit = this.#limits.refuseToRun(entry.record, limits);
    if (limit !== undefined) return { status: "refused", limit };
    this.#table.beginLease(entry);
    return this.#table.change(entry, change);
  }

  append(task: TaskKey, owner: string, events: NewTaskEvent[]): number {
    const entry = this.#owned(task, owner);
    return entry === undefined ? 0 : this.#table.append(entry, events);
  }

  checkpoint(task: TaskKey, owner: string, checkpoint: string): boolean {
    const entry = this.#owned(task, owner);
    if (!entry?.hasPayload) return false;
    this.#contents.putCheckpoint(entry.key, checkpoint);
    return true;
  }

  #refuse(record: TaskRecord, limits: TaskLimits): Repeated | Duplicate | Refused | undefined {
    const repeated = this.#repeated(record);
    if (repeated !== undefined) return { status: "repeated", record: repeated };
    const equal = this.#duplicateOf(record);
    if (equal !== undefined) return { status: "duplicate", record: equal };
    const limit = this.#limits.refuse(record, limits);
    return limit && { status: "refused", limit };
  }

  #repeated({ userId, idempotency }: TaskRecord): TaskRecord | undefined {
    if (idempotency === undefined) return undefined;
    const names = { userId: encodeText(userId), idempotencyKey: encodeText(idempotency.key) };
    return this.#table.all(KEYED, names)[0]?.record;
  }

  #duplicateOf({ userId, duplicateKey }: TaskRecord): TaskRecord | undefined {
    if (duplicateKey === null) return undefined;
    const names = { userId: encodeText(userId), duplicateKey: encodeText(duplicateKey) };
    return this.#table.first(DUPLICATE, names)?.record;
  }

  #atVersion(task: TaskKey, version: number): Entry | undefined {
    const entry = this.#table.named(task);
    return entry?.record.version === version ? entry : undefined;
  }

  #owned(task: TaskKey, owner: string): Entry | undefined {
    const entry = this.#table.named(task);
    if (entry === undefined || isFinished(entry.record.status)) return undefined;
    return entry.record.owner === owner ? entry : undefined;
  }
}

/** The task that has an idempotency key. */
const KEYED = statement<"userId" | "idempotencyKey", EntryRow>(
  `SELECT ${ENTRY} FROM ${TASKS} WHERE userId = :userId AND idempotencyKey = :idempotencyKey`,
);

/** The unfinished task that has a duplicate key. */
const DUPLICATE = statement<"userId" | "duplicateKey", EntryRow>(
  `SELECT ${RECORD} FROM ${TASKS} WHERE userId = :userId AND ${DUPLICATE_KEY} = :duplicateKey LIMIT 1`,
);
