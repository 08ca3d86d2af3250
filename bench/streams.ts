import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Row } from "./side-by-side.ts";
import { Host } from "./streams/host.ts";

const READERS = 1_000;
const TASKS = 100;
const USERS = 10;
/** Twenty reports a second. */
const EVERY_MS = 50;
const FOR_MS = 20_000;
/** The readers connect meanwhile. */
const LEAD_MS = 8_000;
const STALLED = 50;
const MEGABYTE = 1_048_576;

/** What many readers cost the process that they read from: of the log of one task each, of all tasks of a user, of nothing. */
export async function streamsBench(): Promise<Row[]> {
  const userOf = (n: number) => `user-${n % USERS}`;
  const ofTasks = await fanOut("of 100 tasks", 1, (ids, n) => ({
    user: userOf(n % TASKS),
    path: `/background-tasks/${ids[n % TASKS]}/events`,
  }));
  const ofUsers = await fanOut("of 10 users", TASKS / USERS, (_ids, n) => ({
    user: userOf(n),
    path: "/background-tasks/stream",
  }));
  return [ofTasks, ofUsers, await stalled()];
}

type Target = { user: string; path: string };

async function fanOut(
  what: string,
  ends: number,
  targetOf: (ids: string[], n: number) => Target,
): Promise<Row> {
  const host = new Host();
  const ids: string[] = [];
  for (let n = 0; n < TASKS; n += 1) {
    ids.push(await host.start(`user-${n % USERS}`, EVERY_MS, LEAD_MS + FOR_MS, ""));
  }
  const begun = performance.now();
  await host.open(Array.from({ length: READERS }, (_, n) => targetOf(ids, n)));
  await sleep(Math.max(0, LEAD_MS - 1_000 - (performance.now() - begun)));
  const delay = monitorEventLoopDelay({ resolution: 10 });
  const before = { at: performance.now(), cpu: process.cpuUsage(), heard: await host.heard() };
  delay.enable();
  await sleep(FOR_MS);
  delay.disable();
  const cpu = process.cpuUsage(before.cpu);
  const seconds = (performance.now() - before.at) / 1_000;
  await sleep(3_000);
  const heard = await host.heard();
  await host.close();
  const share = (cpu.user + cpu.system) / 1_000 / (seconds * 1_000);
  const rate = Math.round((heard.messages - before.heard.messages) / seconds);
  const p50 = (delay.percentile(50) / 1e6).toFixed(1);
  return {
    name: `HTTP: ${READERS} streams ${what}, ends told`,
    detail: `${rate} messages/s, event loop p50 ${p50} ms, CPU ${Math.round(share * 100)} %`,
    ratio: heard.ends / (READERS * ends),
    limit: 1,
    atLeast: true,
  };
}

/** Readers that take nothing, of tasks that write more than is kept for anybody. */
async function stalled(): Promise<Row> {
  const host = new Host();
  const ids: string[] = [];
  // Beyond what the system takes for a reader, that is more than is kept for one within the time that it is looked at.
  const text = "x".repeat(16_000);
  for (let n = 0; n < STALLED; n += 1) ids.push(await host.start("user", EVERY_MS, 60_000, text));
  await sleep(LEAD_MS);
  const before = settledBytes();
  await host.open(
    ids.map((id) => ({ user: "user", path: `/background-tasks/${id}/events` })),
    true,
  );
  const most = { held: 0, rss: 0 };
  for (let n = 0; n < 25; n += 1) {
    await sleep(1_000);
    const now = settledBytes();
    most.held = Math.max(most.held, now.held - before.held);
    most.rss = Math.max(most.rss, now.rss - before.rss);
  }
  await host.close();
  const [held, rss] = [most.held, most.rss].map((bytes) => bytes / STALLED / MEGABYTE) as [number, number];
  return {
    name: `HTTP: ${STALLED} stalled streams, at most`,
    detail: `${held.toFixed(2)} MB each, RSS ${rss.toFixed(2)} MB`,
    ratio: Math.max(held, rss),
    limit: 2,
  };
}

/** What is held, and what the process has of the system: the garbage of other work included. */
function settledBytes(): { held: number; rss: number } {
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { held: heapUsed + Math.max(external, arrayBuffers), rss };
}
