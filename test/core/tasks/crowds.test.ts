import { beforeEach, expect, test } from "vitest";
import { memoryStore, type OffloadOutcome } from "../../../src/index.ts";
import { faultyStore } from "../../support/faulty-store.ts";
import {
  ADA,
  callOf,
  type Gate,
  gate,
  inFakeTime,
  isPending,
  obedient,
  offloaded,
  pass,
  sceneOf,
  soon,
  TIMEOUT_MS,
} from "../../support/scene.ts";
import { allowWarnings } from "../../support/warnings.ts";

inFakeTime();
beforeEach(allowWarnings);

interface Waiting {
  toolName: string;
  gate: Gate<string>;
  outcome: Promise<OffloadOutcome<string>>;
}

/** Calls of Ada's that wait for the place of one that runs, and the order in which they become tasks. */
async function crowdOf(count: number, { sessions = 1, limits = { runningPerUser: 1 } as object } = {}) {
  const store = faultyStore(memoryStore());
  const { tasks, offload } = sceneOf({ store, limits });
  const order: string[] = [];
  tasks.on("task.started", ({ task }) => void order.push(task.toolName));
  const first = gate();
  await offloaded(offload.run(callOf({ toolName: "first" }), () => first.promise));
  const calls = Array.from({ length: count }, (_, index): Waiting => {
    const slow = gate();
    const scope = { ...ADA, sessionId: `s${index % sessions}` };
    const toolName = `tool${index}`;
    const outcome = offload.run(callOf({ toolName, input: index, scope }), () => slow.promise);
    return { toolName, gate: slow, outcome };
  });
  for (const { outcome } of calls) outcome.catch(() => undefined);
  await pass(TIMEOUT_MS + 5);
  return { tasks, store, first, calls, order };
}

/** Tries to write a task, while calls end one after the other and each leaves its place to the next. */
async function triesFor(count: number, sessions: number): Promise<number> {
  const { store, first, calls } = await crowdOf(count, { sessions });
  const before = store.asked.length;
  first.resolve("done");
  for (const { gate: slow, outcome } of calls) {
    await soon(outcome);
    slow.resolve("done");
  }
  return store.asked.slice(before).filter(({ operation }) => operation === "insert").length;
}

test.each([1, 7, 200])(
  "each place that frees costs two tries, of who gets it and of who does not, however many calls wait in %i sessions",
  async (sessions) => {
    expect(await triesFor(200, sessions)).toBeLessThan(2 * 200 + 20);
  },
);

test.each([{ runningPerUser: 1 }, { running: 1 }, { runningPerUser: 1, runningPerSession: 1 }])(
  "first come, first served, whichever session they are of (%o)",
  async (limits) => {
    const { first, calls, order } = await crowdOf(12, { sessions: 5, limits });
    first.resolve("done");
    for (const { gate: slow, outcome } of calls) {
      await offloaded(outcome);
      slow.resolve("done");
    }
    expect(order).toEqual(["first", ...calls.map(({ toolName }) => toolName)]);
  },
);

test("who has ended, or was aborted, leaves the line; nobody else is lost", async () => {
  const { tasks, first, calls, order } = await crowdOf(6, { sessions: 3 });
  calls[0]?.gate.resolve("early");
  calls[3]?.gate.reject(new Error("no"));
  expect(await soon(calls[0]?.outcome as Promise<unknown>)).toEqual({ status: "completed", value: "early" });
  await expect(soon(calls[3]?.outcome as Promise<unknown>)).rejects.toThrow("no");
  first.resolve("done");
  for (const index of [1, 2, 4, 5]) {
    await offloaded(calls[index]?.outcome as Promise<OffloadOutcome<string>>);
    calls[index]?.gate.resolve("done");
  }
  expect(order).toEqual(["first", "tool1", "tool2", "tool4", "tool5"]);
  await pass(50);
  expect(await soon(tasks.stats())).toMatchObject({ running: 0, queued: 0, foreground: 0 });
});

test("a call that waits and whose turn is aborted gives its place in line to the next", async () => {
  const { tasks, offload } = sceneOf({ limits: { runningPerUser: 1 } });
  const first = gate();
  const turn = new AbortController();
  await offloaded(offload.run(callOf({ toolName: "first" }), () => first.promise));
  const aborted = offload.run(callOf({ toolName: "aborted", signal: turn.signal }), obedient);
  const next = offload.run(callOf({ toolName: "next" }), () => gate().promise);
  await pass(TIMEOUT_MS);
  turn.abort(new Error("enough"));
  await expect(soon(aborted)).rejects.toThrow("enough");
  first.resolve("done");
  expect((await offloaded(next)).toolName).toBe("next");
  expect((await soon(tasks.list(ADA))).tasks.map(({ toolName }) => toolName)).toEqual(["next", "first"]);
});

test("where others may have freed places, one of each line asks, and the next only once it is in", async () => {
  const store = memoryStore();
  const elsewhere = sceneOf({ store, limits: { runningPerUser: 2 } });
  const watched = faultyStore(store);
  const here = sceneOf({ store: watched, limits: { runningPerUser: 2 } });
  const gates = [gate(), gate()];
  for (const slow of gates)
    await offloaded(elsewhere.offload.run(callOf({ input: slow }), () => slow.promise));
  const calls = Array.from({ length: 50 }, (_, index) =>
    here.offload.run(callOf({ input: index }), () => gate().promise),
  );
  await pass(TIMEOUT_MS + 5);
  const before = watched.asked.length;
  for (const slow of gates) slow.resolve("done");
  await pass(1_000);
  const tries = watched.asked.slice(before).filter(({ operation }) => operation === "insert");
  expect(tries).toHaveLength(3);
  const waiting = await Promise.all(calls.map(isPending));
  expect(waiting.filter((isWaiting) => !isWaiting)).toHaveLength(2);
  expect(waiting.slice(0, 2)).toEqual([false, false]);
});
