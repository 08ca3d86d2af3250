import { nanoid } from "nanoid";
import pg from "pg";
import { type PostgresPoolLike, postgresStore } from "tool-offload/stores/postgres";
import { type PostgresServer, startPostgres } from "../../test/support/postgres-server.ts";
import type { Row } from "../side-by-side.ts";
import { FEW, fillStore, growth, MANY, questionsTo } from "./growth.ts";
import { throughput } from "./throughput.ts";
import { anyUser, IN_FLIGHT, liveAndReport, manyAtOnce, sampleRecord } from "./work.ts";

const LIFECYCLES = 2_000;
const ROUNDS = 9;

/**
 * A private server that flushes each commit to the disk, as servers do: tasks from their insertion to their end,
 * and reading among few and among many.
 */
export async function postgresBench(): Promise<{ rows: Row[]; text: string }> {
  const server = await startPostgres({ settings: {} });
  if (server === undefined) throw new Error("There is no PostgreSQL on this machine.");
  const pool = new pg.Pool(server.config);
  try {
    const rates = await lifecycles(pool);
    const { rows, text } = await reading(pool, server);
    return { rows: [...rates, ...rows], text };
  } finally {
    await pool.end();
    await server.stop();
  }
}

async function lifecycles(pool: pg.Pool): Promise<Row[]> {
  const bare = await bareStatements(pool);
  const tasks = (prepare: boolean) => {
    const store = postgresStore({ pool, schema: `bench_${prepare}`, prepare });
    return () => manyAtOnce(LIFECYCLES, () => liveAndReport(store, nanoid(), anyUser()));
  };
  const works = {
    [`${IN_FLIGHT} tasks in flight`]: tasks(true),
    "three bare statements each": () => manyAtOnce(LIFECYCLES, bare),
    "tasks with `prepare: false`": tasks(false),
  };
  const bounds = { "three bare statements each": 0.5 };
  return throughput("postgres", works, { lifecycles: LIFECYCLES, rounds: ROUNDS, bounds });
}

/** What a task would cost at the least: a row is written, and changed twice, each in a transaction of its own. */
async function bareStatements(pool: pg.Pool): Promise<() => Promise<void>> {
  await pool.query("CREATE TABLE bare (id text PRIMARY KEY, record text NOT NULL)");
  const record = sampleRecord();
  return async () => {
    const id = nanoid();
    await pool.query("INSERT INTO bare (id, record) VALUES ($1, $2)", [id, record]);
    for (const _ of [1, 2]) await pool.query("UPDATE bare SET record = $2 WHERE id = $1", [id, record]);
  };
}

async function reading(pool: pg.Pool, server: PostgresServer): Promise<{ rows: Row[]; text: string }> {
  const quick = new pg.Pool({ ...server.config, options: "-c synchronous_commit=off" });
  const [few, many] = [await filled(quick, FEW), await filled(quick, MANY)];
  await pool.query("VACUUM ANALYZE");
  const rows = await growth("postgres", few, many);
  await quick.end();
  return { rows, text: await plans(pool) };
}

async function filled(pool: pg.Pool, count: number) {
  const store = postgresStore({ pool, schema: schemaOf(count), prepare: true });
  await fillStore(store, count);
  return store;
}

function schemaOf(count: number): string {
  return `bench_${count}`;
}

/** How PostgreSQL answers `list` and `get`. */
async function plans(pool: pg.Pool): Promise<string> {
  const explained: string[] = [];
  const explain: PostgresPoolLike["query"] = async (text, values) => {
    const answer = await pool.query(text, values);
    if (text.startsWith("SELECT")) explained.push(`${text}\n${await planOf(pool, text, values)}`);
    return answer;
  };
  const spied = { query: explain, connect: () => pool.connect() };
  const { list, get } = questionsTo(postgresStore({ pool: spied, schema: schemaOf(MANY) }), MANY);
  await list();
  await get();
  return explained.join("\n\n");
}

async function planOf(pool: pg.Pool, text: string, values?: unknown[]): Promise<string> {
  const { rows } = await pool.query(`EXPLAIN (ANALYZE, BUFFERS) ${text}`, values);
  return rows.map((row) => `  ${row["QUERY PLAN"]}`).join("\n");
}
