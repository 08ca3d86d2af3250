import type { TaskStore } from "../core/model/store.ts";
import { AfterWrite } from "./postgres/after-write.ts";
import { ChangesReading } from "./postgres/changes.ts";
import { Damages } from "./postgres/damage.ts";
import { Database } from "./postgres/database.ts";
import { Hints } from "./postgres/hints.ts";
import { Leases } from "./postgres/leases.ts";
import { type PostgresStoreOptions, postgresStoreTerms } from "./postgres/options.ts";
import { Outbox } from "./postgres/outbox.ts";
import { Reading } from "./postgres/reading.ts";
import { Retention } from "./postgres/retention.ts";
import { SweepPlan } from "./postgres/sweep-plan.ts";
import { Tasks } from "./postgres/tasks.ts";

export type { PostgresStoreOptions } from "./postgres/options.ts";
export type { PostgresClientLike, PostgresPoolLike, PostgresQueryable, QueryValue } from "./postgres/pool.ts";

/**
 * Keeps tasks in PostgreSQL 12 or newer, for any number of processes. The tables are made before the first call,
 * in a schema of their own; see {@link migratePostgres} for doing that beforehand. Times are those of the
 * database's clock. Its first call rejects with `not_supported` where the schema is newer than this release, or where the
 * role lacks something there, which it names.
 *
 * @throws `invalid_option`
 * @example With a server
 * ```ts
 * import pg from "pg";
 * import { postgresStore } from "tool-offload/stores/postgres";
 *
 * const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
 * const store = postgresStore({ pool });
 * const { records } = await store.list({ userId: "ada" }, { limit: 20 });
 * console.log(records); // []
 * await store.close();
 * await pool.end();
 * ```
 */
export function postgresStore(options: PostgresStoreOptions): TaskStore {
  const terms = postgresStoreTerms(options);
  const database = new Database(terms);
  const hints = new Hints(database, terms);
  const sweepPlan = new SweepPlan();
  const damages = new Damages(database);
  const after = new AfterWrite(hints, sweepPlan, damages);
  const tasks = new Tasks(database, after, damages);
  const reading = new Reading(database, damages);
  const changes = new ChangesReading(database);
  const leases = new Leases(database, damages);
  const outbox = new Outbox(database, after, hints);
  const retention = new Retention(database, after, sweepPlan);
  const store: TaskStore = {
    isShared: true,
    insert: (task, limits, leaseMs) => tasks.insert(task, limits, leaseMs),
    get: (scope, id) => reading.get(scope, id),
    list: (scope, query) => reading.list(scope, query),
    transition: (task, version, change) => tasks.transition(task, version, change),
    admit: (task, version, change, limits) => tasks.admit(task, version, change, limits),
    append: (task, owner, events) => tasks.append(task, owner, events),
    events: (scope, id, query) => reading.events(scope, id, query),
    result: (scope, id) => reading.result(scope, id),
    changes: (queries, limit) => changes.read(queries, limit),
    checkpoint: (task, owner, checkpoint) => tasks.checkpoint(task, owner, checkpoint),
    payload: (task) => reading.payload(task),
    renew: (owner, tasks, leaseMs) => leases.renew(owner, tasks, leaseMs),
    lapsed: (limit) => leases.lapsed(limit),
    claim: (claimant, leaseMs, filter) => outbox.claim(claimant, leaseMs, filter),
    hold: (claimant, leaseMs, session, terms) => outbox.hold(claimant, leaseMs, session, terms),
    extend: (claim, modes, maxHolds) => outbox.extend(claim, modes, maxHolds),
    prolong: (claim, leaseMs) => outbox.prolong(claim, leaseMs),
    settle: (claim, outcome, keep = false) => outbox.settle(claim, outcome, keep),
    stopTurn: (session, reason, only) => outbox.stopTurn(session, reason, only),
    resetTurns: (session) => outbox.resetTurns(session),
    sweep: (limits, limit) => retention.sweep(limits, limit),
    onDamage: (listener) => damages.onDamage(listener),
    close: async () => {
      database.close();
      damages.close();
      await hints.close();
    },
  };
  if (hints.canWatch) store.watch = (listener, missed) => hints.watch(listener, missed);
  return store;
}

/**
 * Makes the tables, or brings them to the version of this release; where they have it, it only reads. Stores do
 * this by themselves, any number of them at once. Do it beforehand, with a role that may create a schema, where
 * the role of the store may not: that one needs USAGE on the schema, and SELECT, INSERT, UPDATE and DELETE on
 * its tables.
 *
 * @throws `not_supported` if the schema is newer than this release, or lacks what a store needs
 * @example With a server
 * ```ts
 * import pg from "pg";
 * import { migratePostgres } from "tool-offload/stores/postgres";
 *
 * const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
 * await migratePostgres({ pool });
 * await pool.end();
 * ```
 */
export async function migratePostgres(options: PostgresStoreOptions): Promise<void> {
  await new Database(postgresStoreTerms(options)).migrate();
}
