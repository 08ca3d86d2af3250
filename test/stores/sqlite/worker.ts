import { chmodSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import Database from "libsql";
import type { SessionClaim } from "../../../src/core/model/session-claim.ts";
import type { TaskStore } from "../../../src/core/model/store.ts";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { ADA, change, LONG_MS, NO_LIMITS, output } from "../../../src/testing/suite/lab.ts";
import { openNodeSqlite } from "./drivers.ts";

/** What a process is to do; `worker` is its number. */
export type Job =
  | { type: "open"; path: string; worker: number }
  | { type: "insert"; path: string; worker: number; count: number; runningPerUser: number }
  | { type: "count"; path: string; worker: number; count: number }
  | { type: "deliver"; path: string; worker: number }
  | { type: "hold"; path: string; worker: number; count: number }
  | { type: "append"; path: string; worker: number; count: number }
  | { type: "forbidden"; file: string; directory: string };

const job: Job = JSON.parse(process.argv[2] ?? "");
process.once("message", async () => {
  process.send?.(await answerTo(job));
  process.disconnect();
});
process.send?.("ready");

async function answerTo(job: Job): Promise<unknown> {
  if (job.type === "forbidden") return forbidden(job.file, job.directory);
  const store = open(job.path, job.worker);
  try {
    if (job.type === "open") return await writeOne(store, job.worker);
    if (job.type === "insert") return await insertMany(store, job);
    if (job.type === "count") return await countUp(store, job.count);
    if (job.type === "hold") return await holdMany(store, job);
    if (job.type === "append") return await appendMany(store, job);
    return await deliverAll(store, job.worker);
  } finally {
    await store.close();
  }
}

/** Drivers take turns, where there is more than one. */
function open(path: string, worker: number): TaskStore {
  const database = openNodeSqlite && worker % 2 === 0 ? openNodeSqlite(path) : new Database(path);
  return sqliteStore({ database, busyTimeoutMs: 15_000 });
}

async function writeOne(store: TaskStore, worker: number): Promise<string> {
  const answer = await store.insert(makeTask({ id: `of-${worker}` }), NO_LIMITS, LONG_MS);
  return answer.status;
}

async function insertMany(store: TaskStore, { worker, count, runningPerUser }: Job & { type: "insert" }) {
  const ids = Array.from({ length: count }, (_, n) => `${worker}-${n}`);
  const limits = { ...NO_LIMITS, runningPerUser };
  const answers = ids.map((id) => store.insert(makeTask({ id }), limits, LONG_MS));
  return (await Promise.all(answers)).filter(({ status }) => status === "inserted").length;
}

/** Makes so many transitions of one task, which others want too. */
async function countUp(store: TaskStore, count: number): Promise<number> {
  let lost = 0;
  for (let made = 0; made < count; ) {
    const record = (await store.get(ADA, "contested")) as TaskRecord;
    const written = await store.transition(record, record.version, change({ deadlineAt: record.version }));
    if (written) made += 1;
    else lost += 1;
  }
  return lost;
}

async function appendMany(store: TaskStore, { worker, count }: Job & { type: "append" }): Promise<number[]> {
  const seqs: number[] = [];
  for (let n = 0; n < count; n += 1) {
    seqs.push(
      await store.append({ userId: "ada", id: "contested" }, "process-1", [
        output(`${worker}a${n}`),
        output(`${worker}b${n}`),
      ]),
    );
  }
  return seqs;
}

/** Holds one session so many times, and answers the numbers of these turns. */
async function holdMany(store: TaskStore, { worker, count }: Job & { type: "hold" }): Promise<number[]> {
  const numbers: number[] = [];
  const terms = { by: "user", take: true, maxHolds: 3, waitMs: 1_000 } as const;
  while (numbers.length < count) {
    const held = await store.hold(`worker-${worker}`, LONG_MS, { userId: "ada", sessionId: "one" }, terms);
    if ("heldBy" in held) continue;
    numbers.push(held.number);
    const outcome = held.tasks.map(({ id }) => [id, { type: "acknowledge" }] as const);
    const settled = await store.settle(held, Object.fromEntries(outcome));
    if (settled?.length !== held.tasks.length) throw new Error("Somebody else had the session too.");
  }
  return numbers;
}

/** Delivers what it can get, a session at a time, until nothing is left. */
async function deliverAll(store: TaskStore, worker: number): Promise<string[]> {
  const delivered: string[] = [];
  const claim = () => store.claim(`worker-${worker}`, LONG_MS, { maxTurns: 99 });
  for (let claimed = await claim(); claimed; claimed = await claim()) {
    const { tasks } = claimed as SessionClaim;
    const outcome = tasks.map(({ id }) => [id, { type: "acknowledge" }] as const);
    if (await store.settle(claimed, Object.fromEntries(outcome)))
      delivered.push(...tasks.map(({ id }) => id));
  }
  return delivered;
}

/**
 * Tries a file that may only be read, and one in a directory that may only be read. For the superuser there is
 * no such thing, so this process first becomes somebody else.
 */
function forbidden(file: string, directory: string): string[] {
  for (const path of [file, join(directory, "tasks.db")]) {
    mkdirSync(dirname(path), { recursive: true });
    const database = new Database(path);
    database.exec("CREATE TABLE t (a)");
    database.close();
    chmodSync(path, 0o444);
  }
  chmodSync(file, 0o444);
  chmodSync(join(directory, "tasks.db"), 0o666);
  chmodSync(directory, 0o555);
  chmodSync(dirname(file), 0o755);
  if (process.getuid?.() === 0) process.setuid?.(65_534);
  return [file, join(directory, "tasks.db")].map(refusal);
}

function refusal(path: string): string {
  try {
    sqliteStore({ database: new Database(path) });
    return "It was not refused.";
  } catch (error) {
    return String(error);
  }
}
