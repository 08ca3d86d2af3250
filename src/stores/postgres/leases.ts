import type { Renewal, TaskKey } from "../../core/model/store.ts";
import type { Database } from "./database.ts";
import { fromKey, toKey } from "./keys.ts";

/** Prolongs the leases of an owner's tasks. */
export async function renewLeases(
  database: Database,
  owner: string,
  tasks: readonly TaskKey[],
  leaseMs: number,
): Promise<Renewal[]> {
  const keys = tasks.map(({ userId, id }) => ({ user_id: toKey(userId), id: toKey(id) }));
  const values = [toKey(owner), JSON.stringify(keys), leaseMs];
  const renewals = await database.callAll<RenewalRow>("renew_leases($1, $2, $3)", values);
  return renewals.map(({ id, owned, version, cancel }) => {
    return { id: fromKey(id), owned, version, cancel: cancel === null ? null : JSON.parse(cancel) };
  });
}

interface RenewalRow {
  id: string;
  owned: boolean;
  version: number;
  cancel: string | null;
}
