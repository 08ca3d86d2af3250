import type { ListQuery, RecordPage } from "../../core/model/store.ts";
import { isFinished, type TaskRecord, type TaskScope, type TaskStatus } from "../../core/model/task.ts";
import type { Database } from "./database.ts";
import { toKey } from "./keys.ts";
import { inScope, Query, taskIn } from "./query.ts";
import { fromRow, type TaskRow } from "./rows.ts";
import { UNFINISHED } from "./sql.ts";

/** Records read, one at a time or by the page. */
export class Reading {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async get(scope: TaskScope, id: string): Promise<TaskRecord | undefined> {
    const query = new Query();
    const [record] = await this.#records(`WHERE ${taskIn(query, scope, id)}`, query);
    return record;
  }

  async list(scope: TaskScope, { status, limit, after }: ListQuery): Promise<RecordPage> {
    const query = new Query();
    const conditions = [inScope(query, scope)];
    if (status) conditions.push(ofStatus(query, scope.userId, status));
    if (after) {
      const place = [query.bind(after.createdAt), query.bind(toKey(after.id))];
      conditions.push(`(t.created_at, t.id) < (${place})`);
    }
    const text = `WHERE ${conditions.join(" AND ")}
      ORDER BY t.created_at DESC, t.id DESC LIMIT ${query.bind(limit + 1)}`;
    const records = await this.#records(text, query);
    return { records: records.slice(0, limit), more: records.length > limit };
  }

  async lapsed(limit: number): Promise<TaskRecord[]> {
    const query = new Query();
    const text = `WHERE t.shelf IN ${UNFINISHED} AND t.held = 0
      AND t.shelf_at <= (SELECT ${this.#database.schema}.now_ms()) LIMIT ${query.bind(limit)}`;
    return this.#records(text, query);
  }

  async #records(which: string, { values }: Query): Promise<TaskRecord[]> {
    const text = `SELECT row_to_json(t)::text AS answer FROM ${this.#database.schema}.tasks t ${which}`;
    return (await this.#database.askJson<TaskRow>(text, values)).map(fromRow);
  }
}

/** Unfinished tasks are few, and found by their shelves, however many others the user has. */
function ofStatus(query: Query, userId: string, status: readonly TaskStatus[]): string {
  if (status.length === 0) return "false";
  if (status.some(isFinished)) return `t.status IN (${status.map((one) => query.bind(one))})`;
  return `t.user_shelf IN (${status.map((one) => query.bind(`${one} ${toKey(userId)}`))})`;
}
