import { beforeEach, describe, expect, test } from "vitest";
import { BackgroundTaskManager, memoryStore, type TaskStore } from "../../../src/index.ts";
import { faultyStore } from "../../support/faulty-store.ts";
import { ADA, BOB, callOf, gate, inFakeTime, pass, soon, stubborn } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { deliveredIds, ends, hostOf, says, takesMs } from "../hosts.ts";
import {
  ADA_2,
  ADA_3,
  allIds,
  COALESCE_MS,
  complete,
  completeAll,
  countOf,
  LONG_MS,
  MOMENT_MS,
  type ProcessOptions,
  processOf,
  sorted,
  startedProcess,
} from "../processes.ts";

inFakeTime();

describe.each(STORES)("turns, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });
  const start = (options: Partial<ProcessOptions> = {}) => startedProcess({ store, ...options });

  test("rule 16: three completions of one session within coalesceMs make one turn", async () => {
    const { tasks, host } = start();
    const three = await completeAll(tasks, [{}, {}, {}]);
    await pass(10_000);
    expect(host.turns).toHaveLength(1);
    expect(sorted(deliveredIds(host))).toEqual(sorted(allIds(three)));
  });

  test("rule 16: a completion waits for others for coalesceMs, and no longer than for a moment more", async () => {
    const { tasks, host } = start({ dispatcher: { coalesceMs: 400 } });
    const { completedAt } = await complete(tasks);
    await pass(500);
    expect(host.turns).toHaveLength(1);
    const waited = (host.turns[0]?.at ?? 0) - (completedAt ?? 0);
    expect(waited).toBeGreaterThanOrEqual(400);
  });

  test("rule 16: it waits no longer because something else has completed just before", async () => {
    const { tasks, host } = start();
    await complete(tasks, { scope: ADA_2 });
    await pass(10);
    const { id, completedAt } = await complete(tasks);
    await pass(2 * COALESCE_MS);
    const waited = (host.turns.find(({ ids }) => ids.includes(id))?.at ?? Infinity) - (completedAt ?? 0);
    expect(waited).toBeGreaterThanOrEqual(COALESCE_MS);
    expect(waited).toBeLessThan(1.25 * COALESCE_MS + 20);
  });

  test("rule 16: completions that go on and on do not put the first one's turn off", async () => {
    const { tasks, host } = start({ dispatcher: { maxConsecutiveTurns: 99 } });
    for (let n = 0; n < 40; n += 1) {
      await complete(tasks);
      await pass(40);
    }
    expect(host.turns.length).toBeGreaterThan(3);
    await pass(MOMENT_MS);
    expect(deliveredIds(host)).toHaveLength(40);
  });

  test("with coalesceMs 0 a completion waits for nobody", async () => {
    const { tasks, host } = start({ dispatcher: { coalesceMs: 0 } });
    await complete(tasks);
    await pass(30);
    expect(host.turns).toHaveLength(1);
  });

  test("rule 16: sessions are delivered side by side, each in a turn of its own, up to the concurrency", async () => {
    const { tasks, host } = start({ host: hostOf(takesMs(500)), dispatcher: { concurrency: 2 } });
    const scopes = [ADA, ADA_2, ADA_3, BOB, { userId: "ada" }];
    await completeAll(
      tasks,
      scopes.map((scope) => ({ scope })),
    );
    await pass(MOMENT_MS);
    expect([host.running.size, host.turns.length]).toEqual([2, 2]);
    await pass(5_000);
    expect([host.most, host.overlaps]).toEqual([2, []]);
    expect(host.turns.map(({ ids }) => ids.length)).toEqual([1, 1, 1, 1, 1]);
    const delivered = host.turns.map(({ scope }) => scope);
    expect(delivered).toHaveLength(5);
    expect(delivered).toEqual(expect.arrayContaining(scopes));
  });

  test("a place that frees is taken at once", async () => {
    const { tasks, host } = start({
      host: hostOf(takesMs(500)),
      dispatcher: { concurrency: 1, pollMs: LONG_MS },
    });
    await completeAll(tasks, [{ scope: ADA }, { scope: ADA_2 }, { scope: ADA_3 }]);
    await pass(MOMENT_MS + 3 * 530);
    expect(host.turns).toHaveLength(3);
  });

  test("however fast tasks finish, the store is asked for follow-ups a few times", async () => {
    const faulty = faultyStore(store);
    const { tasks, host } = start({ store: faulty, dispatcher: { pollMs: LONG_MS } });
    await pass(10);
    const before = countOf(faulty, "claim");
    for (let n = 0; n < 100; n += 1) {
      void tasks.start(callOf({ scope: { userId: `u${n}` } }), () => n);
      await pass(2);
    }
    await pass(2_000);
    expect(host.turns).toHaveLength(100);
    const looks = countOf(faulty, "claim") - before - host.turns.length;
    // Each turn that ends looks, too.
    expect(looks).toBeLessThan(host.turns.length + 20);
    const { id } = await complete(tasks);
    await pass(MOMENT_MS);
    expect(host.turns.at(-1)?.ids).toEqual([id]);
  });

  test("a task that only runs has nobody look for follow-ups", async () => {
    const faulty = faultyStore(store);
    const { tasks } = start({ store: faulty, dispatcher: { pollMs: LONG_MS } });
    await pass(MOMENT_MS);
    const before = countOf(faulty, "claim");
    await soon(
      tasks.start(callOf(), async (_, { report }) => {
        for (let value = 0; value < 50; value += 1) {
          report({ value });
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }),
    );
    await pass(4_000);
    expect(countOf(faulty, "append")).toBeGreaterThan(10);
    expect(countOf(faulty, "claim")).toBe(before);
  });

  test("rule 16: no completion makes no turn", async () => {
    const { tasks, host } = start();
    await soon(tasks.start(callOf(), stubborn));
    await pass(60_000);
    expect(host.turns).toEqual([]);
  });

  test("rule 16: what completes during a delivery is delivered in the next turn, and never beside it", async () => {
    const { tasks, host } = start({ host: hostOf(takesMs(3_000), says(undefined)) });
    const first = await complete(tasks);
    await pass(MOMENT_MS);
    const second = await complete(tasks);
    const third = await complete(tasks);
    await pass(2_000);
    expect(host.turns.map(({ ids }) => ids)).toEqual([[first.id]]);
    await pass(2_000);
    expect(host.turns.map(({ ids }) => sorted(ids))).toEqual([[first.id], sorted([second.id, third.id])]);
    expect(host.overlaps).toEqual([]);
  });

  test("a dispatcher that is started after the tasks have ended delivers what is there", async () => {
    const process = processOf({ store });
    const task = await complete(process.tasks);
    await pass(60_000);
    expect(process.host.turns).toEqual([]);
    process.dispatcher.start();
    await pass(20);
    expect(deliveredIds(process.host)).toEqual([task.id]);
  });

  test("a process finds what others have left without a hint within pollMs", async () => {
    const other = new BackgroundTaskManager({ store });
    const deaf = { ...store };
    delete deaf.watch;
    const { host } = start({ store: deaf, dispatcher: { pollMs: 700 } });
    await pass(100);
    const task = await complete(other);
    await pass(620);
    expect(deliveredIds(host)).toEqual([task.id]);
  });
});

describe("when nothing else says that there is something", () => {
  test("what completes during a delivery that fails is claimed, at whichever moment that ends", async () => {
    for (let passes = 0; passes < 40; passes += 1) {
      const first = gate();
      const host = hostOf(() => first.promise, ends);
      const dispatcher = { pollMs: LONG_MS, retryMs: LONG_MS, maxRetryMs: LONG_MS };
      const { tasks } = startedProcess({ store: memoryStore(), host, dispatcher });
      await complete(tasks);
      await pass(MOMENT_MS);
      const second = await complete(tasks);
      const fail = async () => {
        for (let n = 0; n < passes; n += 1) await undefined;
        first.reject(new Error("The model is down."));
      };
      setTimeout(fail, COALESCE_MS);
      await pass(MOMENT_MS);
      expect(host.turns.at(1)?.ids, `${passes} passes`).toEqual([second.id]);
    }
  });
});
