import { lastProgress, type NewTaskEvent } from "../../core/model/events.ts";
import type { NewTask, TaskChange, TaskKey } from "../../core/model/store.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import { copyPatch, copyRecord } from "../shared/copy.ts";
import type { Connection } from "./connection.ts";
import type { Contents } from "./contents.ts";
import type { Damages } from "./damage.ts";
import { ENTRY, type Entry, type EntryRow, placeOf, RECORD, toJson, UNFINISHED } from "./entry.ts";
import { charsOf, EventLog } from "./event-log.ts";
import type { FileTime } from "./file-time.ts";
import type { Hints } from "./hints.ts";
import { INDEX, TASKS } from "./names.ts";
import { DamagedRow, readEntry } from "./read-entry.ts";
import { type SessionTable, storedSession } from "./session-table.ts";
import { type Statement, statement, type Values } from "./statement.ts";
import { INSERT, insertValues, UPDATE, updateValues } from "./task-columns.ts";
import { encodeText } from "./text.ts";

/**
 * Every write of a task goes through here, so that no column keeps what it was before; and whatever is read in order to
 * write, so that what is damaged is set aside, and missing here.
 */
export class TaskTable {
  readonly #connection: Connection;
  readonly #contents: Contents;
  readonly #log: EventLog;
  readonly #sessions: SessionTable;
  readonly #damages: Damages;
  readonly #hints: Hints;
  readonly #time: FileTime;

  constructor(
    connection: Connection,
    contents: Contents,
    sessions: SessionTable,
    damages: Damages,
    hints: Hints,
    time: FileTime,
  ) {
    this.#connection = connection;
    this.#contents = contents;
    this.#log = new EventLog(contents);
    this.#sessions = sessions;
    this.#damages = damages;
    this.#hints = hints;
    this.#time = time;
  }

  get(id: string): Entry | undefined {
    const row = this.#connection.get(GET, { id: encodeText(id) });
    return row && this.#whole(row);
  }

  named({ userId, id }: TaskKey): Entry | undefined {
    const entry = this.get(id);
    if (entry?.record.userId !== userId) return undefined;
    return isFinished(entry.record.status) ? this.at(entry.key) : entry;
  }

  at(key: number): Entry | undefined {
    this.#contents.write();
    const row = this.#connection.get(AT, { key });
    return row && this.#whole(row);
  }

