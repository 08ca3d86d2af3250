import type { NewTaskEvent } from "../../core/model/events.ts";
import type {
  Duplicate,
  Guard,
  Insertion,
  NewTask,
  Refused,
  Renewal,
  TaskChange,
  TaskKey,
} from "../../core/model/store.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import type { Connection } from "./connection.ts";
import { type Entry, type KeptRow, toRecord } from "./entry.ts";
import { Limits } from "./limits.ts";
import type { Parts } from "./parts.ts";
import type { TaskTable } from "./task-table.ts";
import { encodeText } from "./text.ts";

/** Tasks written, one at a time. Each method is to be called in a transaction. */
export class Tasks {
  readonly #connection: Connection;
  readonly #table: TaskTable;
  readonly #parts: Parts;
  readonly #limits: Limits;
  readonly #now: () => number;

  constructor(connection: Connection, table: TaskTable, parts: Parts, now: () => number) {
    this.#connection = connection;
    this.#table = table;
    this.#parts = parts;
    this.#limits = new Limits(connection);
    this.#now = now;
  }

  insert(task: NewTask, guard: Guard, leaseMs: number): Insertion {
    const refusal = this.#refuse(task.record, guard);
    if (refusal === undefined) {
      return { status: "inserted", record: this.#table.add(task, leaseMs, this.#now()) };
    }
    const known = this.#table.get(task.record.id);
    return known ? { status: "inserted", record: known.record } : refusal;
  }

  transition(task: TaskKey, version: number, change: TaskChange): TaskRecord | undefined {
    const entry = this.#atVersion(task, version);
    return entry && this.#table.change(entry, change, this.#now());
  }

  admit(task: TaskKey, version: number, change: TaskChange, guard: Guard): TaskRecord | Refused | undefined {
    const entry = this.#atVersion(task, version);
    if (entry === undefined) return undefined;
    const limit = this.#limits.refuseToRun(entry.record, guard);
    if (limit !== undefined) return { status: "refused", limit };
    const now = this.#now();
    entry.leaseEndsAt = now + entry.leaseMs;
    return this.#table.change(entry, change, now);
  }

  append(task: TaskKey, owner: string, events: NewTaskEvent[]): number {
    const entry = this.#owned(task, owner);
    return entry === undefined ? 0 : this.#table.append(entry, events, this.#now());
  }

  checkpoint(task: TaskKey, owner: string, checkpoint: string): boolean {
    const entry = this.#owned(task, owner);
    if (!entry?.hasPayload) return false;
    this.#parts.putCheckpoint(entry.key, checkpoint);
    return true;
  }

  renew(owner: string, tasks: readonly TaskKey[], leaseMs: number): Renewal[] {
    const leaseEndsAt = this.#now() + leaseMs;
    return tasks.flatMap((task) => {
      const entry = this.#table.named(task);
      if (entry === undefined) return [];
      const { id, version, cancel, owner: holder } = entry.record;
      const owned = holder === owner;
      if (owned) this.#connection.run(PUT_LEASE, leaseEndsAt, entry.key);
      return [{ id, owned, version, cancel }];
    });
  }

  #refuse(record: TaskRecord, guard: Guard): Duplicate | Refused | undefined {
    const equal = this.#equalOf(record);
    if (equal !== undefined) return { status: "duplicate", record: equal };
    const limit = this.#limits.refuse(record, guard);
    return limit && { status: "refused", limit };
  }

  #equalOf({ userId, duplicateKey }: TaskRecord): TaskRecord | undefined {
    if (duplicateKey === null) return undefined;
    const names = [encodeText(userId), encodeText(duplicateKey)];
    const row = this.#connection.get<KeptRow>(EQUAL, ...names);
    return row && toRecord(row);
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

const EQUAL = "SELECT kept FROM offload_tasks WHERE userId = ? AND liveKey = ? LIMIT 1";
const PUT_LEASE = "UPDATE offload_tasks SET leaseEndsAt = ? WHERE key = ?";
