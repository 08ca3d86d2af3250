import { lastProgress, type NewTaskEvent } from "../../core/model/events.ts";
import type { NewTask, TaskChange, TaskKey } from "../../core/model/store.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import { copyPatch, copyRecord } from "../shared/copy.ts";
import type { Connection } from "./connection.ts";
import { ENTRY, type Entry, type EntryRow, NOWHERE, placeOf, toEntry, toJson } from "./entry.ts";
import { charsOf, EventLog } from "./event-log.ts";
import type { HintLog } from "./hint-log.ts";
import type { Parts } from "./parts.ts";
import { type SessionTable, storedSession } from "./session-table.ts";
import { encodeNullable, encodeText } from "./text.ts";

/** Every write of a task goes through here, so that no column keeps what it was before. */
export class TaskTable {
  readonly #connection: Connection;
  readonly #parts: Parts;
  readonly #log: EventLog;
  readonly #sessions: SessionTable;
  readonly #hints: HintLog;

  constructor(connection: Connection, parts: Parts, sessions: SessionTable, hints: HintLog) {
    this.#connection = connection;
    this.#parts = parts;
    this.#log = new EventLog(parts);
    this.#sessions = sessions;
    this.#hints = hints;
  }

  get(id: string): Entry | undefined {
    const row = this.#connection.get<EntryRow>(GET, encodeText(id));
    return row && toEntry(row);
  }

  named({ userId, id }: TaskKey): Entry | undefined {
    const entry = this.get(id);
    if (entry?.record.userId !== userId) return undefined;
    return isFinished(entry.record.status) ? this.at(entry.key) : entry;
  }

  at(key: number): Entry | undefined {
    const row = this.#connection.get<EntryRow>(AT, key);
    return row && toEntry(row);
  }

  /** Answers the task of this id as it is, if there is one already. */
  add({ record, events, input }: NewTask, leaseMs: number, now: number): TaskRecord {
    const entry = newEntry(copyRecord(record), leaseMs, input !== undefined);
    count(entry, events, record.updatedAt);
    const key = this.#insert(entry, now + leaseMs);
    if (key === undefined) return this.get(record.id)?.record ?? record;
    entry.key = key;
    this.#log.append(entry, events);
    if (entry.oldestSeq > 1) this.#connection.run(UPDATE_KEPT, toJson(entry), key);
    if (input !== undefined) this.#parts.putInput(key, input);
    if (isFinished(record.status)) this.#update(entry);
    return this.#written(entry, 1);
  }

  /** Writes a transition, and whatever else has changed of the entry. */
  change(entry: Entry, { patch, events, result }: TaskChange, now: number): TaskRecord {
    const { lastSeq, version } = entry.record;
    entry.record = { ...entry.record, ...copyPatch(patch), version: version + 1 };
    if (patch.owner != null) entry.leaseEndsAt = now + entry.leaseMs;
    count(entry, events, now);
    this.#log.append(entry, events);
    this.#update(entry);
    if (result !== undefined) this.#parts.putResult(entry.key, result);
    return this.#written(entry, lastSeq + 1);
  }

  /** Logs events without a transition. */
  append(entry: Entry, events: readonly NewTaskEvent[], now: number): number {
    const firstSeq = entry.record.lastSeq + 1;
    count(entry, events, now);
    this.#log.append(entry, events);
    this.#connection.run(UPDATE_KEPT, toJson(entry), entry.key);
    this.#hints.tell(entry.record, firstSeq);
    return entry.record.lastSeq;
  }

  evict(key: number): void {
    // None of its parts may be written after it.
    this.#parts.write();
    this.#connection.run(EVICT, key);
  }

  #insert(entry: Entry, leaseEndsAt: number): number | undefined {
    const { record } = entry;
    const { id, userId, sessionId, createdAt, status } = record;
    const names = [encodeText(id), encodeText(userId), encodeNullable(sessionId)];
    const rest = [createdAt, status, liveKey(record), leaseEndsAt, toJson(entry)];
    return this.#connection.insert(INSERT, ...names, ...rest);
  }

  #update(entry: Entry): void {
    const { record, leaseEndsAt } = entry;
    if (entry.hasPayload && isFinished(record.status)) this.#dropPayload(entry);
    Object.assign(
      entry,
      placeOf(entry, () => this.#sessions.state(storedSession(record))),
    );
    const { shelf, mode, turns, ready, wakesAt } = entry;
    const times = [leaseEndsAt, record.completedAt ?? 0];
    const place = [shelf, mode, turns, ready, wakesAt];
    const { status } = record;
    this.#connection.run(UPDATE, status, liveKey(record), ...times, ...place, toJson(entry), entry.key);
  }

  #dropPayload(entry: Entry): void {
    this.#parts.dropPayload(entry.key);
    entry.hasPayload = false;
  }

  #written({ record }: Entry, firstSeq: number): TaskRecord {
    this.#hints.tell(record, firstSeq);
    return record;
  }
}

const GET = "SELECT key, kept FROM offload_tasks WHERE id = ?";
const AT = `SELECT ${ENTRY} FROM offload_tasks WHERE key = ?`;
const INSERT = `INSERT INTO offload_tasks (id, userId, session, createdAt, status, liveKey, leaseEndsAt, kept)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`;
const UPDATE = `UPDATE offload_tasks SET status = ?, liveKey = ?, leaseEndsAt = ifnull(?, leaseEndsAt), completedAt = ?,
  shelf = ?, mode = ?, turns = ?, ready = ?, wakesAt = ?, kept = ? WHERE key = ?`;
/** For what changes no column that a task is found by. */
const UPDATE_KEPT = "UPDATE offload_tasks SET kept = ? WHERE key = ?";
const EVICT = "DELETE FROM offload_tasks WHERE key = ?";

function newEntry(record: TaskRecord, leaseMs: number, hasPayload: boolean): Entry {
  const kept = { record, leaseMs, hasPayload, oldestSeq: 1, logChars: 0 };
  return { key: 0, leaseEndsAt: null, ...kept, ...NOWHERE };
}

/** What events make of a record. */
function count(entry: Entry, events: readonly NewTaskEvent[], now: number): void {
  const { record } = entry;
  const progress = lastProgress(events);
  if (progress !== undefined) record.progress = { ...progress };
  record.lastSeq += events.length;
  record.updatedAt = now;
  entry.logChars += charsOf(events);
}

/** Under which an equal call finds this one. */
function liveKey({ duplicateKey, cancel, status }: TaskRecord): string | null {
  const isLive = duplicateKey !== null && cancel === null && !isFinished(status);
  return isLive ? encodeText(duplicateKey) : null;
}
