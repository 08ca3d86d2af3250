import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import Database from "libsql";
import { nanoid } from "nanoid";
import pg from "pg";
import { BackgroundTaskManager, memoryStore } from "tool-offload";
import { FollowUpDispatcher } from "tool-offload/follow-up";
import type { TaskStore } from "tool-offload/store";
import { postgresStore } from "tool-offload/stores/postgres";
import { redisStore } from "tool-offload/stores/redis";
import { sqliteStore } from "tool-offload/stores/sqlite";
import { startPostgres } from "../test/support/postgres-server.ts";
import { startRedis } from "../test/support/redis-server.ts";
import { nanoseconds, type Row, sideBySide, type Work } from "./side-by-side.ts";

const TASKS = 500;
const SESSIONS = 50;
const WATCHERS = 1_000;

/** A task from its start to its end, without and with a dispatcher that delivers its result; then with watchers. */
export async function lateResult(): Promise<Row[]> {
  return [
    ...(await rowsOf("memory", () => memoryStore())),
    ...(await inFolder((folder) =>
      rowsOf("sqlite", () => sqliteStore({ database: new Database(join(folder, `${nanoid()}.db`)) })),
    )),
    ...(await onRedis((client) => rowsOf("redis", () => redisStore({ client, prefix: nanoid() })))),
    ...(await onPostgres((pool) =>
      rowsOf("postgres", () => postgresStore({ pool, schema: `bench_${Date.now()}` })),
    )),
  ];
}

async function rowsOf(name: string, makeStore: () => TaskStore): Promise<Row[]> {
  const stores = [makeStore(), makeStore(), makeStore()] as const;
  const plain = ending(stores[0]);
  const told = delivering(stores[1]);
  const watched = ending(stores[2], WATCHERS);
  const works = { plain: plain.work, told: told.work, watched: watched.work };
  const cost = await sideBySide(works, { rounds: 5, repeat: 1 });
  for (const { close } of [plain, told, watched]) await close();
  for (const store of stores) await store.close();
  const each = (ns: number) => nanoseconds(ns / TASKS);
  const row = (what: string, ns: number): Row => ({
    name: `${name}: ${what}`,
    detail: `${each(ns)} a task; without ${each(cost.plain)}`,
    ratio: ns / cost.plain,
    limit: Number.POSITIVE_INFINITY,
  });
  return [
    row("a task with a dispatcher", cost.told),
    row(`a task beside ${WATCHERS} watchers of others`, cost.watched),
  ];
}

interface Bench {
  work: Work;
  close(): Promise<void>;
}

/** Tasks that end at once. */
function ending(store: TaskStore, watchers = 0): Bench {
  const tasks = managerOn(store, false);
  const watches = Array.from({ length: watchers }, (_, n) =>
    tasks.watch({ userId: `watcher-${n}` })[Symbol.asyncIterator](),
  );
  for (const watch of watches) void watch.next();
  const close = () => tasks.close();
  return { work: () => endAll(tasks), close };
}

/** The same until every result is delivered. */
function delivering(store: TaskStore): Bench {
  const tasks = managerOn(store, true);
  let left = 0;
  let done: () => void = () => undefined;
  const deliver = ({ followUps }: { followUps: readonly unknown[] }) => {
    left -= followUps.length;
    if (left <= 0) done();
  };
  const dispatcher = new FollowUpDispatcher({
    tasks,
    deliver,
    coalesceMs: 0,
    concurrency: SESSIONS,
    maxConsecutiveTurns: Number.POSITIVE_INFINITY,
  }).start();
  const work = async () => {
    const delivered = new Promise<void>((resolve) => {
      done = resolve;
    });
    left = TASKS;
    await endAll(tasks);
    await delivered;
  };
  const close = async () => {
    await dispatcher.stop();
    await tasks.close();
  };
  return { work, close };
}

function managerOn(store: TaskStore, followUps: boolean): BackgroundTaskManager {
  const unlimited = Number.POSITIVE_INFINITY;
  const limits = { runningPerUser: unlimited, runningPerSession: unlimited, queuedPerUser: unlimited };
  return new BackgroundTaskManager({ store, limits, followUps });
}

async function endAll(tasks: BackgroundTaskManager): Promise<void> {
  const start = async (n: number) => {
    const scope = { userId: `u${n % SESSIONS}`, sessionId: "s" };
    const { id } = await tasks.start({ toolName: "work", input: {}, scope }, () => n);
    await tasks.wait(scope, [id]);
  };
  await Promise.all(Array.from({ length: TASKS }, (_, n) => start(n)));
}

async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "tool-offload-bench-"));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function onRedis<T>(run: (client: Redis) => Promise<T>): Promise<T> {
  const server = await startRedis();
  const client = new Redis(server.port);
  try {
    return await run(client);
  } finally {
    client.disconnect();
    await server.stop();
  }
}

async function onPostgres(run: (pool: pg.Pool) => Promise<Row[]>): Promise<Row[]> {
  const server = await startPostgres({ settings: {} });
  if (server === undefined) return [];
  const pool = new pg.Pool(server.config);
  try {
    return await run(pool);
  } finally {
    await pool.end();
    await server.stop();
  }
}
