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
import { USER_INDEX } from "./names.ts";
import type { QueryValue } from "./pool.ts";
import { fromRow, type TaskRow } from "./rows.ts";
import { type AnswerRow, type Statement, statement, type Values } from "./statement.ts";

/** Reads tasks, one at a time or by the page. */
export class Reading {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async get(scope: TaskScope, id: string): Promise<TaskRecord | undefined> {
    const [row] = await this.#database.askAll(GET, seenFrom(scope, id));
    return row && fromRow(row);
  }

  async list(scope: TaskScope, asked: ListQuery): Promise<RecordPage> {
    const { limit } = asked;
    const [list, values] = listOf(scope, asked);
    const rows = await this.#database.askAll(list, values);
    return { records: rows.slice(0, limit).map(fromRow), more: rows.length > limit };
  }

  async events(scope: TaskScope, id: string, query: EventQuery): Promise<EventPage | undefined> {
    const { after, limit } = query;
    const values = { ...seenFrom(scope, id), after, limit };
    return pageOf(await this.#database.ask(EVENTS, values), id, query);
  }

  async result(scope: TaskScope, id: string): Promise<StoredResult | undefined> {
    const [row] = await this.#database.ask(RESULT, seenFrom(scope, id));
    return row && fromResultRow(row);
  }

  async payload({ userId, id }: TaskKey): Promise<Payload | undefined> {
    const [row] = await this.#database.ask(PAYLOAD, seenFrom({ userId }, id));
    return row && fromPayloadRow(row);
  }
}

/** Who may see a task: `session` is null for any. */
type Seen = "user" | "id" | "session";

/** The condition that a row `t` is the task. */
const IS_TASK = "t.user_id = :user AND t.id = :id AND (:session::text IS NULL OR t.session = :session)";

function seenFrom({ userId, sessionId }: TaskScope, id: string): Values<Seen> {
  const session = sessionId === undefined ? null : toSessionKey(sessionId);
  return { user: toKey(userId), id: toKey(id), session };
}

const GET = statement<Seen, AnswerRow<TaskRow>>(
  ({ tasks }) => `SELECT row_to_json(t)::text AS answer FROM ${tasks} t WHERE ${IS_TASK}`,
);

/** The batches that have later events, in order; one without, where there are none to read. */
const EVENTS = statement<Seen | "after" | "limit", BatchRow>(
  ({ tasks, events }) => `SELECT t.first_seq, e.last_seq, e.events FROM ${tasks} t
    LEFT JOIN LATERAL (SELECT e.last_seq, e.events FROM ${events} e
      WHERE e.task_key = t.key AND e.last_seq > :after::bigint ORDER BY e.last_seq LIMIT :limit) e ON true
    WHERE ${IS_TASK} ORDER BY e.last_seq`,
);

const RESULT = statement<Seen, ResultRow>(
  ({ tasks, results }) => `SELECT r.about, r.head, r.tail
    FROM ${tasks} t JOIN ${results} r ON r.task_key = t.key WHERE ${IS_TASK}`,
);

const PAYLOAD = statement<Seen, Payload>(
  ({ tasks, payloads }) => `SELECT p.input, p.checkpoint
    FROM ${tasks} t JOIN ${payloads} p ON p.task_key = t.key WHERE ${IS_TASK}`,
);

type List = Statement<string, AnswerRow<TaskRow>>;

/** Lists tasks, the newest first, and one beyond the limit if there are more. */
function listOf(scope: TaskScope, { status, limit, after }: ListQuery): [List, Values<string>] {
  const conditions = ["t.user_id = :user"];
  const values: Record<string, QueryValue> = { user: toKey(scope.userId), limit: limit + 1 };
  if (scope.sessionId !== undefined) {
    conditions.push("t.session = :session");
    values.session = toSessionKey(scope.sessionId);
  }
  if (status) conditions.push(ofStatus(values, scope.userId, status));
  if (after) {
    conditions.push("(t.created_at, t.id) < (:createdAt, :id)");
    Object.assign(values, { createdAt: after.createdAt, id: toKey(after.id) });
  }
  const list: List = statement(
    ({ tasks }) => `SELECT row_to_json(t)::text AS answer FROM ${tasks} t WHERE ${conditions.join(" AND ")}
      ORDER BY t.created_at DESC, t.id DESC LIMIT :limit`,
  );
  return [list, values];
}

/** Unfinished tasks are few, and found by their indexes, however many others the user has. */
function ofStatus(values: Record<string, QueryValue>, userId: string, status: readonly TaskStatus[]): string {
  if (status.length === 0) return "false";
  const isFinal = status.some(isFinished);
  for (const one of status) values[one] = isFinal ? one : `${one} ${toKey(userId)}`;
  return `t.${isFinal ? "status" : USER_INDEX} IN (${status.map((one) => `:${one}`)})`;
}
