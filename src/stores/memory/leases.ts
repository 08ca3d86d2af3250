import type { Renewal, TaskKey } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import { copyRecord } from "../shared/copy.ts";
import type { Catalogue } from "./catalogue.ts";

/** Leases of tasks: who runs them says so now and then. */
export class Leases {
  readonly #catalogue: Catalogue;
  readonly #clock: SteadyClock;

  constructor(catalogue: Catalogue, clock: SteadyClock) {
    this.#catalogue = catalogue;
    this.#clock = clock;
  }

  renew(owner: string, tasks: readonly TaskKey[], leaseMs: number): Renewal[] {
    const leaseEndsAt = this.#clock.monotonic() + leaseMs;
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
    const now = this.#clock.monotonic();
    const records: TaskRecord[] = [];
    for (const { record, leaseEndsAt } of this.#catalogue.unfinished) {
      if (records.length === limit) break;
      if (leaseEndsAt <= now) records.push(copyRecord(record));
    }
    return records;
  }
}
