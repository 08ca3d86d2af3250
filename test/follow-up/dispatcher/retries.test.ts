import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type DispatcherOptions, FollowUpDispatcher } from "../../../src/follow-up/index.ts";
import { BackgroundTaskManager, memoryStore, type TaskStore } from "../../../src/index.ts";
import { ADA, gate, inFakeTime, logOf, pass, read } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { deliveredIds, ends, fails, gapsOf, hostOf, obeys, type Script, takesMs } from "../hosts.ts";
import {
  complete,
  completeAll,
  followUpOf,
  LONG_MS,
  MOMENT_MS,
  type ProcessOptions,
  RETRY_MS,
  startedProcess,
  typesIn,
} from "../processes.ts";

inFakeTime();
afterEach(() => void vi.restoreAllMocks());

describe.each(STORES)("a delivery that fails, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });
  const start = (options: Partial<ProcessOptions> = {}) => startedProcess({ store, ...options });

  test.each([1, 2, 4])(
    "rule 16: a delivery that fails %i times comes again, with the same ids and an attempt more",
    async (times) => {
      const process = start({ host: hostOf(...Array(times).fill(fails), ends) });
      const { tasks, host, events } = process;
      const { id } = await complete(tasks);
      await pass(60_000);
      expect(host.turns.map(({ ids }) => ids)).toEqual(Array(times + 1).fill([id]));
      expect(host.turns.map(({ attempts }) => attempts[0])).toEqual([1, 2, 3, 4, 5].slice(0, times + 1));
      expect(await followUpOf(process, id)).toEqual({
        status: "delivered",
        attempts: times + 1,
        reason: null,
      });
      expect(typesIn(process)).toEqual([...Array(times).fill("delivery.failed"), "follow_up.delivered"]);
      expect(events[0]).toMatchObject({
        taskIds: [id],
        notice: { scope: { userId: "ada", sessionId: "s1" }, error: new Error("The model is down.") },
      });
    },
  );

  test("rule 16: a delivery that always fails ends as exhausted, with an event", async () => {
    const process = start({ host: hostOf(fails), dispatcher: { maxAttempts: 5 } });
    const { tasks, host, events } = process;
    const { id } = await complete(tasks);
    await pass(LONG_MS);
    expect(host.turns.map(({ attempts }) => attempts)).toEqual([[1], [2], [3], [4], [5]]);
    const task = await read(tasks, id);
    expect(task.followUp).toEqual({ status: "dropped", attempts: 5, reason: "exhausted" });
    expect(typesIn(process)).toEqual([...Array(5).fill("delivery.failed"), "follow_up.dropped"]);
    expect(events.at(-1)).toMatchObject({ taskIds: [id], notice: { reason: "exhausted" } });
    expect((await logOf(tasks, id)).at(-1)).toMatchObject({
      type: "follow_up.dropped",
      reason: "exhausted",
      seq: task.lastSeq,
    });
  });

  test.each([
    ["prints a warning, if nobody listens", false],
    ["prints none, if somebody does", true],
  ])("the first that fails %s", async (_, isHeard) => {
    const emitWarning = vi.spyOn(globalThis.process, "emitWarning").mockImplementation(() => undefined);
    const tasks = new BackgroundTaskManager({ store });
    if (isHeard) tasks.on("delivery.failed", () => undefined);
    const dispatcher = new FollowUpDispatcher({ tasks, deliver: fails, maxAttempts: 3 }).start();
    await complete(tasks);
    await pass(LONG_MS);
    const warning = [
      expect.stringContaining("A delivery has failed"),
      expect.objectContaining({ type: "ToolOffloadWarning" }),
    ];
    expect(emitWarning.mock.calls).toEqual(isHeard ? [] : [warning]);
    emitWarning.mockRestore();
    await dispatcher.stop();
  });

  test("maxAttempts is how often it is tried", async () => {
    const process = start({ host: hostOf(fails), dispatcher: { maxAttempts: 1 } });
    const { id } = await complete(process.tasks);
    await pass(60_000);
    expect(process.host.turns).toHaveLength(1);
    expect(await followUpOf(process, id)).toMatchObject({ status: "dropped", reason: "exhausted" });
  });

  test("a synchronous throw is a failure like any other", async () => {
    const process = start({
      host: hostOf(() => {
        throw new Error("no such agent");
      }, ends),
    });
    const { id } = await complete(process.tasks);
    await pass(5_000);
    expect(process.host.turns.map(({ attempts }) => attempts)).toEqual([[1], [2]]);
    expect(process.events[0]?.notice).toMatchObject({ error: new Error("no such agent") });
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
  });

  test.each([[undefined], [null], ["busy"], ["gone"]])(
    "a failure need not be an error: %j",
    async (error) => {
      const process = start({ host: hostOf(() => Promise.reject(error), ends) });
      const { id } = await complete(process.tasks);
      await pass(5_000);
      expect(process.host.turns.map(({ attempts }) => attempts)).toEqual([[1], [2]]);
      expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
    },
  );

  test("a delivery that takes too long is told to stop after deliverTimeoutMs, and comes again", async () => {
    const process = start({ host: hostOf(obeys, ends), dispatcher: { deliverTimeoutMs: 3_000 } });
    const { id } = await complete(process.tasks);
    await pass(MOMENT_MS + 2_800);
    const signal = process.host.turns[0]?.delivery.signal;
    expect(signal?.aborted).toBe(false);
    await pass(300);
    expect(signal?.aborted).toBe(true);
    expect(process.events).toMatchObject([{ type: "delivery.failed", taskIds: [id] }]);
    expect(String(process.events[0]?.notice.error)).toContain("3000 ms");
    await pass(3_000);
    expect(process.host.turns.map(({ attempts }) => attempts)).toEqual([[1], [2]]);
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered", attempts: 2 });
  });

  test("what a delivery answers after it was broken off changes nothing", async () => {
    const late = gate<unknown>();
    const process = start({
      host: hostOf(() => late.promise, takesMs(5_000)),
      dispatcher: { deliverTimeoutMs: 1_000 },
    });
    const { id } = await complete(process.tasks);
    await pass(MOMENT_MS + 1_100);
    late.reject(new Error("too late"));
    await pass(MOMENT_MS);
    expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 1 });
  });

  test("a poisonous follow-up holds up what completes later only while it is being delivered itself", async () => {
    const poison = await complete(new BackgroundTaskManager({ store }), { value: "poison" });
    const script: Script = async ({ followUps }) => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      if (followUps.some(({ id }) => id === poison.id)) throw new Error("It is poison.");
    };
    const { tasks, host } = start({
      host: hostOf(script),
      dispatcher: { retryMs: 20_000, maxAttempts: 5 },
    });
    await pass(MOMENT_MS + 1_000);
    expect(deliveredIds(host)).toEqual([poison.id]);
    const later = await complete(tasks);
    await pass(MOMENT_MS + 250);
    expect(host.turns.at(-1)?.ids).toEqual([later.id]);
    expect(await followUpOf({ tasks }, later.id)).toMatchObject({ status: "delivered", attempts: 1 });
    await pass(LONG_MS);
    expect(await followUpOf({ tasks }, poison.id)).toMatchObject({ reason: "exhausted", attempts: 5 });
  });

  test("a follow-up that comes again together with a younger one does not use its attempts up", async () => {
    const process = start({
      host: hostOf(
        ...Array(4).fill(fails),
        async ({ followUps }) => {
          if (followUps.some(({ attempt }) => attempt === 5)) throw new Error("It is poison.");
        },
        ends,
      ),
      dispatcher: { maxAttempts: 5 },
    });
    const poison = await complete(process.tasks);
    await pass(MOMENT_MS);
    const younger = await complete(process.tasks, { followUp: "silent" });
    await pass(60_000);
    expect(await followUpOf(process, poison.id)).toMatchObject({ reason: "exhausted", attempts: 5 });
    const next = await complete(process.tasks);
    await pass(5_000);
    expect(process.host.turns.at(-1)?.ids).toEqual([younger.id, next.id]);
    expect(await followUpOf(process, younger.id)).toMatchObject({ status: "delivered", attempts: 5 });
  });
});

