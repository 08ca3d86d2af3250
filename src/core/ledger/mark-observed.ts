import { isOutstanding } from "../model/follow-up.ts";
import type { LifecycleEvent } from "../model/lifecycle.ts";
import type { TaskScope } from "../model/task.ts";
import type { Ledger } from "./ledger.ts";
import type { StoreReader } from "./store-gateway.ts";

/**
 * The agent has read how a task ended: nobody need tell it again. Where no follow-up is outstanding, because
 * the task is missing, foreign, unfinished or settled, nothing happens.
 *
 * @throws `store_failed`
 */
export async function markObserved(
  { gateway, ledger }: { readonly gateway: StoreReader; readonly ledger: Ledger },
  scope: TaskScope,
  id: string,
): Promise<void> {
  for (let isSettled = false; !isSettled; ) {
    const record = await gateway.ask("get", (store) => store.get(scope, id));
    if (record === undefined || !isOutstanding(record.followUp)) return;
    // Where somebody was faster, it has to be looked at again.
    isSettled = (await ledger.change(record, [OBSERVED])) !== undefined;
  }
}

const OBSERVED: LifecycleEvent = { type: "follow_up.dropped", reason: "observed" };
