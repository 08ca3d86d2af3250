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
import { type BatchRow, fromPayloadRow, fromResultRow, pageOf, type ResultRow } from "./contents.ts";
import type { Database } from "./database.ts";
import { toKey, toSessionKey } from "./keys.ts";
import { type Names, USER_INDEX } from "./names.ts";
import type { QueryValue } from "./pool.ts";
import { Query } from "./query.ts";
import { fromRow, type TaskRow } from "./rows.ts";

/** Tasks read, one at a time or by the page. */
export class Reading {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async get(scope: TaskScope, id: string): Promise<TaskRecord | undefined> {
    const [row] = await this.#database.askJson<TaskRow>(GET(this.#names), seenFrom(scope, id));
    return row && fromRow(row);
  }

  async list(scope: TaskScope, asked: ListQuery): Promise<RecordPage> {
    const { limit } = asked;
    const query = new Query();
    const text = list(this.#names, query, scope, asked);
    const rows = await this.#database.askJson<TaskRow>(text, query.values);
    return { records: rows.slice(0, limit).map(fromRow), more: rows.length > limit };
  }

  async events(scope: TaskScope, id: string, query: EventQuery): Promise<EventPage | undefined> {
    const values = [...seenFrom(scope, id), query.after, query.limit];
    return pageOf(await this.#database.ask<BatchRow>(EVENTS(this.#names), values), id, query);
  }

  async result(scope: TaskScope, id: string): Promise<StoredResult | undefined> {
    const [row] = await this.#database.ask<ResultRow>(RESULT(this.#names), seenFrom(scope, id));
    return row && fromResultRow(row);
  }

  async payload({ userId, id }: TaskKey): Promise<Payload | undefined> {
    const [row] = await this.#database.ask<Payload>(PAYLOAD(this.#names), seenFrom({ userId }, id));
    return row && fromPayloadRow(row);
  }

  get #names(): Names {
    return this.#database.names;
  }
}

/** $1 user, $2 task, $3 session, or null for any. The condition that a row `t` is the task. */
const IS_TASK = "t.user_id = $1 AND t.id = $2 AND ($3::text IS NULL OR t.session = $3)";

/** The values of {@link IS_TASK}. */
function seenFrom({ userId, sessionId }: TaskScope, id: string): QueryValue[] {
  return [toKey(userId), toKey(id), sessionId === undefined ? null : toSessionKey(sessionId)];
}

/** $1 user, $2 task, $3 session or null. Returns a {@link TaskRow} as JSON. */
const GET = (names: Names) => `SELECT row_to_json(t)::text AS answer FROM ${names.tasks} t WHERE ${IS_TASK}`;

/**
 * $1 user, $2 task, $3 session or null, $4 number to read on from, $5 limit. Returns each {@link BatchRow} that has
 * later events, in order; one without a batch, where there are none to read.
 */
const EVENTS = (names: Names) => `SELECT t.first_seq, e.last_seq, e.events FROM ${names.tasks} t
  LEFT JOIN LATERAL (SELECT e.last_seq, e.events FROM ${names.events} e
    WHERE e.task_key = t.key AND e.last_seq > $4::bigint ORDER BY e.last_seq LIMIT $5) e ON true
  WHERE ${IS_TASK} ORDER BY e.last_seq`;

/** $1 user, $2 task, $3 session or null. Returns a {@link ResultRow}. */
const RESULT = (names: Names) => `SELECT r.about, r.head, r.tail
  FROM ${names.tasks} t JOIN ${names.results} r ON r.task_key = t.key WHERE ${IS_TASK}`;

/** $1 user, $2 task, $3 null. Returns its input and its checkpoint. */
const PAYLOAD = (names: Names) => `SELECT p.input, p.checkpoint
  FROM ${names.tasks} t JOIN ${names.payloads} p ON p.task_key = t.key WHERE ${IS_TASK}`;

/**
 * In this order, each where it is asked for: user, session, statuses, createdAt and task to read on from, limit.
 * Returns each {@link TaskRow} as JSON, the newest first, and one beyond the limit if there are more.
 */
function list(names: Names, query: Query, scope: TaskScope, { status, limit, after }: ListQuery): string {
  const { userId, sessionId } = scope;
  const conditions = [`t.user_id = ${query.bind(toKey(userId))}`];
  if (sessionId !== undefined) conditions.push(`t.session = ${query.bind(toSessionKey(sessionId))}`);
  if (status) conditions.push(ofStatus(query, userId, status));
  if (after) {
    const place = [query.bind(after.createdAt), query.bind(toKey(after.id))];
    conditions.push(`(t.created_at, t.id) < (${place})`);
  }
  return `SELECT row_to_json(t)::text AS answer FROM ${names.tasks} t WHERE ${conditions.join(" AND ")}
    ORDER BY t.created_at DESC, t.id DESC LIMIT ${query.bind(limit + 1)}`;
}

/** Unfinished tasks are few, and found by their indexes, however many others the user has. */
function ofStatus(query: Query, userId: string, status: readonly TaskStatus[]): string {
  if (status.length === 0) return "false";
  if (status.some(isFinished)) return `t.status IN (${status.map((one) => query.bind(one))})`;
  return `t.${USER_INDEX} IN (${status.map((one) => query.bind(`${one} ${toKey(userId)}`))})`;
}
