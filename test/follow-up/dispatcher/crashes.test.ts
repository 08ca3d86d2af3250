import { beforeEach, describe, expect, test } from "vitest";
import { BackgroundTaskManager, type TaskStore } from "../../../src/index.ts";
import { answersAfter, faultyStore } from "../../support/faulty-store.ts";
import { BOB, inFakeTime, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { deliveredIds, ends, hangs, hostOf, takesMs } from "../hosts.ts";
import {
  allIds,
  COALESCE_MS,
  complete,
  completeAll,
  countOf,
  cutOff,
  followUpOf,
  inboxOf,
  LEASE_MS,
  LONG_MS,
  MOMENT_MS,
  sorted,
  startedProcess,
  timersLeft,
  typesIn,
} from "../processes.ts";

inFakeTime();

describe.each(STORES)("crashes, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });

  describe("a process that dies", () => {
    test("rule 14: between claim and delivery: another delivers after leaseMs, an attempt later", async () => {
      const dying = faultyStore(store);
      dying.always("claim", async (run) => {
        const answer = await run();
        if (answer !== undefined) cutOff(dying);
        return answer;
      });
      const { id } = await complete(new BackgroundTaskManager({ store }));
      await pass(COALESCE_MS);
      const dead = startedProcess({ store: dying });
      await pass(100);
      const survivor = startedProcess({ store });
      await pass(LEASE_MS - 1_000);
      expect(survivor.host.turns).toEqual([]);
      await pass(3_000);
      expect(survivor.host.turns).toMatchObject([{ ids: [id], attempts: [2] }]);
      expect(dead.host.turns).toEqual([]);
    });

    test("rule 14: between delivery and acknowledgement: another delivers the same ids once more", async () => {
      const dying = faultyStore(store);
      const dead = startedProcess({
        store: dying,
        host: hostOf(() => cutOff(dying)),
      });
      const two = await completeAll(new BackgroundTaskManager({ store }), [{}, {}]);
      await pass(1_000 + MOMENT_MS);
      expect(dead.host.turns).toMatchObject([{ attempts: [1, 1] }]);
      const survivor = startedProcess({ store });
      await pass(LEASE_MS - 3_000);
      expect(survivor.host.turns).toEqual([]);
      await pass(5_000);
      expect(survivor.host.turns).toMatchObject([{ ids: dead.host.turns[0]?.ids, attempts: [2, 2] }]);
      expect(sorted(deliveredIds(survivor.host))).toEqual(sorted(allIds(two)));
      await pass(LONG_MS);
      expect([dead.host.turns.length, survivor.host.turns.length]).toEqual([1, 1]);
    });

    test("rule 14: during the delivery: another delivers, and never while the first one still may", async () => {
      const dying = faultyStore(store);
      const host = hostOf((delivery) => {
        cutOff(dying);
        return hangs(delivery);
      }, ends);
      startedProcess({ store: dying, host });
      const { id } = await complete(new BackgroundTaskManager({ store }));
      await pass(1_000 + MOMENT_MS);
      expect(host.turns).toHaveLength(1);
      startedProcess({ store, host });
      await pass(LEASE_MS + 2_000);
      expect(host.turns).toMatchObject([
        { ids: [id], attempts: [1] },
        { ids: [id], attempts: [2] },
      ]);
      expect(host.overlaps).toEqual([]);
    });

    test("rule 16: again and again over the same follow-up: it ends as exhausted, and no one is told", async () => {
      const { id } = await complete(new BackgroundTaskManager({ store }));
      const host = hostOf(hangs);
      for (let deaths = 0; deaths < 6; deaths += 1) {
        const dying = faultyStore(store);
        const { dispatcher } = startedProcess({ store: dying, host, dispatcher: { maxAttempts: 5 } });
        await pass(1_000 + MOMENT_MS);
        cutOff(dying);
        dispatcher.stop({ drainMs: 0 });
        await pass(LEASE_MS);
      }
      const process = startedProcess({ store, dispatcher: { maxAttempts: 5 } });
      await pass(5_000);
      expect([...host.turns, ...process.host.turns].map(({ attempts }) => attempts)).toEqual([
        [1],
        [2],
        [3],
        [4],
        [5],
      ]);
      expect(await followUpOf(process, id)).toMatchObject({ status: "dropped", reason: "exhausted" });
    });
  });

  test("rule 16: what comes along with one that is exhausted wakes nobody alone", async () => {
    const tasks = new BackgroundTaskManager({ store });
    const { claim } = inboxOf(tasks, { holdMs: 0, leaseMs: 1_000, maxAttempts: 5 });
    const loud = await complete(tasks);
    for (let n = 0; n < 5; n += 1) {
      expect(await claim("idle")).toBeDefined();
      await pass(1_100);
    }
    const silent = await complete(tasks, { followUp: "silent" });
    const other = await complete(tasks, { scope: BOB });
    await pass(COALESCE_MS);
    const process = startedProcess({ store, dispatcher: { pollMs: LONG_MS, maxAttempts: 5 } });
    await pass(20);
    expect(deliveredIds(process.host)).toEqual([other.id]);
    expect(typesIn(process)).toEqual(["follow_up.dropped", "follow_up.delivered"]);
    expect(await followUpOf(process, loud.id)).toMatchObject({ status: "dropped", reason: "exhausted" });
    expect(await followUpOf(process, silent.id)).toEqual({ status: "pending", attempts: 0, reason: null });
  });

  describe("the lease", () => {
    test("rule 14: it is prolonged for as long as the delivery takes", async () => {
      const host = hostOf(takesMs(10 * LEASE_MS));
      const one = startedProcess({ store, host });
      startedProcess({ store, host });
      const { id } = await complete(one.tasks);
      await pass(11 * LEASE_MS);
      expect(host.turns).toMatchObject([{ ids: [id], attempts: [1] }]);
      expect(await followUpOf(one, id)).toEqual({ status: "delivered", attempts: 1, reason: null });
    });

    test("rule 14: a delivery that was taken over is aborted, and settles nothing", async () => {
      const faulty = faultyStore(store);
      faulty.always("prolong", async () => undefined as never);
      const process = startedProcess({ store: faulty, host: hostOf(takesMs(25_000, "gone"), ends) });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS + 9_500);
      const signal = process.host.turns[0]?.delivery.signal;
      expect(signal?.aborted).toBe(false);
      await pass(600);
      expect(signal?.aborted).toBe(true);
      await pass(LEASE_MS - 11_000);
      expect([countOf(faulty, "settle"), typesIn(process)]).toEqual([0, []]);
      expect(await followUpOf(process, id)).toMatchObject({ status: "claimed", attempts: 1 });
      await pass(5_000);
      expect(process.host.turns.map(({ attempts }) => attempts)).toEqual([[1], [2]]);
      expect(await followUpOf(process, id)).toMatchObject({ status: "delivered", attempts: 2 });
    });

    test("rule 2: no timer is left of a delivery that was taken over", async () => {
      const faulty = faultyStore(store);
      faulty.always("prolong", async () => undefined as never);
      const process = startedProcess({ store: faulty, host: hostOf(hangs) });
      await complete(process.tasks);
      await pass(MOMENT_MS + 10_100);
      expect(process.host.turns[0]?.delivery.signal.aborted).toBe(true);
      await soon(process.dispatcher.stop({ drainMs: 0 }), 2_500);
      await soon(process.tasks.close());
      expect(await timersLeft()).toBe(0);
    });

    test("rule 14: a claim that is lost before its results are read is not delivered", async () => {
      const faulty = faultyStore(store);
      faulty.always("prolong", async () => undefined as never);
      faulty.next("result", answersAfter(1_000));
      const process = startedProcess({ store: faulty, dispatcher: { leaseMs: 600 } });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS + 1_200);
      expect(countOf(faulty, "result")).toBeGreaterThan(0);
      await pass(5_000);
      expect(process.host.turns).toMatchObject([{ ids: [id], attempts: [2] }]);
    });
  });
});
