import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { nanoid } from "nanoid";
import { sqliteStore } from "tool-offload/stores/sqlite";
import type { Row } from "../side-by-side.ts";
import { FEW, fillStore, growth, MANY, questionsTo } from "./growth.ts";
import { throughput } from "./throughput.ts";
import { anyUser, IN_FLIGHT, liveAndReport, manyAtOnce, sampleRecord } from "./work.ts";

const LIFECYCLES = 3_000;
const ROUNDS = 15;

/** On libsql, in files: tasks from their insertion to their end, and reading among few and among many. */
export async function sqliteBench(): Promise<{ rows: Row[]; text: string }> {
  const directory = mkdtempSync(join(tmpdir(), "tool-offload-bench-"));
  try {
    const rates = await lifecycles(directory);
    const { rows, text } = await reading(directory);
    return { rows: [...rates, ...rows], text };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function lifecycles(directory: string): Promise<Row[]> {
  const store = sqliteStore({ database: new Database(join(directory, "tasks.db")) });
  const bare = bareStatements(join(directory, "bare.db"));
  const one = () => liveAndReport(store, nanoid(), anyUser());
  const works = {
    [`${IN_FLIGHT} tasks in flight`]: () => manyAtOnce(LIFECYCLES, one),
    "three bare prepared statements each": async () => {
      for (let made = 0; made < LIFECYCLES; made += 1) bare();
    },
    "tasks one after the other": () => manyAtOnce(LIFECYCLES, one, 1),
  };
  const bounds = { "three bare prepared statements each": 0.5 };
  return throughput("sqlite", works, { lifecycles: LIFECYCLES, rounds: ROUNDS, bounds });
}

/** What a task would cost at the least: a row is written, and changed twice, each in a transaction of its own. */
function bareStatements(path: string): () => void {
  const database = new Database(path);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = NORMAL");
  database.exec("CREATE TABLE tasks (id TEXT PRIMARY KEY, record TEXT)");
  const insert = database.prepare("INSERT INTO tasks (id, record) VALUES (?, ?)");
  const update = database.prepare("UPDATE tasks SET record = ? WHERE id = ?");
  const record = sampleRecord();
  return () => {
    const id = nanoid();
    insert.run(id, record);
    for (const _ of [1, 2]) update.run(record, id);
  };
}

async function reading(directory: string): Promise<{ rows: Row[]; text: string }> {
  const open = (count: number) => new Database(join(directory, `${count}.db`));
  const [few, many] = [await filled(open(FEW), FEW), await filled(open(MANY), MANY)];
  return { rows: await growth("sqlite", few, many), text: await plans(open(MANY)) };
}

async function filled(database: Database.Database, count: number) {
  const store = sqliteStore({ database });
  await fillStore(store, count);
  return store;
}

/** How SQLite answers `list` and `get`. */
async function plans(database: Database.Database): Promise<string> {
  const asked: string[] = [];
  const prepare = (sql: string) => {
    asked.push(sql);
    return database.prepare(sql);
  };
  const store = sqliteStore({ database: { prepare, exec: (sql) => database.exec(sql), close() {} } });
  asked.length = 0;
  const { list, get } = questionsTo(store, MANY);
  await list();
  await get();
  return asked
    .filter((sql) => sql.startsWith("SELECT"))
    .map((sql) => `${sql}\n${planOf(database, sql)}`)
    .join("\n\n");
}

function planOf(database: Database.Database, sql: string): string {
  const values = Array((sql.match(/\?/g) ?? []).length).fill(0);
  const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[];
  return steps.map(({ detail }) => `  ${detail}`).join("\n");
}
