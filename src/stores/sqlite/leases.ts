import type { Renewal, TaskKey } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { Connection } from "./connection.ts";
import { RECORD, type RecordRow } from "./entry.ts";
import type { FileTime } from "./file-time.ts";
import { IS_UNFINISHED, TASKS, TASKS_BY } from "./names.ts";
import { type DamagedRow, readRecords } from "./read-entry.ts";
import { statement } from "./statement.ts";
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
      const { id, version, cancel, owner: current } = entry.record;
      const owned = current === owner;
      if (owned) this.#connection.run(RENEW, { leaseEndsAt, key: entry.key });
      return [{ id, owned, version, cancel }];
    });
  }

  lapsed(limit: number, met: DamagedRow[]): TaskRecord[] {
    return readRecords(this.#connection.all(LAPSED, { now: this.#time.now(), limit }), met);
  }
}

const RENEW = statement<"leaseEndsAt" | "key">(
  `UPDATE ${TASKS} SET leaseEndsAt = :leaseEndsAt WHERE key = :key`,
);

/** Unfinished tasks whose lease is over. */
const LAPSED = statement<"now" | "limit", RecordRow>(
  `SELECT ${RECORD} FROM ${TASKS_BY.lease} WHERE ${IS_UNFINISHED} AND leaseEndsAt <= :now
    ORDER BY leaseEndsAt LIMIT :limit`,
);
