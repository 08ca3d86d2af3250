import type { Renewal, TaskKey } from "../../core/model/store.ts";
import type { TaskCancel, TaskRecord } from "../../core/model/task.ts";
import { isCancel } from "../shared/check-record.ts";
import type { Damages } from "./damage.ts";
import type { Database } from "./database.ts";
import { fromKey, toKey } from "./keys.ts";
import { INDEX, SORTED_BY, TURNS, UNFINISHED } from "./names.ts";
import { fromRow, orNull, type TaskRow } from "./rows.ts";
import { type AnswerRow, call, statement } from "./statement.ts";
import { type RowKey, readPart } from "./wrong-row.ts";

/** Leases of tasks: who runs them says so now and then. */
export class Leases {
  readonly #database: Database;
  readonly #damages: Damages;

  constructor(database: Database, damages: Damages) {
    this.#database = database;
    this.#damages = damages;
  }

  async renew(owner: string, tasks: readonly TaskKey[], leaseMs: number): Promise<Renewal[]> {
    const keys = tasks.map(({ userId, id }) => ({ user_id: toKey(userId), id: toKey(id) }));
    const values = { owner: toKey(owner), tasks: JSON.stringify(keys), leaseMs };
    const renewals = await this.#database.askAll(RENEW, values);
    return this.#damages.readEach(renewals, (row) => {
      const { id, owned, version } = row;
      return {
        id: fromKey(id),
        owned,
        version,
        cancel: readPart(row, "its cancel", () => orNull(row.cancel, toCancel)),
      };
    });
  }

  async lapsed(limit: number): Promise<TaskRecord[]> {
    const rows = await this.#database.askAll(LAPSED, { limit });
    return this.#damages.readEach(rows, fromRow);
  }
}

interface RenewalRow extends RowKey {
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

function toCancel(text: string): TaskCancel | null {
  const cancel = JSON.parse(text);
  if (isCancel(cancel)) return cancel;
  throw new Error("That is no cancel.");
}
