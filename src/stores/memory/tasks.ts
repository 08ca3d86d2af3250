import type { NewTaskEvent } from "../../core/model/events.ts";
import type { StoredResult } from "../../core/model/result.ts";
import type {
  Duplicate,
  EventPage,
  EventQuery,
  Guard,
  Inserted,
  ListQuery,
  NewTask,
  Payload,
  RecordPage,
  Refused,
  Renewal,
  TaskChange,
  TaskKey,
} from "../../core/model/store.ts";
import { inScope, isFinished, type TaskRecord, type TaskScope } from "../../core/model/task.ts";
import { copyRecord, copyResult } from "../shared/copy.ts";
import type { Catalogue } from "./catalogue.ts";
import { Entry } from "./entry.ts";

/** Tasks written and read, one at a time or by the page. */
export class Tasks {
  readonly #catalogue: Catalogue;
  readonly #now: () => number;

  constructor(catalogue: Catalogue, now: () => number) {
    this.#catalogue = catalogue;
    this.#now = now;
  }

  insert(task: NewTask, guard: Guard, leaseMs: number): Inserted | Duplicate | Refused {
    const { record } = task;
    const workload = this.#catalogue.workloads.of(record.userId);
    const known = this.#catalogue.get(record.id);
    if (known !== undefined) return { status: "inserted", record: copyRecord(known.record) };
    const equal = workload.duplicateOf(record.duplicateKey);
    if (equal !== undefined) return { status: "duplicate", record: copyRecord(equal.record) };
    const limit = workload.refuse(record, guard);
    if (limit !== undefined) return { status: "refused", limit };
    const entry = new Entry(task, leaseMs, this.#now());
    this.#catalogue.add(entry);
    return { status: "inserted", record: copyRecord(entry.record) };
  }

  transition(task: TaskKey, version: number, change: TaskChange): TaskRecord | undefined {
    const entry = this.#atVersion(task, version);
    return entry && this.#change(entry, change);
  }

  admit(task: TaskKey, version: number, change: TaskChange, guard: Guard): TaskRecord | Refused | undefined {
    const entry = this.#atVersion(task, version);
    if (entry === undefined) return undefined;
    const limit = this.#catalogue.workloads.of(entry.record.userId).refuseToRun(entry.record, guard);
    if (limit !== undefined) return { status: "refused", limit };
    entry.leaseEndsAt = this.#now() + entry.leaseMs;
    return this.#change(entry, change);
  }

  append(task: TaskKey, owner: string, events: NewTaskEvent[]): number {
    const entry = this.#owned(task, owner);
    if (entry === undefined) return 0;
    this.#catalogue.update(entry, () => entry.append(events, this.#now()));
    return entry.record.lastSeq;
  }

  get(scope: TaskScope, id: string): TaskRecord | undefined {
    const entry = this.#catalogue.find(scope, id);
    return entry && copyRecord(entry.record);
  }

  list(scope: TaskScope, { status, limit, after }: ListQuery): RecordPage {
    const records: TaskRecord[] = [];
    for (const { record } of this.#catalogue.user(scope.userId).tasks.descending(after)) {
      if (!inScope(record, scope) || status?.includes(record.status) === false) continue;
      if (records.length === limit) return { records, more: true };
      records.push(copyRecord(record));
    }
    return { records, more: false };
  }

  events(scope: TaskScope, id: string, query: EventQuery): EventPage | undefined {
    const entry = this.#catalogue.find(scope, id);
    return entry?.log.page(id, entry.record.lastSeq, query);
  }

  result(scope: TaskScope, id: string): StoredResult | undefined {
    const result = this.#catalogue.find(scope, id)?.result;
    return result && copyResult(result);
  }

  checkpoint(task: TaskKey, owner: string, checkpoint: string): boolean {
    const entry = this.#owned(task, owner);
    if (entry?.payload === undefined) return false;
    entry.payload = { ...entry.payload, checkpoint };
    return true;
  }

  payload(task: TaskKey): Payload | undefined {
    const payload = this.#unfinished(task)?.payload;
    return payload && { ...payload };
  }

  renew(owner: string, tasks: readonly TaskKey[], leaseMs: number): Renewal[] {
    const leaseEndsAt = this.#now() + leaseMs;
    return tasks.flatMap((task) => {
      const entry = this.#catalogue.named(task);
      if (entry === undefined) return [];
      const { id, version, cancel, owner: holder } = entry.record;
      const owned = holder === owner;
      if (owned) entry.leaseEndsAt = leaseEndsAt;
      return [{ id, owned, version, cancel: cancel && { ...cancel } }];
    });
  }

  lapsed(limit: number): TaskRecord[] {
    const now = this.#now();
    const records: TaskRecord[] = [];
    for (const { record, leaseEndsAt } of this.#catalogue.unfinished) {
      if (records.length === limit) break;
      if (leaseEndsAt <= now) records.push(copyRecord(record));
    }
    return records;
  }

  #atVersion(task: TaskKey, version: number): Entry | undefined {
    const entry = this.#catalogue.named(task);
    return entry?.record.version === version ? entry : undefined;
  }

  #unfinished(task: TaskKey): Entry | undefined {
    const entry = this.#catalogue.named(task);
    return entry === undefined || isFinished(entry.record.status) ? undefined : entry;
  }

  #owned(task: TaskKey, owner: string): Entry | undefined {
    const entry = this.#unfinished(task);
    return entry?.record.owner === owner ? entry : undefined;
  }

  #change(entry: Entry, change: TaskChange): TaskRecord {
    this.#catalogue.update(entry, () => entry.change(change, this.#now()));
    return copyRecord(entry.record);
  }
}