  /** The first task that a query finds, which must not find again what was set aside. */
  first<Name extends string>(query: Statement<Name, EntryRow>, values: Values<Name>): Entry | undefined {
    const row = this.#connection.get(query, values);
    return row && (this.#whole(row) ?? this.first(query, values));
  }

  /** All that it finds. */
  all<Name extends string>(query: Statement<Name, EntryRow>, values: Values<Name>): Entry[] {
    this.#contents.write();
    return this.#connection.all(query, values).flatMap((row) => this.#whole(row) ?? []);
  }

  /** How many were set aside by now. */
  get damaged(): number {
    return this.#damages.count;
  }

  setAside(key: number, reason: string): void {
    this.#damages.setAside(new DamagedRow(key, reason));
  }

  /** Returns the task of this id as it is, if there is one already. */
  add({ record, events, input }: NewTask, leaseMs: number): TaskRecord {
    const entry = newEntry(copyRecord(record), leaseMs, input !== undefined);
    const firstSeq = record.lastSeq + 1;
    count(entry, events, record.updatedAt);
    const key = this.#insert(entry, leaseMs);
    if (key === undefined) return this.get(record.id)?.record ?? record;
    entry.key = key;
    this.#log.append(entry, events);
    if (entry.oldestSeq > firstSeq) this.#connection.run(UPDATE_KEPT, { kept: toJson(entry), key });
    if (input !== undefined) this.#contents.putInput(key, input);
    if (isFinished(record.status)) this.#update(entry);
    return this.#written(entry, firstSeq);
  }

  /** Writes a transition, and whatever else has changed of the entry. */
  change(entry: Entry, { patch, events, result }: TaskChange): TaskRecord {
    const { lastSeq, version } = entry.record;
    entry.record = { ...entry.record, ...copyPatch(patch), version: version + 1 };
    if (patch.owner != null) this.beginLease(entry);
    count(entry, events, this.#time.wall());
    this.#log.append(entry, events);
    entry.hasResult ||= result !== undefined;
    this.#update(entry);
    if (result !== undefined) this.#contents.putResult(entry.key, result);
    return this.#written(entry, lastSeq + 1);
  }

  /** With the next change, as long as the first. */
  beginLease(entry: Entry): void {
    entry.leaseEndsAt = this.#time.now() + entry.leaseMs;
  }

  /** Logs events without a transition. */
  append(entry: Entry, events: readonly NewTaskEvent[]): number {
    const firstSeq = entry.record.lastSeq + 1;
    count(entry, events, this.#time.wall());
    this.#log.append(entry, events);
    this.#connection.run(UPDATE_KEPT, { kept: toJson(entry), key: entry.key });
    this.#hints.tell(entry.record, firstSeq);
    return entry.record.lastSeq;
  }

  evict(key: number): void {
    // Nothing of it may be written after this.
    this.#contents.write();
    this.#connection.run(EVICT, { key });
  }

  #whole(row: EntryRow): Entry | undefined {
    const entry = readEntry(row);
    if (!(entry instanceof DamagedRow)) return entry;
    this.#damages.setAside(entry);
    return undefined;
  }

  /** Returns the key; `undefined`: there is one of this id. */
  #insert(entry: Entry, leaseMs: number): number | undefined {
    const values = insertValues(entry, this.#time.now() + leaseMs);
    const key = this.#connection.insert(INSERT, values);
    if (key !== undefined || this.get(entry.record.id) !== undefined) return key;
    this.#connection.run(MAKE_ROOM, { id: values.id });
    return this.#connection.insert(INSERT, values);
  }

  #update(entry: Entry): void {
    const { record } = entry;
    if (entry.hasPayload && isFinished(record.status)) this.#dropPayload(entry);
    if (entry.index === "unfinished" && isFinished(record.status)) entry.endedAt = this.#time.now();
    const session = () => this.#sessions.state(storedSession(record));
    Object.assign(entry, placeOf(entry, session));
    this.#connection.run(UPDATE, updateValues(entry));
  }

  #dropPayload(entry: Entry): void {
    this.#contents.dropPayload(entry.key);
    entry.hasPayload = false;
  }

  #written({ record }: Entry, firstSeq: number): TaskRecord {
    this.#hints.tell(record, firstSeq);
    return record;
  }
}

/** A task without its place. */
const GET = statement<"id", EntryRow>(`SELECT ${RECORD} FROM ${TASKS} WHERE id = :id`);

const AT = statement<"key", EntryRow>(`SELECT ${ENTRY} FROM ${TASKS} WHERE key = :key`);

/** For what changes no column that a task is found by. */
const UPDATE_KEPT = statement<"kept" | "key">(`UPDATE ${TASKS} SET kept = :kept WHERE key = :key`);

/** A damaged task has an id no more that another is to have. No id is kept like that: see text.ts. */
const MAKE_ROOM = statement<"id">(
  `UPDATE ${TASKS} SET id = id || char(1) || ' damaged ' || key WHERE id = :id AND ${INDEX} = 'damaged'`,
);

const EVICT = statement<"key">(`DELETE FROM ${TASKS} WHERE key = :key`);

/** One that was lost is written anew: its events go on. */
function newEntry(record: TaskRecord, leaseMs: number, hasPayload: boolean): Entry {
  const kept = { record, leaseMs, hasPayload, oldestSeq: record.lastSeq + 1, logChars: 0, hasResult: false };
  return { key: 0, endedAt: 0, leaseEndsAt: null, ...kept, ...UNFINISHED };
}

/** What events make of a record. */
function count(entry: Entry, events: readonly NewTaskEvent[], updatedAt: number): void {
  const { record } = entry;
  const progress = lastProgress(events);
  if (progress !== undefined) record.progress = { ...progress };
  record.lastSeq += events.length;
  record.updatedAt = updatedAt;
  entry.logChars += charsOf(events);
}
