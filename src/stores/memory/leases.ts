import type { Renewal, TaskKey } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { copyRecord } from "../shared/copy.ts";
import type { Catalogue } from "./catalogue.ts";

/** Leases of tasks: who runs them says so now and then. */
export class Leases {
  readonly #catalogue: Catalogue;
  readonly #now: () => number;

  constructor(catalogue: Catalogue, now: () => number) {
    this.#catalogue = catalogue;
    this.#now = now;
  }

  renew(owner: string, tasks: readonly TaskKey[], leaseMs: number): Renewal[] {
    const leaseEndsAt = this.#now() + leaseMs;
    return tasks.flatMap((task) => {
      const entry = this.#catalogue.named(task);
      if (entry === undefined) return [];
      const { id, version, cancel, owner: current } = entry.record;
      const owned = current === owner;
      if (owned) entry.leaseEndsAt = leaseEndsAt;
      return [{ id, owned, version, cancel: cancel && { ...cancel } }];
    });
  }

  lapsed(limit: number): TaskRecord[] {
    const now = this.#now();
    const records: TaskRecord[] = [];
    for (const { record, leaseEndsAt } of this.#catalogue.unfinished) {
      if (records.length === limit) break;
      if (leaseEndsAt <= now) records.push(copyRecord(record));
    }
    return records;
  }
}
