import type { Renewal, TaskKey } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { Database } from "./database.ts";
import { fromKey, toKey } from "./keys.ts";
import { INDEX, type Names, SORTED_BY, TURNS, UNFINISHED } from "./names.ts";
import { fromRow, type TaskRow } from "./rows.ts";

/** Leases of tasks: who runs them says so now and then. */
export class Leases {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async renew(owner: string, tasks: readonly TaskKey[], leaseMs: number): Promise<Renewal[]> {
    const keys = tasks.map(({ userId, id }) => ({ user_id: toKey(userId), id: toKey(id) }));
    const values = [toKey(owner), JSON.stringify(keys), leaseMs];
    const renewals = await this.#database.callAll<RenewalRow>(RENEW, values);
    return renewals.map(({ id, owned, version, cancel }) => {
      return { id: fromKey(id), owned, version, cancel: cancel === null ? null : JSON.parse(cancel) };
    });
  }

  async lapsed(limit: number): Promise<TaskRecord[]> {
    const rows = await this.#database.askJson<TaskRow>(LAPSED(this.#database.names), [limit]);
    return rows.map(fromRow);
  }
}

interface RenewalRow {
  id: string;
  owned: boolean;
  version: number;
  cancel: string | null;
}

/** $1 owner, $2 the keys of tasks as JSON, $3 length of the lease. Returns a {@link RenewalRow} for each that is there. */
const RENEW = "renew_leases($1, $2, $3)";

/** $1 limit. Returns unfinished tasks whose lease is over, each {@link TaskRow} as JSON. */
const LAPSED = (names: Names) => `SELECT row_to_json(t)::text AS answer FROM ${names.tasks} t
  WHERE t.${INDEX} IN ${UNFINISHED} AND t.${TURNS} = 0 AND t.${SORTED_BY} <= ${names.now} LIMIT $1`;
