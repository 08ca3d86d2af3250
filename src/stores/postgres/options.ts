import { checkFunction, checkNames, invalidOption } from "../../core/values/validate.ts";
import type { PostgresPoolLike } from "./pool.ts";

export interface PostgresStoreOptions {
  /**
   * A `Pool` of pg, or whatever has its `query`. It stays the host's: closing the store does not end it. While
   * somebody watches, one of its connections is taken for listening.
   */
  pool: PostgresPoolLike;
  /**
   * The schema to keep tasks in: letters, digits and underscores. Stores that name the same one share their
   * tasks. Its name is also the channel on which they notify each other. @default "tool_offload"
   */
  schema?: string | undefined;
  /**
   * Whether stores tell each other at once what they write, by LISTEN and NOTIFY. Switch it off behind a pooler
   * that hands out a connection for each transaction; what others write is then found by polling.
   * @default true
   */
  notify?: boolean | undefined;
  /**
   * Whether connections are to remember the store's statements, which saves PostgreSQL a third of its work. It
   * takes a pool that understands pg's `{ name, text, values }`. Behind a pooler that does not keep statements
   * apart the store gives it up by itself. @default true for a `Pool` of pg
   */
  prepare?: boolean | undefined;
}

export interface PostgresTerms {
  pool: PostgresPoolLike;
  schema: string;
  notify: boolean;
  prepare: boolean;
}

/** @throws `invalid_option`, naming the option and its value */
export function checkedTerms(options: PostgresStoreOptions): PostgresTerms {
  if (typeof options !== "object" || options === null) {
    throw invalidOption(`${WHERE}its options`, "an object with a pool", options);
  }
  checkNames(WHERE, options, ["pool", "schema", "notify", "prepare"]);
  const { pool, schema = "tool_offload", notify = true } = options;
  checkPool(pool);
  const { prepare = isPoolOfPg(pool) } = options;
  checkSchema(schema);
  if (typeof notify !== "boolean") throw invalidOption(`${WHERE}notify`, "a boolean", notify);
  if (typeof prepare !== "boolean") throw invalidOption(`${WHERE}prepare`, "a boolean", prepare);
  return { pool, schema, notify, prepare };
}

const WHERE = "postgresStore: ";

function checkPool(pool: unknown): void {
  if (typeof pool !== "object" || pool === null) throw invalidOption(`${WHERE}pool`, "a Pool of pg", pool);
  const { query, connect } = pool as Partial<PostgresPoolLike>;
  checkFunction(`${WHERE}pool.query`, query);
  if (connect !== undefined) checkFunction(`${WHERE}pool.connect`, connect);
}

function isPoolOfPg(pool: object): boolean {
  return "totalCount" in pool && "Client" in pool;
}

/** PostgreSQL cuts longer names, and keeps those that begin with pg_ for itself. */
function checkSchema(schema: unknown): void {
  if (typeof schema === "string" && /^(?!pg_)[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(schema)) return;
  const wanted = "1 to 63 letters, digits and underscores, not beginning with a digit or pg_";
  throw invalidOption(`${WHERE}schema`, wanted, schema);
}
