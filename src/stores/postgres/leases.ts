import type { Renewal, TaskKey } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { Database } from "./database.ts";
import { fromKey, toKey } from "./keys.ts";
import { INDEX, SORTED_BY, TURNS, UNFINISHED } from "./names.ts";
import { fromRow, type TaskRow } from "./rows.ts";
import { type AnswerRow, call, statement } from "./statement.ts";

/** Leases of tasks: who runs them says so now and then. */
export class Leases {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async renew(owner: string, tasks: readonly TaskKey[], leaseMs: number): Promise<Renewal[]> {
    const keys = tasks.map(({ userId, id }) => ({ user_id: toKey(userId), id: toKey(id) }));
    const values = { owner: toKey(owner), tasks: JSON.stringify(keys), leaseMs };
    const renewals = await this.#database.askAll(RENEW, values);
    return renewals.map(({ id, owned, version, cancel }) => {
      return { id: fromKey(id), owned, version, cancel: cancel === null ? null : JSON.parse(cancel) };
    });
  }

  async lapsed(limit: number): Promise<TaskRecord[]> {
    const rows = await this.#database.askAll(LAPSED, { limit });
    return rows.map(fromRow);
  }
}

interface RenewalRow {
  id: string;
  owned: boolean;
  version: number;
  cancel: string | null;
}

/** Each task that is there; `tasks` are their keys as JSON. */
const RENEW = call<"owner" | "tasks" | "leaseMs", RenewalRow>("renew_leases(:owner, :tasks, :leaseMs)");

/** Unfinished tasks whose lease is over. */
const LAPSED = statement<"limit", AnswerRow<TaskRow>>(
  ({ tasks, now }) => `SELECT row_to_json(t)::text AS answer FROM ${tasks} t
    WHERE t.${INDEX} IN ${UNFINISHED} AND t.${TURNS} = 0 AND t.${SORTED_BY} <= ${now} LIMIT :limit`,
);
