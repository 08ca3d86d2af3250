import { describe, expect, test, vi } from "vitest";
import { memoryStore } from "../../../src/index.ts";
import { answersAfter, faultyStore } from "../../support/faulty-store.ts";
import { restlessStore, seeded } from "../../support/restless-store.ts";
import {
  ADA,
  BOB,
  callOf,
  ended,
  gate,
  inFakeTime,
  isPending,
  managersOn,
  offloaded,
  pass,
  sceneOf,
  soon,
  startAll,
  stubborn,
  TIMEOUT_MS,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { allowWarnings, takeUnexpected } from "../../support/warnings.ts";

inFakeTime();

describe.each(STORES)("limits and the queue on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  test.each([{ running: 1 }, { runningPerUser: 1 }, { runningPerSession: 1 }])(
    "rule 12: a call that meets %o at its timeout stays in the foreground until it ends",
    async (limits) => {
      const { offload, tasks } = sceneOf({ store: makeStore(), limits });
      const refused = vi.fn();
      tasks.on("offload.refused", refused);
      await offloaded(offload.run(callOf(), stubborn));
      const slow = gate();
      const outcome = offload.run(callOf({ toolName: "second", toolCallId: "c2" }), () => slow.promise);
      await pass(5_000);
      expect(await isPending(outcome)).toBe(true);
      const [limit] = Object.keys(limits);
      const snake = limit?.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      expect(refused.mock.calls).toEqual([
        [{ scope: ADA, toolName: "second", toolCallId: "c2", limit: snake }],
      ]);
      slow.resolve("done");
      expect(await soon(outcome)).toEqual({ status: "completed", value: "done" });
      expect((await soon(tasks.list(ADA))).tasks).toHaveLength(1);
    },
  );

  test("rule 12: a limit that nobody hears of is warned of, once", async () => {
    const limits = { runningPerSession: 1 };
    const [silent, heard] = [
      sceneOf({ store: makeStore(), limits }),
      sceneOf({ store: makeStore(), limits }),
    ];
    heard.tasks.on("offload.refused", () => undefined);
    for (const { offload } of [silent, heard]) {
      for (let calls = 0; calls < 3; calls += 1) void offload.run(callOf(), stubborn).catch(() => undefined);
    }
    await pass(5_000);
    const message =
      'A slow tool call "search" has met the limit "running_per_session" and keeps its turn waiting.';
    expect(takeUnexpected()).toEqual([message]);
  });

  test("rule 12: fifty slow calls of one step are offloaded together", async () => {
    const { offload } = sceneOf({ store: makeStore() });
    const outcomes = Array.from({ length: 50 }, () => offload.run(callOf(), stubborn));
    for (const outcome of outcomes) await offloaded(outcome);
  });

  test.each([{ running: 1 }, { runningPerUser: 1 }, { runningPerSession: 1 }])(
    "rule 12: a call that meets %o at its timeout is offloaded when a place frees",
    async (limits) => {
      allowWarnings();
      const { offload, tasks } = sceneOf({ store: makeStore(), limits });
      const first = gate();
      await offloaded(offload.run(callOf(), () => first.promise));
      const outcome = offload.run(callOf({ toolName: "second" }), stubborn);
      await pass(500);
      first.resolve("done");
      await pass(50);
      expect(await isPending(outcome)).toBe(false);
      expect(await outcome).toMatchObject({ status: "offloaded", task: { toolName: "second" } });
      expect((await tasks.stats()).running).toBe(1);
    },
  );

  test("rule 12: a place that frees while the store still says no is not overlooked", async () => {
    allowWarnings();
    const store = faultyStore(makeStore());
    const { offload } = sceneOf({ store, limits: { runningPerUser: 1 } });
    const first = gate();
    await offloaded(offload.run(callOf(), () => first.promise));
    store.next("insert", answersAfter(200));
    const outcome = offload.run(callOf({ toolName: "second" }), stubborn);
    await pass(TIMEOUT_MS + 50);
    first.resolve("done");
    await pass(250);
    expect(await isPending(outcome)).toBe(false);
  });

  test("rule 12: start queues at a running limit, and above the queue limit is refused as overloaded", async () => {
    const tasks = managerOf({ limits: { runningPerUser: 1, queuedPerUser: 2 } });
    const [first] = await startAll(tasks, 3);
    await pass(10);
    await expect(soon(tasks.start(callOf(), stubborn))).rejects.toMatchObject({
      name: "TaskOffloadError",
      code: "overloaded",
    });
    expect(await tasks.stats()).toMatchObject({ running: 1, queued: 2 });
    await startAll(tasks, 1, BOB);
    first?.gate.resolve("done");
    await pass(50);
    expect(await tasks.stats()).toMatchObject({ running: 2, queued: 1 });
  });

  test.each([{ running: 1 }, { runningPerUser: 1 }, { runningPerSession: 1 }])(
    "rule 12: priority 10 goes first, first come first served within one priority (%o)",
    async (limits) => {
      const tasks = managerOf({ limits });
      const order: string[] = [];
      const [first] = await startAll(tasks, 1);
      await pass(10);
      for (const [toolName, priority] of [
        ["low1", 1],
        ["mid", 5],
        ["top1", 10],
        ["low2", 1],
        ["top2", 10],
      ] as const) {
        await soon(tasks.start(callOf({ toolName }), async () => order.push(toolName), { priority }));
      }
      first?.gate.resolve("done");
      await pass(1_000);
      expect(order).toEqual(["top1", "top2", "mid", "low1", "low2"]);
    },
  );

  test("rule 12: priority goes before sessions: one place of a user goes to the first in line", async () => {
    const orders: string[] = [];
    for (let seed = 1; seed <= 8; seed += 1) {
      const store = restlessStore(makeStore(), { random: seeded(seed) });
      const tasks = managerOf({ store, limits: { runningPerUser: 1 } });
      const order: string[] = [];
      const [first] = await startAll(tasks, 1, { userId: "ada", sessionId: "s0" });
      await pass(20);
      for (const priority of [1, 3, 5, 7, 10]) {
        const call = callOf({ scope: { userId: "ada", sessionId: `s${priority}` } });
        await soon(tasks.start(call, async () => order.push(`${priority}`), { priority }));
      }
      await pass(50);
      first?.gate.resolve("done");
      await pass(5_000);
      orders.push(order.join(" "));
    }
    expect(orders).toEqual(orders.map(() => "10 7 5 3 1"));
  });

  test("rule 12: one user's full queue does not hold up another", async () => {
    const tasks = managerOf({ limits: { runningPerUser: 1 } });
    await startAll(tasks, 5);
    const { id } = await soon(tasks.start(callOf({ scope: BOB }), async () => "done"));
    expect(await ended(tasks, id, { scope: BOB, withinMs: 100 })).toMatchObject({ status: "completed" });
  });

  test("rule 12: slow calls that block a turn go before the queue", async () => {
    allowWarnings();
    const { offload, tasks } = sceneOf({ store: makeStore(), limits: { running: 1 } });
    const first = gate();
    await offloaded(offload.run(callOf(), () => first.promise));
    await soon(tasks.start(callOf({ toolName: "queued" }), stubborn, { priority: 10 }));
    const outcome = offload.run(callOf({ toolName: "slow" }), stubborn);
    await pass(TIMEOUT_MS + 50);
    first.resolve("done");
    expect(await soon(outcome)).toMatchObject({ status: "offloaded" });
  });

  describe("exclusive sessions", () => {
    test('exclusive: "session" allows one task at a time: a second is refused with code conflict', async () => {
      const tasks = managerOf({ exclusive: "session" });
      const [first] = await startAll(tasks, 1);
      await expect(soon(tasks.start(callOf(), stubborn))).rejects.toMatchObject({ code: "conflict" });
      const outside = { promise: stubborn(), abort: vi.fn(), startedAt: Date.now() };
      await expect(soon(tasks.adopt(callOf(), outside))).rejects.toMatchObject({ code: "conflict" });
      await startAll(tasks, 1, { ...ADA, sessionId: "s2" });
      await startAll(tasks, 1, BOB);
      first?.gate.resolve("done");
      await ended(tasks, first?.id ?? "");
      await startAll(tasks, 1);
    });

    test("of two that are started at once, one is refused", async () => {
      const tasks = managerOf({ exclusive: "session" });
      const both = Promise.allSettled([1, 2].map((input) => tasks.start(callOf({ input }), stubborn)));
      const statuses = (await soon(both)).map(({ status }) => status).sort();
      expect(statuses).toEqual(["fulfilled", "rejected"]);
    });

    test("a slow call waits in the foreground until the session is free", async () => {
      allowWarnings();
      const { offload, tasks } = sceneOf({ store: makeStore(), exclusive: "session" });
      const [first] = await startAll(tasks, 1);
      const outcome = offload.run(callOf(), stubborn);
      await pass(500);
      expect(await isPending(outcome)).toBe(true);
      first?.gate.resolve("done");
      await pass(50);
      expect(await isPending(outcome)).toBe(false);
    });
  });
});

test("rule 12: slow calls that wait for a place do not ask the store each time one is freed", async () => {
  allowWarnings();
  const store = faultyStore(memoryStore());
  const { tasks, offload } = sceneOf({ store, limits: { runningPerUser: 10, runningPerSession: 10 } });
  const ends: (() => void)[] = [];
  const calls = Array.from({ length: 100 }, (_, input) =>
    offload.run(callOf({ input }), () => new Promise<void>((resolve) => ends.push(resolve))),
  );
  await pass(200);
  for (const end of ends.splice(0, 50)) {
    end();
    await pass(1);
  }
  const inserts = store.asked.filter(({ operation }) => operation === "insert");
  expect(inserts.length).toBeLessThan(300);
  for (const end of ends) end();
  await soon(Promise.all(calls));
  expect(await tasks.stats()).toMatchObject({ foreground: 0 });
});
