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
import {
  type BatchRow,
  fromKeptPayload,
  fromKeptResult,
  type KeptPayload,
  type KeptResult,
  pageOf,
} from "./contents.ts";
import type { Damages } from "./damage.ts";
import type { Database } from "./database.ts";
import { toKey, toSessionKey } from "./keys.ts";
import { DAMAGED, INDEX, type Names, USER_INDEX } from "./names.ts";
import type { QueryValue } from "./pool.ts";
import { fromRow, type TaskRow } from "./rows.ts";
import { type AnswerRow, type Statement, statement, type Values } from "./statement.ts";

/** Reads tasks, one at a time or by the page. */
export class Reading {
  readonly #database: Database;
  readonly #damages: Damages;

  constructor(database: Database, damages: Damages) {
    this.#database = database;
    this.#damages = damages;
  }

  async get(scope: TaskScope, id: string): Promise<TaskRecord | undefined> {
    const [row] = await this.#database.askAll(GET, seenFrom(scope, id));
    return row && this.#damages.readOne(() => fromRow(row));
  }

  async list(scope: TaskScope, asked: ListQuery): Promise<RecordPage> {
    const { limit } = asked;
    const [list, values] = listOf(scope, asked);
    const rows = await this.#database.askAll(list, values);
    const records = await this.#damages.readEach(rows, fromRow);
    // What was set aside leaves room for others.
    if (records.length < rows.length) return this.list(scope, asked);
    return { records: records.slice(0, limit), more: rows.length > limit };
  }

  async events(scope: TaskScope, id: string, query: EventQuery): Promise<EventPage | undefined> {
    const { after, limit } = query;
    const values = { ...seenFrom(scope, id), after, limit };
    const rows = await this.#database.ask(EVENTS, values);
    return this.#damages.readOne(() => pageOf(rows, id, query));
  }

  async result(scope: TaskScope, id: string): Promise<StoredResult | undefined> {
    const [row] = await this.#database.ask(RESULT, seenFrom(scope, id));
    return row && this.#damages.readOne(() => fromKeptResult(row));
  }

  async payload({ userId, id }: TaskKey): Promise<Payload | undefined> {
    const [row] = await this.#database.ask(PAYLOAD, seenFrom({ userId }, id));
    return row && this.#damages.readOne(() => fromKeptPayload(row));
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

/** A row `t`, and whether it lacks its result. */
const SEEN = ({ results }: Names) =>
  `t.*, t.has_result AND (SELECT r.task_key FROM ${results} r WHERE r.task_key = t.key) IS NULL AS lacks_result`;

/** Which task a part is of, and whether it was set aside. */
const PART = "t.key, t.user_id, t.id, t.damage";

const GET = statement<Seen, AnswerRow<TaskRow>>(
  (names) => `SELECT row_to_json(t)::text AS answer
    FROM (SELECT ${SEEN(names)} FROM ${names.tasks} t WHERE ${IS_TASK}) t`,
);

/** The batches that have later events, in order; one without, where there are none to read. */
const EVENTS = statement<Seen | "after" | "limit", BatchRow>(
  ({
    tasks,
    events,
  }) => `SELECT ${PART}, t.first_seq, t.last_seq AS end_seq, e.last_seq, e.events FROM ${tasks} t
    LEFT JOIN LATERAL (SELECT e.last_seq, e.events FROM ${events} e
      WHERE e.task_key = t.key AND e.last_seq > :after::bigint ORDER BY e.last_seq LIMIT :limit) e ON true
    WHERE ${IS_TASK} ORDER BY e.last_seq`,
);

const RESULT = statement<Seen, KeptResult>(
  ({ tasks, results }) => `SELECT ${PART}, t.has_result, r.about, r.head, r.tail
    FROM ${tasks} t LEFT JOIN ${results} r ON r.task_key = t.key WHERE ${IS_TASK}`,
);

const PAYLOAD = statement<Seen, KeptPayload>(
  ({ tasks, payloads }) => `SELECT ${PART}, p.input, p.checkpoint
    FROM ${tasks} t JOIN ${payloads} p ON p.task_key = t.key WHERE ${IS_TASK}`,
);

type List = Statement<string, AnswerRow<TaskRow>>;

/** Lists tasks, the newest first, and one beyond the limit if there are more. */
function listOf(scope: TaskScope, { status, limit, after }: ListQuery): [List, Values<string>] {
  const conditions = ["t.user_id = :user", `t.${INDEX} <> '${DAMAGED}'`];
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
    (names) => `SELECT row_to_json(t)::text AS answer
      FROM (SELECT ${SEEN(names)} FROM ${names.tasks} t WHERE ${conditions.join(" AND ")}
        ORDER BY t.created_at DESC, t.id DESC LIMIT :limit) t`,
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