describe("backoff", () => {
  /** The waits between the attempts of a delivery that always fails, with chance fixed. */
  async function waits(random: number, options: Partial<DispatcherOptions> = {}): Promise<number[]> {
    vi.spyOn(Math, "random").mockReturnValue(random);
    const process = startedProcess({ store: memoryStore(), host: hostOf(fails), dispatcher: options });
    await complete(process.tasks);
    await pass(LONG_MS);
    // A timer may be a little late.
    return gapsOf(process.host).map((ms) => Math.floor(ms / 10) * 10);
  }
  const least = 0;
  const most = 1 - Number.EPSILON;

  test("rule 16: it doubles each time, less up to half of it by chance", async () => {
    expect(await waits(most, { maxAttempts: 6 })).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
    expect(await waits(least, { maxAttempts: 6 })).toEqual([500, 1_000, 2_000, 4_000, 8_000]);
    expect(await waits(0.5, { maxAttempts: 3, retryMs: 4_000 })).toEqual([3_000, 6_000]);
  });

  test("rule 16: it is capped at maxRetryMs", async () => {
    expect(await waits(most, { maxAttempts: 10 })).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000,
    ]);
    expect(await waits(most, { maxAttempts: 5, maxRetryMs: 1_500 })).toEqual([1_000, 1_500, 1_500, 1_500]);
    expect(await waits(least, { maxAttempts: 4, maxRetryMs: 200 })).toEqual([100, 100, 100]);
  });

  test("it waits for no poll", async () => {
    expect(await waits(most, { pollMs: 10 * 60 * 60_000, maxAttempts: 4 })).toEqual([1_000, 2_000, 4_000]);
  });

  test("follow-ups that failed together wait as long as the one that was tried most often", async () => {
    vi.spyOn(Math, "random").mockReturnValue(most);
    const { tasks, host } = startedProcess({ store: memoryStore(), host: hostOf(fails) });
    await complete(tasks);
    await pass(MOMENT_MS);
    await complete(tasks, { followUp: "silent" });
    await pass(3_500);
    expect(host.turns.map(({ attempts }) => attempts)).toEqual([[1], [2, 1], [3, 2]]);
    expect(gapsOf(host).at(1)).toBeGreaterThanOrEqual(2_000);
  });

  test("however often it has been tried, a follow-up that may always be tried again is", async () => {
    const options = { maxAttempts: Number.POSITIVE_INFINITY, retryMs: 0 };
    const { tasks, host } = startedProcess({
      store: memoryStore(),
      host: hostOf(fails),
      dispatcher: options,
    });
    await complete(tasks);
    await pass(2_300);
    expect(host.turns.length).toBeGreaterThan(1_030);
  });

  test.each<[string, Script, object]>([
    ["fails", fails, { retryMs: 0, maxAttempts: Number.POSITIVE_INFINITY }],
    ["is busy", () => "busy", { busyRetryMs: 0, coalesceMs: 0 }],
  ])("a delivery that %s and is to come again at once leaves others the time", async (_, script, options) => {
    const { tasks, host } = startedProcess({
      store: memoryStore(),
      host: hostOf(script),
      dispatcher: options,
    });
    await complete(tasks);
    await pass(200);
    expect(host.turns.length).toBeGreaterThan(20);
    expect(host.turns.length).toBeLessThan(300);
  });

  test("chance parts sessions that failed together", async () => {
    const host = hostOf(fails);
    const { tasks } = startedProcess({ store: memoryStore(), host });
    const sessions = Array.from({ length: 10 }, (_, n) => ({ ...ADA, sessionId: `s${n}` }));
    await completeAll(
      tasks,
      sessions.map((scope) => ({ scope })),
    );
    await pass(MOMENT_MS + RETRY_MS);
    const again = host.turns.filter(({ attempts }) => attempts[0] === 2);
    expect(again).toHaveLength(10);
    expect(new Set(again.map(({ at }) => at)).size).toBeGreaterThan(3);
  });
});
