import type { TaskStore } from "../core/model/store.ts";
import { ChangesReading } from "./sqlite/changes.ts";
import { Contents } from "./sqlite/contents.ts";
import { Damages } from "./sqlite/damage.ts";
import { Database } from "./sqlite/database.ts";
import { FileTime } from "./sqlite/file-time.ts";
import { Hints } from "./sqlite/hints.ts";
import { Leases } from "./sqlite/leases.ts";
import { openConnection } from "./sqlite/opening.ts";
import { type SqliteStoreOptions, sqliteStoreTerms } from "./sqlite/options.ts";
import { Outbox } from "./sqlite/outbox.ts";
import { Reading } from "./sqlite/reading.ts";
import { Retention } from "./sqlite/retention.ts";
import { SessionTable } from "./sqlite/session-table.ts";
import { SetBack } from "./sqlite/set-back.ts";
import { TaskTable } from "./sqlite/task-table.ts";
import { Tasks } from "./sqlite/tasks.ts";
import { WholeReading } from "./sqlite/whole-reading.ts";

export type { SqliteDatabaseLike, SqliteStatementLike, SqliteValue } from "./sqlite/connection.ts";
export type { SqliteSettings, SqliteStoreOptions } from "./sqlite/options.ts";

/**
 * Keeps tasks in a SQLite database: they outlive the process, and several processes of one machine can share
 * the file.
 *
 * With a `path` it uses `node:sqlite`, of Node 22.13 or newer. With a `database` it uses an open one of libsql,
 * better-sqlite3 or `node:sqlite`. Give it a connection of its own: it sets `journal_mode` to WAL, `synchronous`
 * and `wal_autocheckpoint`, and writes in transactions. Its tables are called `offload_…`. A `database` stays
 * open when the store is closed.
 *
 * SQLite works synchronously: each call keeps the event loop for as long as it takes, most of them for some
 * ten microseconds, but not while other processes write. Calls of one turn of the event loop are written
 * together, which is several times as fast. The file has a time of its own: that of the machine when it was made, which
 * goes on whatever the machine's clock is set to. Hints of other processes take up to 50 ms, and cost them something
 * only while somebody watches.
 *
 * @throws `invalid_option`; `missing_peer` where there is no `node:sqlite` for a path; `not_supported` if the
 * database was made by a newer version; `store_failed` if it cannot be used. Whatever is wrong with a file, it is
 * left as it is.
 *
 * @example
 * ```ts
 * import Database from "libsql";
 * import { sqliteStore } from "tool-offload/stores/sqlite";
 *
 * const database = new Database(":memory:");
 * const store = sqliteStore({ database }); // from Node 22.13 on: sqliteStore({ path: "tasks.db" })
 * const { records } = await store.list({ userId: "ada" }, { limit: 20 });
 * console.log(records); // []
 * await store.close();
 * database.close();
 * ```
 */
export function sqliteStore(options: SqliteStoreOptions): TaskStore {
  const { busyTimeoutMs, clock } = sqliteStoreTerms(options);
  const connection = openConnection(options, busyTimeoutMs);
  const contents = new Contents(connection);
  const sessions = new SessionTable(connection);
  const setBack = new SetBack(connection, sessions);
  const time = new FileTime(connection, clock, (now, byMs) => setBack.to(now, byMs));
  const hints = new Hints(connection, time);
  const damages = new Damages(connection);
  const table = new TaskTable(connection, contents, sessions, damages, hints, time);
  const tasks = new Tasks(connection, table, contents);
  const reading = new Reading(connection, contents);
  const changes = new ChangesReading(connection, time);
  const leases = new Leases(connection, table, time);
  const outbox = new Outbox(connection, table, sessions, hints, time);
  const retention = new Retention(connection, table, sessions, time);
  const database = new Database(connection, busyTimeoutMs, {
    begun: () => time.begun(),
    beforeCommit: () => {
      contents.write();
      hints.leave();
    },
    committed: () => {
      hints.committed();
      damages.committed();
    },
    rolledBack: () => {
      contents.forget();
      time.forget();
      damages.forget();
      return hints.forget();
    },
  });
  const whole = new WholeReading(database, damages);
  return {
    isShared: true,
    insert: (task, limits, leaseMs) => database.write(() => tasks.insert(task, limits, leaseMs)),
    get: (scope, id) => whole.one(database.peek(() => reading.get(scope, id))),
    list: (scope, query) => whole.many((met) => reading.list(scope, query, met)),
    transition: (task, version, change) => database.write(() => tasks.transition(task, version, change)),
    admit: (task, version, change, limits) =>
      database.write(() => tasks.admit(task, version, change, limits)),
    append: (task, owner, events) => database.write(() => tasks.append(task, owner, events)),
    events: (scope, id, query) => whole.one(database.read(() => reading.events(scope, id, query))),
    result: (scope, id) => whole.one(database.read(() => reading.result(scope, id))),
    changes: (queries, limit) =>
      whole.several((met) => queries.map((query) => changes.read(query, limit, met))),
    checkpoint: (task, owner, checkpoint) => database.write(() => tasks.checkpoint(task, owner, checkpoint)),
    payload: (task) => database.read(() => reading.payload(task)),
    renew: (owner, tasks, leaseMs) => database.write(() => leases.renew(owner, tasks, leaseMs)),
    lapsed: (limit) => whole.many((met) => leases.lapsed(limit, met)),
    claim: (claimant, leaseMs, filter) => database.write(() => outbox.claim(claimant, leaseMs, filter)),
    prolong: (claim, leaseMs) => database.write(() => outbox.prolong(claim, leaseMs)),
    settle: (claim, outcome, keep = false) => database.write(() => outbox.settle(claim, outcome, keep)),
    hold: (claimant, leaseMs, session, terms) =>
      database.write(() => outbox.hold(claimant, leaseMs, session, terms)),
    extend: (claim, modes, maxHolds) => database.write(() => outbox.extend(claim, modes, maxHolds)),
    stopTurn: (session, reason, only) => database.write(() => outbox.stopTurn(session, reason, only)),
    resetTurns: (session) => database.write(() => outbox.resetTurns(session)),
    sweep: async (limits, limit) => {
      if (!(await database.peek(() => retention.hasWork(limits))))
        return { expired: [], evicted: 0, more: false };
      return database.write(() => retention.sweep(limits, limit));
    },
    onDamage: (listener) => damages.listen(listener),
    watch: (listener, missed) => hints.watch(listener, missed),
    close: async () => {
      if (!(await database.close())) return;
      hints.close();
      damages.close();
      if (options.database === undefined) connection.close();
      else connection.release();
    },
  };
}
