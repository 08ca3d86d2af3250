import type { StoredResult } from "../../core/model/result.ts";
import type {
  EventPage,
  EventQuery,
  ListQuery,
  Payload,
  RecordPage,
  TaskKey,
} from "../../core/model/store.ts";
import { isFinished, type TaskRecord, type TaskScope, type TaskStatus } from "../../core/model/task.ts";
import { isStoredResult } from "../shared/check-parts.ts";
import type { Connection } from "./connection.ts";
import type { Contents } from "./contents.ts";
import { type Entry, RECORD, type RecordRow } from "./entry.ts";
import { EventLog } from "./event-log.ts";
import { IS_NOT_ASIDE, IS_UNFINISHED, TASKS, TASKS_BY } from "./names.ts";
import { DamagedRow, readEntry, readRecords } from "./read-entry.ts";
import { type Statement, statement } from "./statement.ts";
import { encodeText } from "./text.ts";

/** Reads tasks, one at a time or by the page. Each method sees one moment, if it is called in a transaction. */
export class Reading {
  readonly #connection: Connection;
  readonly #contents: Contents;
  readonly #log: EventLog;

  constructor(connection: Connection, contents: Contents) {
    this.#connection = connection;
    this.#contents = contents;
    this.#log = new EventLog(contents);
  }

  get(scope: TaskScope, id: string): TaskRecord | DamagedRow | undefined {
    const entry = this.#find(scope, id);
    return entry instanceof DamagedRow ? entry : entry?.record;
  }

  events(scope: TaskScope, id: string, query: EventQuery): EventPage | DamagedRow | undefined {
    const entry = this.#find(scope, id);
    if (entry === undefined || entry instanceof DamagedRow) return entry;
    return this.#log.page(entry, query) ?? new DamagedRow(entry.key, "its log is not whole");
  }

  result(scope: TaskScope, id: string): StoredResult | DamagedRow | undefined {
    const entry = this.#find(scope, id);
    if (entry === undefined || entry instanceof DamagedRow) return entry;
    const result = this.#contents.result(entry.key);
    if (result === undefined)
      return entry.hasResult ? new DamagedRow(entry.key, "its result is missing") : result;
    return isStoredResult(result) ? result : new DamagedRow(entry.key, "its result cannot be read");
  }

  list(scope: TaskScope, { status, limit, after }: ListQuery, met: DamagedRow[]): RecordPage {
    const { createdAt, id } = after ?? { createdAt: Number.POSITIVE_INFINITY, id: "" };
    const rows = this.#connection.all(list(scope.sessionId !== undefined, status), {
      userId: encodeText(scope.userId),
      session: encodeText(scope.sessionId ?? ""),
      statuses: JSON.stringify(status ?? []),
      createdAt,
      id: encodeText(id),
      limit: limit + 1,
    });
    return { records: readRecords(rows.slice(0, limit), met), more: rows.length > limit };
  }

  payload({ userId, id }: TaskKey): Payload | undefined {
    const entry = this.#find({ userId }, id);
    if (entry === undefined || entry instanceof DamagedRow) return undefined;
    return entry.hasPayload ? this.#contents.payload(entry.key) : undefined;
  }

  #find(scope: TaskScope, id: string): Entry | DamagedRow | undefined {
    const row = this.#connection.get(GET, { id: encodeText(id) });
    return row && isInScope(row, scope) ? readEntry(row) : undefined;
  }
}

/** A task without its place. */
const GET = statement<"id", RecordRow>(`SELECT ${RECORD} FROM ${TASKS} WHERE id = :id`);

type List = Statement<"userId" | "createdAt" | "id" | "session" | "statuses" | "limit", RecordRow>;

/**
 * Tasks that come after a place, the newest first; of one session and of statuses, given as JSON, where that is asked for.
 *
 * The newest tasks of a user are read in their order. Unfinished ones alone are few, however many others there
 * are: they are looked up, and then put in order.
 */
function list(isOfSession: boolean, status: readonly TaskStatus[] | undefined): List {
  const isUnfinished = status !== undefined && !status.some(isFinished);
  const tasks = isOfSession ? TASKS_BY.session : TASKS_BY.user;
  const clauses = [
    `SELECT ${RECORD} FROM ${isUnfinished ? TASKS_BY.unfinished : tasks}`,
    `WHERE userId = :userId AND ${IS_NOT_ASIDE} AND (createdAt, id) < (:createdAt, :id)`,
    isOfSession ? "AND session = :session" : "",
    status ? "AND status IN (SELECT value FROM json_each(:statuses))" : "",
    isUnfinished ? `AND ${IS_UNFINISHED}` : "",
    "ORDER BY createdAt DESC, id DESC LIMIT :limit",
  ];
  return statement(clauses.join(" "));
}

/** By its columns: its record may be damaged. */
function isInScope({ userId, session }: RecordRow, scope: TaskScope): boolean {
  if (userId !== encodeText(scope.userId)) return false;
  return scope.sessionId === undefined || session === encodeText(scope.sessionId);
}
