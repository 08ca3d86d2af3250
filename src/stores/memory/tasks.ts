import type { NewTaskEvent } from "../../core/model/events.ts";
import type { Insertion, NewTask, Refused, TaskChange, TaskKey, TaskLimits } from "../../core/model/store.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import { copyRecord } from "../shared/copy.ts";
import type { Catalogue } from "./catalogue.ts";
import { Entry } from "./entry.ts";

/** Writes tasks, one at a time. */
export class Tasks {
  readonly #catalogue: Catalogue;
  readonly #clock: SteadyClock;

  constructor(catalogue: Catalogue, clock: SteadyClock) {
    this.#catalogue = catalogue;
    this.#clock = clock;
  }

  insert(task: NewTask, limits: TaskLimits, leaseMs: number): Insertion {
    const { record } = task;
    const { workload, byIdempotencyKey } = this.#catalogue.user(record.userId);
    const known = this.#catalogue.get(record.id);
    if (known !== undefined) return { status: "inserted", record: copyRecord(known.record) };
    const repeated = record.idempotency && byIdempotencyKey.get(record.idempotency.key);
    if (repeated !== undefined) return { status: "repeated", record: copyRecord(repeated.record) };
    const equal = workload.duplicateOf(record.duplicateKey);
    if (equal !== undefined) return { status: "duplicate", record: copyRecord(equal.record) };
    const limit = workload.refuse(record, limits);
    if (limit !== undefined) return { status: "refused", limit };
    const entry = new Entry(task, leaseMs, this.#clock);
    this.#catalogue.add(entry);
    return { status: "inserted", record: copyRecord(entry.record) };
  }

  transition(task: TaskKey, version: number, change: TaskChange): TaskRecord | undefined {
    const entry = this.#atVersion(task, version);
    return entry && this.#change(entry, change);
  }

  admit(
    task: TaskKey,
    version: number,
    change: TaskChange,
    limits: TaskLimits,
  ): TaskRecord | Refused | undefined {
    const entry = this.#atVersion(task, version);
    if (entry === undefined) return undefined;
    const { workload } = this.#catalogue.user(entry.record.userId);
    const limit = workload.refuseToRun(entry.record, limits);
    if (limit !== undefined) return { status: "refused", limit };
    entry.leaseEndsAt = this.#clock.monotonic() + entry.leaseMs;
    return this.#change(entry, change);
  }

  append(task: TaskKey, owner: string, events: NewTaskEvent[]): number {
    const entry = this.#owned(task, owner);
    if (entry === undefined) return 0;
    this.#catalogue.append(entry, () => entry.append(events, this.#clock.now()));
    return entry.record.lastSeq;
  }

  checkpoint(task: TaskKey, owner: string, checkpoint: string): boolean {
    const entry = this.#owned(task, owner);
    if (entry?.payload === undefined) return false;
    entry.payload = { ...entry.payload, checkpoint };
    return true;
  }

  #atVersion(task: TaskKey, version: number): Entry | undefined {
    const entry = this.#catalogue.named(task);
    return entry?.record.version === version ? entry : undefined;
  }

  #owned(task: TaskKey, owner: string): Entry | undefined {
    const entry = this.#catalogue.named(task);
    if (entry === undefined || isFinished(entry.record.status)) return undefined;
    return entry.record.owner === owner ? entry : undefined;
  }

  #change(entry: Entry, change: TaskChange): TaskRecord {
    this.#catalogue.update(entry, () => entry.change(change, this.#clock));
    return copyRecord(entry.record);
  }
}
