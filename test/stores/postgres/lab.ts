import { nanoid } from "nanoid";
import pg from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { TaskStore } from "../../../src/core/model/store.ts";
import { type PostgresStoreOptions, postgresStore } from "../../../src/stores/postgres.ts";
import type { Lab } from "../../../src/testing/suite/lab.ts";
import { noPostgres, type PostgresServer, startPostgres } from "../../support/postgres-server.ts";

/** A server for the tests of one block, and what goes with it. */
export interface PostgresLab {
  readonly server: PostgresServer;
  /** A pool that all tests share. */
  readonly pool: pg.Pool;
  newPool(config?: pg.PoolConfig): pg.Pool;
  /** Without a schema the store is empty. It is closed after the tests. */
  newStore(options?: Partial<PostgresStoreOptions>): TaskStore;
}

/** The schema of an empty store, on a server that others use too. */
export function newSchema(): string {
  return `test_${nanoid().replaceAll("-", "_")}`;
}

/** One server for each file of tests: this module is loaded anew by each. */
const lab = noPostgres === undefined ? useServer() : undefined;

/** Tests that need a PostgreSQL server: skipped where there is none, which is a failure in CI. */
export function describePostgres(name: string, run: (lab: PostgresLab) => void): void {
  if (lab !== undefined) {
    describe(name, () => run(lab));
  } else if (process.env.CI === "true") {
    test(name, () => Promise.reject(new Error(`This cannot be tested: ${noPostgres}.`)));
  } else {
    console.warn(`${name} is skipped: ${noPostgres}.`);
    describe.skip(name, () => {
      test("needs a server", () => {});
    });
  }
}

function useServer(): PostgresLab {
  const pools: pg.Pool[] = [];
  const stores: TaskStore[] = [];
  let server: PostgresServer | undefined;
  const newPool = (config?: pg.PoolConfig) => {
    const pool = new pg.Pool({ ...server?.config, ...config });
    // A server that ends says so on connections that nobody uses.
    pool.on("error", () => {});
    pools.push(pool);
    return pool;
  };
  beforeAll(async () => {
    // What vacuums by itself would be counted among the blocks that a statement touches.
    server = await startPostgres({ settings: { fsync: "off", autovacuum: "off" } });
    newPool();
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await Promise.all(pools.map((pool) => (pool.ended ? undefined : pool.end())));
    await server?.stop();
  });
  const lab: PostgresLab = {
    get server() {
      if (server === undefined) throw new Error("The server has not started.");
      return server;
    },
    get pool() {
      return pools[0] ?? newPool();
    },
    newPool,
    newStore: (options) => {
      const store = postgresStore({ pool: lab.pool, schema: newSchema(), ...options });
      stores.push(store);
      return store;
    },
  };
  return lab;
}

/** What the helpers of the suite take. */
export function labOf(store: TaskStore): Lab {
  const advance = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms + 20));
  return { store, now: Date.now, advance };
}

/** A statement as pg takes it: as text, or prepared under a name. */
export type Statement = string | { text: string };

/** What every statement of a pool is passed through from now on, before it is asked. */
export function intercept(pool: pg.Pool, passed: (text: string, isPrepared: boolean) => unknown): void {
  const query = pool.query.bind(pool) as (
    statement: Statement,
    values?: unknown[],
  ) => Promise<pg.QueryResult>;
  Object.assign(pool, {
    query: async (statement: Statement, values?: unknown[]) => {
      await (typeof statement === "string" ? passed(statement, false) : passed(statement.text, true));
      return query(statement, values);
    },
  });
}

/** The statements that a pool is asked from now on. */
export function countStatements(pool: pg.Pool): string[] {
  const texts: string[] = [];
  intercept(pool, (text) => texts.push(text));
  return texts;
}

/** Connections that hold the lock of those who listen. */
export async function listening({ pool }: PostgresLab, schema: string): Promise<number> {
  const { rows } = await pool.query(
    "SELECT count(*)::int AS count FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted AND objid::bigint = (hashtextextended($1, 0) & 4294967295)",
    [`"${schema}" watch`],
  );
  return rows[0].count;
}
