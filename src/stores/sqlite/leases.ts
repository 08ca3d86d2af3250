import type { Renewal, TaskKey } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { Connection } from "./connection.ts";
import { type KeptRow, toRecord } from "./entry.ts";
import type { FileTime } from "./file-time.ts";
import { IS_UNFINISHED, TASKS, TASKS_BY } from "./names.ts";
import type { TaskTable } from "./task-table.ts";

/** Leases of tasks: who runs them says so now and then. */
export class Leases {
  readonly #connection: Connection;
  readonly #table: TaskTable;
  readonly #time: FileTime;

  constructor(connection: Connection, table: TaskTable, time: FileTime) {
    this.#connection = connection;
    this.#table = table;
    this.#time = time;
  }

  /** To be called in a transaction. */
  renew(owner: string, tasks: readonly TaskKey[], leaseMs: number): Renewal[] {
    const leaseEndsAt = this.#time.now() + leaseMs;
    return tasks.flatMap((task) => {
      const entry = this.#table.named(task);
      if (entry === undefined) return [];
      const { id, version, cancel, owner: holder } = entry.record;
      const owned = holder === owner;
      if (owned) this.#connection.run(RENEW, leaseEndsAt, entry.key);
      return [{ id, owned, version, cancel }];
    });
  }

  lapsed(limit: number): TaskRecord[] {
    return this.#connection.all<KeptRow>(LAPSED, this.#time.now(), limit).map(toRecord);
  }
}

/** ? end of the lease, ? key. */
const RENEW = `UPDATE ${TASKS} SET leaseEndsAt = ? WHERE key = ?`;

/** ? now, ? limit. Returns unfinished tasks whose lease is over. */
const LAPSED = `SELECT kept FROM ${TASKS_BY.lease} WHERE ${IS_UNFINISHED} AND leaseEndsAt <= ?
  ORDER BY leaseEndsAt LIMIT ?`;
