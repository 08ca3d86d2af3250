import { TaskOffloadError } from "../../core/errors.ts";
import { type Clock, systemClock } from "../../core/time/clock.ts";
import { duration, func, type Kind, kind, oneOf } from "../../core/values/kinds.ts";
import { option, readOptions, type Settings, type Table } from "../../core/values/options.ts";
import { invalidOption } from "../../core/values/validate.ts";
import { type Lookalikes, refuseLookalike } from "../shared/foreign-client.ts";
import type { SqliteDatabaseLike } from "./connection.ts";

export interface SqliteSettings {
  /**
   * What is safe against a loss of power. A crash of the process loses nothing either way, and nothing is
   * ever half written. With "normal" the last moments before a loss of power, or a crash of the operating
   * system, may be missing; with "full" they are not, and each write waits for the disk.
   * @default "normal"
   */
  synchronous?: "normal" | "full" | undefined;
  /**
   * Milliseconds a call waits while other processes write, before it rejects. The event loop goes on meanwhile.
   * @default 5_000
   */
  busyTimeoutMs?: number | undefined;
  /**
   * Where time comes from. Without a `monotonic` it is the time of the file as it is: what lies further ahead than it
   * was to last is over when it was set back. @default the clock of the machine
   */
  clock?: Clock | undefined;
}

/** Either a `path`, for `node:sqlite`, or an open `database` of libsql, better-sqlite3 or `node:sqlite`. */
export type SqliteStoreOptions = SqliteSettings &
  ({ path: string; database?: undefined } | { database: SqliteDatabaseLike; path?: undefined });

const SQLITE = {
  path: option(kind("the path of a file", isPath)),
  database: option(database),
  synchronous: option(oneOf("normal", "full"), "normal"),
  busyTimeoutMs: option(duration, 5_000),
  clock: option(clock, systemClock),
} satisfies Table<SqliteSettings & { path?: string; database?: SqliteDatabaseLike }>;

/** @throws `invalid_option` */
export function sqliteStoreTerms(options: SqliteStoreOptions): Settings<typeof SQLITE> {
  if (typeof options !== "object" || options === null) {
    throw invalidOption(`${WHERE}its options`, "an object with a path or a database", options);
  }
  const terms = readOptions(SQLITE, options, undefined, WHERE);
  if ((terms.path === undefined) !== (terms.database === undefined)) return terms;
  const given = terms.path === undefined ? "neither" : "both";
  throw new TaskOffloadError("invalid_option", `${WHERE}give either path or database; got ${given}.`);
}

const WHERE = "sqliteStore: ";

function isPath(value: unknown): boolean {
  return typeof value === "string" && value !== "" && !value.includes("\0");
}

const LOOKALIKES: Lookalikes = {
  parallelize: "one of sqlite3, whose methods call back",
  getDatabaseInstance: "one of sqlite, whose methods answer promises",
  executeMultiple: "a client of @libsql/client, whose methods answer promises",
  getRowsModified: "one of sql.js, which keeps no file",
};

function database(...[value, name, code]: Parameters<Kind<SqliteDatabaseLike>>): SqliteDatabaseLike {
  const wanted = "an open database of libsql, better-sqlite3 or node:sqlite";
  refuseLookalike(value, name, code, wanted, LOOKALIKES);
  return kind<SqliteDatabaseLike>("an open database with prepare, exec and close", isDatabase)(
    value,
    name,
    code,
  );
}

function isDatabase(value: unknown): boolean {
  const methods = value as Partial<SqliteDatabaseLike> | null;
  return [methods?.prepare, methods?.exec, methods?.close].every((method) => typeof method === "function");
}

/** A store only asks what time it is. */
function clock(...[value, name, code]: Parameters<Kind<Clock>>): Clock {
  func()((value as Clock | null)?.now, `${name}.now`, code);
  return value as Clock;
}
