import { beforeEach, describe, expect, test } from "vitest";
import type { TaskStore } from "../../../src/index.ts";
import { answersAfter, faultyStore, rejects } from "../../support/faulty-store.ts";
import { ADA, BOB, inFakeTime, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { deliveredIds, ends, gapsOf, hostOf, says, takesMs } from "../hosts.ts";
import {
  ADA_2,
  complete,
  completeAll,
  followUpOf,
  LONG_MS,
  MOMENT_MS,
  type ProcessOptions,
  processOf,
  startedProcess,
  typesIn,
} from "../processes.ts";

inFakeTime();

describe.each(STORES)("busy sessions, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });
  const start = (options: Partial<ProcessOptions> = {}) => startedProcess({ store, ...options });

  describe("busy and gone", () => {
    test("rule 16: a busy session is deferred without spending an attempt", async () => {
      const process = start({ host: hostOf(...Array(20).fill(says("busy")), ends) });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS + 500);
      expect(await followUpOf(process, id)).toEqual({ status: "pending", attempts: 0, reason: null });
      await pass(LONG_MS);
      expect(process.host.turns).toHaveLength(21);
      expect(new Set(process.host.turns.map(({ attempts }) => attempts[0]))).toEqual(new Set([1]));
      expect(await followUpOf(process, id)).toMatchObject({ status: "delivered", attempts: 1 });
      expect(typesIn(process)).toEqual(["follow_up.delivered"]);
    });

    test("rule 16: a session that is busy for long is asked less and less often, but goes on being asked", async () => {
      const { tasks, host } = start({ host: hostOf(() => "busy") });
      await complete(tasks);
      await pass(LONG_MS);
      const gaps = gapsOf(host);
      expect(gaps[0]).toBeGreaterThanOrEqual(1_000);
      expect(gaps[0]).toBeLessThan(1_100);
      for (const [index, gap] of gaps.entries()) {
        expect(gap).toBeGreaterThanOrEqual((gaps[index - 1] ?? 0) - 10);
        expect(gap).toBeLessThan(10_100);
      }
      expect(gaps.at(-1)).toBeGreaterThanOrEqual(10_000);
      expect(host.turns.length).toBeLessThan(100);
    });

    test("rule 16: what was put off for a busy session comes along with what completes later", async () => {
      const process = start({
        host: hostOf(says("busy"), ends),
        dispatcher: { busyRetryMs: 60_000 },
      });
      const first = await complete(process.tasks);
      await pass(5_000);
      const second = await complete(process.tasks);
      await pass(MOMENT_MS);
      expect(process.host.turns.map(({ ids }) => ids)).toEqual([[first.id], [first.id, second.id]]);
    });

    test("rule 16: a session that is gone is dropped, with an event", async () => {
      const process = start({ host: hostOf(says("gone")) });
      const two = await completeAll(process.tasks, [{}, {}]);
      await pass(60_000);
      expect(process.host.turns).toHaveLength(1);
      for (const { id } of two) {
        expect(await followUpOf(process, id)).toEqual({
          status: "dropped",
          attempts: 1,
          reason: "session_gone",
        });
      }
      expect(typesIn(process)).toEqual(["follow_up.dropped", "follow_up.dropped"]);
      expect(process.events[0]).toMatchObject({ notice: { reason: "session_gone" } });
    });
  });

  describe("turnEnded", () => {
    test("what a busy session has put off is delivered at once when its turn is over", async () => {
      const process = start({
        host: hostOf(says("busy"), ends),
        dispatcher: { busyRetryMs: 60_000 },
      });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS);
      expect(process.host.turns).toHaveLength(1);
      await soon(process.dispatcher.turnEnded(ADA));
      expect(process.host.turns).toMatchObject([{ ids: [id] }, { ids: [id], attempts: [1] }]);
      await pass(20);
      expect(await followUpOf(process, id)).toMatchObject({ status: "delivered", attempts: 1 });
    });

    test("what has just completed comes along, without waiting for others", async () => {
      const process = start();
      const { id } = await complete(process.tasks);
      await soon(process.dispatcher.turnEnded(ADA));
      expect(deliveredIds(process.host)).toEqual([id]);
    });

    test("no completion makes no turn, nor does another session's, a silent one or one that is being delivered", async () => {
      const process = start({ host: hostOf(takesMs(1_000)) });
      await soon(process.dispatcher.turnEnded(ADA));
      await complete(process.tasks, { scope: ADA_2 });
      await complete(process.tasks, { followUp: "silent" });
      await pass(MOMENT_MS);
      for (const scope of [ADA, ADA_2, BOB, { userId: "ada" }])
        await soon(process.dispatcher.turnEnded(scope));
      await pass(5_000);
      expect(process.host.turns.map(({ scope }) => scope)).toEqual([ADA_2]);
      expect(process.host.overlaps).toEqual([]);
    });

    test("rule 16: the loop guard holds here too", async () => {
      const process = start({ dispatcher: { maxConsecutiveTurns: 2 } });
      for (let n = 0; n < 5; n += 1) {
        await complete(process.tasks);
        await soon(process.dispatcher.turnEnded(ADA));
        await pass(20);
      }
      expect(process.host.turns).toHaveLength(2);
      expect(typesIn(process).filter((type) => type === "session.held")).toHaveLength(1);
    });

    test("nothing is delivered before start and after stop", async () => {
      const process = processOf({ store });
      await complete(process.tasks);
      await soon(process.dispatcher.turnEnded(ADA));
      process.dispatcher.start();
      await soon(process.dispatcher.stop());
      await soon(process.dispatcher.turnEnded(ADA));
      await pass(5_000);
      expect(process.host.turns).toEqual([]);
    });

    test("stopped while it claims, it delivers nothing, and no attempt is spent", async () => {
      const faulty = faultyStore(store);
      const process = start({ store: faulty, dispatcher: { pollMs: LONG_MS, coalesceMs: LONG_MS } });
      const { id } = await complete(process.tasks);
      faulty.next("claim", answersAfter(500));
      const ended = process.dispatcher.turnEnded(ADA);
      await pass(50);
      await soon(process.dispatcher.stop());
      await soon(ended);
      expect(process.host.turns).toEqual([]);
      expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 0 });
    });

    test("a store that fails is told of", async () => {
      const faulty = faultyStore(store);
      const process = start({ store: faulty });
      await complete(process.tasks);
      faulty.next("claim", rejects);
      await expect(soon(process.dispatcher.turnEnded(ADA))).rejects.toMatchObject({ code: "store_failed" });
    });
  });
});
