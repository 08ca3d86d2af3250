import { boolean, func, type Kind, kind, object } from "../../core/values/kinds.ts";
import { needed, option, readOptions, type Table } from "../../core/values/options.ts";
import { invalidOption } from "../../core/values/validate.ts";
import { type Lookalikes, refuseLookalike } from "../shared/foreign-client.ts";
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

/** PostgreSQL cuts longer names, and keeps those that begin with pg_ for itself. */
const SCHEMA = /^(?!pg_)[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const schemaName = kind<string>(
  "1 to 63 letters, digits and underscores, not beginning with a digit or pg_",
  (value) => typeof value === "string" && SCHEMA.test(value),
);

const POSTGRES = {
  pool: needed(pool),
  schema: option(schemaName, "tool_offload"),
  notify: option(boolean, true),
  prepare: option(boolean),
} satisfies Table<PostgresStoreOptions>;

export interface PostgresStoreTerms {
  pool: PostgresPoolLike;
  schema: string;
  notify: boolean;
  prepare: boolean;
}

/** @throws `invalid_option`, naming the option and its value */
export function postgresStoreTerms(options: PostgresStoreOptions): PostgresStoreTerms {
  if (typeof options !== "object" || options === null) {
    throw invalidOption(`${WHERE}its options`, "an object with a pool", options);
  }
  const terms = readOptions(POSTGRES, options, undefined, WHERE);
  return { ...terms, prepare: terms.prepare ?? isPoolOfPg(terms.pool) };
}

const LOOKALIKES: Lookalikes = {
  connectionParameters: "a Client of pg, which is one connection",
  unsafe: "the sql function of postgres.js",
  $queryRawUnsafe: "a client of Prisma",
};

const WHERE = "postgresStore: ";

function pool(...[value, name, code]: Parameters<Kind<PostgresPoolLike>>): PostgresPoolLike {
  refuseLookalike(value, name, code, "a Pool of pg, such as new pg.Pool()", LOOKALIKES);
  const given = object<PostgresPoolLike>("a Pool of pg")(value, name, code);
  func()(given.query, `${name}.query`, code);
  if (given.connect !== undefined) func()(given.connect, `${name}.connect`, code);
  return given;
}

function isPoolOfPg(pool: object): boolean {
  return "totalCount" in pool && "Client" in pool;
}
