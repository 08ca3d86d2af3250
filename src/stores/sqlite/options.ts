import { TaskOffloadError } from "../../core/errors.ts";
import { type Clock, systemClock } from "../../core/time/clock.ts";
import {
  checkDuration,
  checkFunction,
  checkNames,
  checkOneOf,
  invalidOption,
} from "../../core/values/validate.ts";
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
  /** Where time comes from. @default the clock of the machine */
  clock?: Clock | undefined;
}

/** Either a `path`, for `node:sqlite`, or an open `database` of libsql, better-sqlite3 or `node:sqlite`. */
export type SqliteStoreOptions = SqliteSettings &
  ({ path: string; database?: undefined } | { database: SqliteDatabaseLike; path?: undefined });

/** @throws `invalid_option` */
export function checkOptions(options: SqliteStoreOptions): { busyTimeoutMs: number; clock: Clock } {
  if (typeof options !== "object" || options === null) {
    throw invalidOption("sqliteStore: its options", "an object with a path or a database", options);
  }
  checkNames(WHERE, options, OPTIONS);
  const { path, database, synchronous = "normal", busyTimeoutMs = 5_000, clock = systemClock } = options;
  checkSource(path, database);
  checkOneOf(`${WHERE}synchronous`, synchronous, ["normal", "full"]);
  checkDuration(`${WHERE}busyTimeoutMs`, busyTimeoutMs);
  checkFunction(`${WHERE}clock.now`, clock?.now);
  return { busyTimeoutMs, clock };
}

const OPTIONS = ["path", "database", "synchronous", "busyTimeoutMs", "clock"];
const WHERE = "sqliteStore: ";

function checkSource(path: unknown, database: unknown): void {
  if ((path === undefined) === (database === undefined)) {
    const given = path === undefined ? "neither" : "both";
    throw new TaskOffloadError("invalid_option", `${WHERE}give either path or database; got ${given}.`);
  }
  if (path !== undefined && (typeof path !== "string" || path === "" || path.includes("\0"))) {
    throw invalidOption(`${WHERE}path`, "the path of a file", path);
  }
  if (database === undefined || isDatabase(database)) return;
  throw invalidOption(`${WHERE}database`, "an open database with prepare, exec and close", database);
}

function isDatabase(value: unknown): boolean {
  const methods = value as Partial<SqliteDatabaseLike> | null;
  return [methods?.prepare, methods?.exec, methods?.close].every((method) => typeof method === "function");
}
