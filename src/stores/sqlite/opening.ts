import { TaskOffloadError } from "../../core/errors.ts";
import { Connection, type SqliteDatabaseLike } from "./connection.ts";
import { isBusy, openFailure } from "./failure.ts";
import { META } from "./names.ts";
import type { SqliteStoreOptions } from "./options.ts";
import { MIGRATIONS, migrate, schemaNames, schemaVersion } from "./schema.ts";
import { statement } from "./statement.ts";

/** A connection that is ready for use: its settings are made, and the schema is that of this version. */
export function openConnection(options: SqliteStoreOptions, busyTimeoutMs: number): Connection {
  const name = options.path === undefined ? "that was given" : JSON.stringify(options.path);
  let connection: Connection | undefined;
  try {
    connection = new Connection(options.database ?? openFile(options.path));
    prepare(connection, options, busyTimeoutMs);
    return connection;
  } catch (error) {
    if (options.database === undefined) connection?.close();
    throw openFailure(name, error);
  }
}

const PAUSE_MS = 10;
/**
 * A checkpoint waits for the disk, and with it the event loop: some 30 ms for so many pages. With SQLite's own
 * 1,000 there are more of them, which write the same pages again, and tasks take a quarter longer.
 */
const CHECKPOINT_PAGES = 8_000;

const USE_WAL = statement<never, object>("PRAGMA journal_mode = WAL");
const CHECKPOINT_LESS = statement<never, object>(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);

/** Everything that the schema has made. */
const NAMES = statement<never, { name: string }>(
  "SELECT name FROM sqlite_master WHERE name LIKE 'offload_%'",
);

/** Functions that may not be in every build of SQLite. */
const FUNCTIONS = statement<never, object>(
  "SELECT iif(json_valid('{}'), json_extract('{}', '$.a'), 0) FROM json_each('[1]')",
);

function openFile(path: string): SqliteDatabaseLike {
  // An import would fail, or be moved by a bundler, where there is none.
  const sqlite = process.getBuiltinModule?.("node:sqlite") as
    | { DatabaseSync: new (path: string) => SqliteDatabaseLike }
    | undefined;
  if (sqlite !== undefined) return new sqlite.DatabaseSync(path);
  throw new TaskOffloadError(
    "missing_peer",
    `Node ${process.versions.node} has no node:sqlite, which sqliteStore({ path }) needs. Use Node 22.13 or newer, ` +
      `or install a driver and give it: npm install libsql, then sqliteStore({ database: new Database("tasks.db") }); ` +
      "better-sqlite3 will do as well.",
  );
}

function prepare(connection: Connection, { synchronous }: SqliteStoreOptions, busyTimeoutMs: number): void {
  const deadline = performance.now() + busyTimeoutMs;
  patiently(deadline, () => checkVersion(connection));
  patiently(deadline, () => connection.get(USE_WAL, {}));
  connection.get(CHECKPOINT_LESS, {});
  connection.exec(`PRAGMA synchronous = ${synchronous === "full" ? "FULL" : "NORMAL"}`);
  patiently(deadline, () => updateSchema(connection));
  tryOut(connection);
}

/** What is missing, or refused, is named before anything is written. */
function tryOut(connection: Connection): void {
  const there = new Set(connection.all(NAMES, {}).map(({ name }) => name));
  const missing = schemaNames().filter((name) => !there.has(name));
  if (missing.length > 0) throw new Error(`it has no ${missing.join(", ")} any more`);
  connection.get(FUNCTIONS, {});
  try {
    connection.exec(`UPDATE ${META} SET value = value WHERE 0`);
  } catch (error) {
    if (!isBusy(error)) throw error;
  }
}

/** Ten processes that start at once make one schema: all but the first find it made. */
function updateSchema(connection: Connection): void {
  if (schemaVersion(connection) === MIGRATIONS.length) return;
  connection.transaction("BEGIN IMMEDIATE", () => {
    checkVersion(connection);
    migrate(connection);
  });
}

function checkVersion(connection: Connection): void {
  const version = schemaVersion(connection);
  if (version <= MIGRATIONS.length) return;
  throw new TaskOffloadError(
    "not_supported",
    `The SQLite database has version ${version} of the schema, and this version of tool-offload knows none after ` +
      `${MIGRATIONS.length}: use the newer tool-offload that has made it, or another file.`,
  );
}

/** Opening is synchronous, so that a wrong path is known at once; so is waiting for others who open it too. */
function patiently(deadline: number, attempt: () => unknown): void {
  for (;;) {
    try {
      attempt();
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}
