import { beforeEach, describe, expect, test } from "vitest";
import type { TaskStore } from "../../../src/index.ts";
import { faultyStore, neverAnswers, rejects } from "../../support/faulty-store.ts";
import { ADA, inFakeTime, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { fails, hostOf } from "../hosts.ts";
import { complete, countOf, followUpOf, LEASE_MS, LONG_MS, MOMENT_MS } from "../processes.ts";
import { around, begun, speak } from "./lab.ts";

inFakeTime();

describe.each(STORES)("rule 20: a store that fails silences no user's turn, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });

  test.each([
    ["fails", rejects],
    ["does not answer", neverAnswers],
  ])(
    "one that %s when a turn begins: it runs all the same, alone in this process, and is told",
    async (_, fault) => {
      const faulty = faultyStore(store);
      const process = around(faulty)();
      const unguarded: unknown[] = [];
      process.tasks.on("turn.unguarded", (notice) => void unguarded.push(notice));
      const { id } = await complete(process.tasks);
      const before = await begun(process, { take: "none" });
      before.end.resolve("said");
      await pass(50);
      faulty.always("hold", fault);
      const first = speak(process);
      await pass(2_100);
      expect(first.turn).toMatchObject({ followUps: [], message: undefined });
      expect(first.turn?.number).toBeGreaterThan(before.turn.number);
      expect(unguarded).toEqual([{ scope: ADA, error: expect.objectContaining({ code: "store_failed" }) }]);
      expect(await soon(first.turn?.acknowledge() ?? Promise.reject())).toBe(false);
      const second = speak(process);
      await pass(5_000);
      expect(second.turn).toBeUndefined();
      faulty.always("hold");
      first.end.resolve("said");
      expect(await soon(first.result)).toBe("said");
      await pass(2_500);
      expect(second.turn?.followUps.map((followUp) => followUp.id)).toEqual([id]);
    },
  );

  test("the Stop button reaches such a turn, too", async () => {
    const faulty = faultyStore(store);
    const process = around(faulty)();
    faulty.always("hold", rejects);
    const { turn } = await begun(process);
    expect(await soon(process.dispatcher.abortTurn(ADA))).toBe(true);
    expect(turn.signal.aborted).toBe(true);
  });

  test("a host's turn, and one that is not to, fails instead", async () => {
    const faulty = faultyStore(store);
    const process = around(faulty)();
    faulty.always("hold", rejects);
    const failing = [speak(process, { by: "host" }), speak(process, { whenStoreFails: "refuse" })];
    for (const { result } of failing)
      await expect(soon(result)).rejects.toMatchObject({ code: "store_failed" });
    await begun(process, { by: "host", whenStoreFails: "run" });
  });

  test("one that fails while a turn runs: it goes on, and tells what it was handed when the store is back", async () => {
    const faulty = faultyStore(store);
    const process = around(faulty)();
    const { id } = await complete(process.tasks);
    const { turn, end, result } = await begun(process);
    faulty.always("prolong", rejects);
    await pass(LEASE_MS - 5_000);
    expect(turn.signal.aborted).toBe(false);
    faulty.always("prolong");
    await pass(10_000);
    end.resolve("said");
    await soon(result);
    await pass(50);
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
  });

  test("one that cannot be asked for longer than the lease: the turn goes on, but its session may be another's", async () => {
    const faulty = faultyStore(store);
    const [cut, other] = [around(faulty)(), around(store)()];
    const { id } = await complete(cut.tasks);
    const { turn, end, result } = await begun(cut);
    for (const operation of ["prolong", "settle"] as const) faulty.always(operation, rejects);
    await pass(LEASE_MS + 1_000);
    expect(turn.signal.aborted).toBe(false);
    turn.throwIfLost();
    const there = await begun(other);
    expect(there.turn.followUps).toMatchObject([{ id }]);
    expect(there.turn.number).toBeGreaterThan(turn.number);
    faulty.always("prolong");
    await pass(5_000);
    expect(turn.signal.aborted).toBe(true);
    expect(() => turn.throwIfLost()).toThrow(expect.objectContaining({ code: "conflict" }));
    faulty.always("settle");
    end.resolve("late");
    await soon(result);
    there.end.resolve("said");
    await pass(100);
    expect(await followUpOf(other, id)).toMatchObject({ status: "delivered", attempts: 0 });
  });

  test("a session that the store gives too late is given back", async () => {
    const faulty = faultyStore(store);
    const process = around(faulty)();
    faulty.next("hold", async (run) => {
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      return run();
    });
    const { end } = speak(process);
    await pass(2_100);
    end.resolve("said");
    await pass(2_000);
    await begun(process, { whenBusy: "refuse" });
  });
});

describe.each(STORES)("rule 20: what spoils turns, on $name", ({ makeStore }) => {
  test("a turn of the user spends no attempt, and what was in three that failed is left to the library's", async () => {
    const process = around(makeStore(), hostOf(fails))({ dispatcher: { maxAttempts: 2 } });
    const { id } = await complete(process.tasks);
    for (let turns = 1; turns <= 3; turns += 1) {
      const { turn, end, result } = await begun(process);
      expect(turn.followUps).toMatchObject([{ id, attempt: 1 }]);
      end.reject(new Error("Poison."));
      await soon(result).catch(() => undefined);
      await pass(50);
      expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 0 });
    }
    const healthy = await begun(process);
    expect(healthy.turn.followUps).toEqual([]);
    healthy.end.resolve("said");
    process.dispatcher.start();
    await pass(LONG_MS);
    expect(process.host.turns.map(({ attempts }) => attempts)).toEqual([[1], [2]]);
    expect(await followUpOf(process, id)).toMatchObject({ status: "dropped", reason: "exhausted" });
  });

  test("one late result costs no claim more than without turns", async () => {
    const faulty = faultyStore(makeStore());
    const process = around(faulty)();
    process.dispatcher.start();
    await pass(MOMENT_MS);
    const before = countOf(faulty, "claim");
    await complete(process.tasks);
    await pass(MOMENT_MS);
    expect(countOf(faulty, "claim") - before).toBe(1);
  });
});
