import type { StoredResult } from "../../core/model/result.ts";
import type {
  EventPage,
  EventQuery,
  ListQuery,
  Payload,
  RecordPage,
  TaskKey,
} from "../../core/model/store.ts";
import {
  inScope,
  isFinished,
  type TaskRecord,
  type TaskScope,
  type TaskStatus,
} from "../../core/model/task.ts";
import type { Connection, SqliteValue } from "./connection.ts";
import { type Entry, type EntryRow, type KeptRow, toEntry, toRecord } from "./entry.ts";
import { EventLog } from "./event-log.ts";
import type { Parts } from "./parts.ts";
import { encodeText } from "./text.ts";

/** Tasks read. Each method sees one moment, if it is called in a transaction. */
export class Reading {
  readonly #connection: Connection;
  readonly #parts: Parts;
  readonly #log: EventLog;

  constructor(connection: Connection, parts: Parts) {
    this.#connection = connection;
    this.#parts = parts;
    this.#log = new EventLog(parts);
  }

  get(scope: TaskScope, id: string): TaskRecord | undefined {
    return this.#find(scope, id)?.record;
  }

  events(scope: TaskScope, id: string, query: EventQuery): EventPage | undefined {
    const entry = this.#find(scope, id);
    return entry && this.#log.page(entry, query);
  }

  result(scope: TaskScope, id: string): StoredResult | undefined {
    const entry = this.#find(scope, id);
    return entry && this.#parts.result(entry.key);
  }

  list(scope: TaskScope, { status, limit, after }: ListQuery): RecordPage {
    const { createdAt, id } = after ?? { createdAt: Number.POSITIVE_INFINITY, id: "" };
    const values: SqliteValue[] = [encodeText(scope.userId), createdAt, encodeText(id)];
    if (scope.sessionId !== undefined) values.push(encodeText(scope.sessionId));
    if (status !== undefined) values.push(JSON.stringify(status));
    const sql = listSql(scope.sessionId !== undefined, status);
    const rows = this.#connection.all<KeptRow>(sql, ...values, limit + 1);
    return { records: rows.slice(0, limit).map(toRecord), more: rows.length > limit };
  }

  payload({ userId, id }: TaskKey): Payload | undefined {
    const entry = this.#find({ userId }, id);
    return entry?.hasPayload ? this.#parts.payload(entry.key) : undefined;
  }

  lapsed(limit: number, now: number): TaskRecord[] {
    return this.#connection.all<KeptRow>(LAPSED, now, limit).map(toRecord);
  }

  #find(scope: TaskScope, id: string): Entry | undefined {
    const row = this.#connection.get<EntryRow>(GET, encodeText(id));
    const entry = row && toEntry(row);
    return entry && inScope(entry.record, scope) ? entry : undefined;
  }
}

const GET = "SELECT key, kept FROM offload_tasks WHERE id = ?";
const LAPSED = `SELECT kept FROM offload_tasks INDEXED BY offload_tasks_leased WHERE shelf IS NULL AND leaseEndsAt <= ?
  ORDER BY leaseEndsAt LIMIT ?`;

/**
 * The newest tasks of a user are read in their order. Unfinished ones alone are few, however many others there
 * are: they are looked up, and then put in order.
 */
function listSql(isOfSession: boolean, status: readonly TaskStatus[] | undefined): string {
  const isUnfinished = status !== undefined && !status.some(isFinished);
  const index = isOfSession ? "offload_tasks_of_session" : "offload_tasks_of_user";
  return [
    `SELECT kept FROM offload_tasks INDEXED BY ${isUnfinished ? "offload_tasks_unfinished" : index}`,
    "WHERE userId = ? AND (createdAt, id) < (?, ?)",
    isOfSession ? "AND session = ?" : "",
    status ? "AND status IN (SELECT value FROM json_each(?))" : "",
    isUnfinished ? "AND shelf IS NULL" : "",
    "ORDER BY createdAt DESC, id DESC LIMIT ?",
  ].join(" ");
}
