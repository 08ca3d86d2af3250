import pg from "pg";
import { expect, expectTypeOf, test } from "vitest";
import type { PreparingPool } from "../../../src/stores/postgres/pool.ts";
import {
  migratePostgres,
  type PostgresClientLike,
  type PostgresPoolLike,
  type PostgresStoreOptions,
  postgresStore,
} from "../../../src/stores/postgres.ts";

const pool: PostgresPoolLike = { query: async () => ({ rows: [] }) };

test("what pg has fits", () => {
  expectTypeOf<pg.Pool>().toExtend<PostgresPoolLike>();
  expectTypeOf<pg.PoolClient>().toExtend<PostgresClientLike>();
  expectTypeOf<pg.Pool>().toExtend<PreparingPool>();
  expect(postgresStore({ pool: new pg.Pool() })).toHaveProperty("watch");
});

test.each<[string, unknown, string]>([
  ["no options", undefined, "postgresStore: its options must be an object with a pool; got undefined."],
  ["no pool", {}, "postgresStore: pool must be a Pool of pg; got undefined."],
  ["a pool that is none", { pool: {} }, "postgresStore: pool.query must be a function; got undefined."],
  [
    "a Client of pg",
    { pool: new pg.Client() },
    "postgresStore: pool must be a Pool of pg, such as new pg.Pool(); got a Client of pg, which is one connection.",
  ],
  [
    "the sql of postgres.js",
    { pool: Object.assign(() => undefined, { unsafe: () => undefined }) },
    "postgresStore: pool must be a Pool of pg, such as new pg.Pool(); got the sql function of postgres.js.",
  ],
  [
    "a client of Prisma",
    { pool: { $queryRawUnsafe: () => undefined } },
    "postgresStore: pool must be a Pool of pg, such as new pg.Pool(); got a client of Prisma.",
  ],
  [
    "a pool that cannot connect",
    { pool: { ...pool, connect: true } },
    "postgresStore: pool.connect must be a function; got true.",
  ],
  [
    "an unknown name",
    { pool, table: "x" },
    "postgresStore: table is not an option; there are pool, schema, notify, prepare.",
  ],
  ["prepare as a number", { pool, prepare: 1 }, "postgresStore: prepare must be a boolean; got 1."],
  ["notify as a text", { pool, notify: "no" }, 'postgresStore: notify must be a boolean; got "no".'],
])("%s is refused", async (_what, options, message) => {
  const error = expect.objectContaining({ code: "invalid_option", message });
  expect(() => postgresStore(options as PostgresStoreOptions)).toThrow(error);
  await expect(migratePostgres(options as PostgresStoreOptions)).rejects.toEqual(error);
});

test.each(["", "pg_tasks", "1st", 'a"b', "a b", "a-b", "é", "$$", "a;b", "x".repeat(64), 7, null])(
  "%j is no schema",
  (schema) => {
    const options = { pool, schema } as PostgresStoreOptions;
    expect(() => postgresStore(options)).toThrow("postgresStore: schema must be 1 to 63 letters");
  },
);

test.each(["tasks", "_", "Order", "select", "x".repeat(63)])("%j is one", (schema) => {
  expect(postgresStore({ pool, schema }).isShared).toBe(true);
});
