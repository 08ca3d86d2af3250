import type { TaskScope } from "../../core/model/task.ts";
import { toKey, toSessionKey } from "./keys.ts";
import type { QueryValue } from "./pool.ts";

/** Values on their way into a statement. */
export class Query {
  readonly values: QueryValue[] = [];

  /** What stands for the value in the text. */
  bind(value: QueryValue): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** The condition that a row `t` of the tasks may be seen from a scope. */
export function inScope(query: Query, { userId, sessionId }: TaskScope): string {
  const user = `t.user_id = ${query.bind(toKey(userId))}`;
  return sessionId === undefined ? user : `${user} AND t.session = ${query.bind(toSessionKey(sessionId))}`;
}

/** The condition that a row `t` is a certain task, seen from a scope. */
export function taskIn(query: Query, scope: TaskScope, id: string): string {
  return `${inScope(query, scope)} AND t.id = ${query.bind(toKey(id))}`;
}
