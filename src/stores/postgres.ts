import { nanoid } from "nanoid";
import type { TaskStore } from "../core/model/store.ts";
import { Changes } from "./postgres/changes.ts";
import { Contents } from "./postgres/contents.ts";
import { Database } from "./postgres/database.ts";
import { Inserting } from "./postgres/inserting.ts";
import { renewLeases } from "./postgres/leases.ts";
import { Listener } from "./postgres/listener.ts";
import { Notifier } from "./postgres/notifier.ts";
import { checkedTerms, type PostgresStoreOptions, type PostgresTerms } from "./postgres/options.ts";
import { Outbox } from "./postgres/outbox.ts";
import { Reading } from "./postgres/reading.ts";
import { Retention } from "./postgres/retention.ts";
import { Rounds } from "./postgres/rounds.ts";
import { Writing } from "./postgres/writing.ts";
import { HintListeners } from "./shared/listeners.ts";

export type { PostgresStoreOptions } from "./postgres/options.ts";
export type { PostgresClientLike, PostgresPoolLike, PostgresQueryable, QueryValue } from "./postgres/pool.ts";

/**
 * Keeps tasks in PostgreSQL 12 or newer, for any number of processes. The tables are made before the first call,
 * in a schema of their own; see {@link migratePostgres} for doing that beforehand. Times are those of the
 * database's clock.
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
  const terms = checkedTerms(options);
  const database = new Database(terms);
  const self = nanoid();
  const listeners = new HintListeners();
  const rounds = new Rounds();
  const notifier = terms.notify ? new Notifier(terms.pool, terms.schema, self) : undefined;
  const changes = new Changes(listeners, notifier, rounds);
  const listener = listenerOf(terms, database, self, listeners);
  const inserting = new Inserting(database, changes);
  const writing = new Writing(database, changes);
  const contents = new Contents(database);
  const reading = new Reading(database);
  const outbox = new Outbox(database, changes);
  const retention = new Retention(database, changes, rounds);
  const store: TaskStore = {
    isShared: true,
    insert: (task, guard, leaseMs) => inserting.insert(task, guard, leaseMs),
    get: (scope, id) => reading.get(scope, id),
    list: (scope, query) => reading.list(scope, query),
    transition: (task, version, change) => writing.transition(task, version, change),
    admit: (task, version, change, guard) => writing.admit(task, version, change, guard),
    append: (task, owner, events) => writing.append(task, owner, events),
    events: (scope, id, query) => contents.events(scope, id, query),
    result: (scope, id) => contents.result(scope, id),
    checkpoint: (task, owner, checkpoint) => writing.checkpoint(task, owner, checkpoint),
    payload: (task) => contents.payload(task),
    renew: (owner, tasks, leaseMs) => renewLeases(database, owner, tasks, leaseMs),
    lapsed: (limit) => reading.lapsed(limit),
    claim: (claimant, leaseMs, filter) => outbox.claim(claimant, leaseMs, filter),
    prolong: (claim, leaseMs) => outbox.prolong(claim, leaseMs),
    settle: (claim, outcome) => outbox.settle(claim, outcome),
    resetTurns: (session) => outbox.resetTurns(session),
    sweep: (limits, limit) => retention.sweep(limits, limit),
    close: async () => {
      database.close();
      listeners.clear();
      await Promise.all([listener?.close(), notifier?.close()]);
    },
  };
  if (listener) store.watch = (listen) => listener.watch(listen);
  return store;
}

/**
 * Makes the tables, or brings them to the version of this release; where they have it, it only reads. Stores do
 * this by themselves, any number of them at once. Do it beforehand, with a role that may create a schema, where
 * the role of the store may not: that one needs USAGE on the schema, and SELECT, INSERT, UPDATE and DELETE on
 * its tables.
 *
 * @throws `not_supported` if the schema is newer than this release
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
  await new Database(checkedTerms(options)).migrate();
}

/** A pool without connections to spare would have none left for the store. */
function listenerOf(
  terms: PostgresTerms,
  database: Database,
  self: string,
  listeners: HintListeners,
): Listener | undefined {
  const { pool, schema, notify } = terms;
  if (!notify || pool.connect === undefined || pool.options?.max === 1) return undefined;
  return new Listener(database, listeners, { pool, channel: schema, self });
}
