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
import type { Connection } from "./connection.ts";
import type { Contents } from "./contents.ts";
import { type Entry, type EntryRow, type KeptRow, toEntry, toRecord } from "./entry.ts";
import { EventLog } from "./event-log.ts";
import { IS_UNFINISHED, TASKS, TASKS_BY } from "./names.ts";
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

  get(scope: TaskScope, id: string): TaskRecord | undefined {
    return this.#find(scope, id)?.record;
  }

  events(scope: TaskScope, id: string, query: EventQuery): EventPage | undefined {
    const entry = this.#find(scope, id);
    return entry && this.#log.page(entry, query);
  }

  result(scope: TaskScope, id: string): StoredResult | undefined {
    const entry = this.#find(scope, id);
    return entry && this.#contents.result(entry.key);
  }

  list(scope: TaskScope, { status, limit, after }: ListQuery): RecordPage {
    const { createdAt, id } = after ?? { createdAt: Number.POSITIVE_INFINITY, id: "" };
    const rows = this.#connection.all(list(scope.sessionId !== undefined, status), {
      userId: encodeText(scope.userId),
      session: encodeText(scope.sessionId ?? ""),
      statuses: JSON.stringify(status ?? []),
      createdAt,
      id: encodeText(id),
      limit: limit + 1,
    });
    return { records: rows.slice(0, limit).map(toRecord), more: rows.length > limit };
  }

  payload({ userId, id }: TaskKey): Payload | undefined {
    const entry = this.#find({ userId }, id);
    return entry?.hasPayload ? this.#contents.payload(entry.key) : undefined;
  }

  #find(scope: TaskScope, id: string): Entry | undefined {
    const row = this.#connection.get(GET, { id: encodeText(id) });
    const entry = row && toEntry(row);
    return entry && inScope(entry.record, scope) ? entry : undefined;
  }
}

/** A task without its place. */
const GET = statement<"id", EntryRow>(`SELECT key, kept FROM ${TASKS} WHERE id = :id`);

type List = Statement<"userId" | "createdAt" | "id" | "session" | "statuses" | "limit", KeptRow>;

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
    `SELECT kept FROM ${isUnfinished ? TASKS_BY.unfinished : tasks}`,
    "WHERE userId = :userId AND (createdAt, id) < (:createdAt, :id)",
    isOfSession ? "AND session = :session" : "",
    status ? "AND status IN (SELECT value FROM json_each(:statuses))" : "",
    isUnfinished ? `AND ${IS_UNFINISHED}` : "",
    "ORDER BY createdAt DESC, id DESC LIMIT :limit",
  ];
  return statement(clauses.join(" "));
}
