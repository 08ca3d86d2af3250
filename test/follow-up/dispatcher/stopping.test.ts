import { beforeEach, describe, expect, test } from "vitest";
import type { TaskStore } from "../../../src/index.ts";
import { answersAfter, faultyStore, rejects } from "../../support/faulty-store.ts";
import { ADA, inFakeTime, isPending, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { deliveredIds, ends, fails, hangs, hostOf, obeys, type Script, says, takesMs } from "../hosts.ts";
import {
  ADA_2,
  ADA_3,
  COALESCE_MS,
  complete,
  completeAll,
  followUpOf,
  LEASE_MS,
  LONG_MS,
  MOMENT_MS,
  type ProcessOptions,
  processOf,
  STORE_TIMEOUT_MS,
  startedProcess,
  timersLeft,
} from "../processes.ts";

inFakeTime();

describe.each(STORES)("start and stop, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });
  const start = (options: Partial<ProcessOptions> = {}) => startedProcess({ store, ...options });

  test("nothing is delivered before start, and starting twice changes nothing", async () => {
    const { tasks, host, dispatcher } = processOf({ store, host: hostOf(takesMs(500)) });
    await completeAll(tasks, [{}, { scope: ADA_2 }]);
    await pass(5_000);
    expect(host.turns).toEqual([]);
    expect(dispatcher.start().start()).toBe(dispatcher);
    await pass(5_000);
    expect(host.turns).toHaveLength(2);
    await soon(dispatcher.stop());
    await soon(tasks.close());
    expect(await timersLeft()).toBe(0);
  });

  test("stop waits for the turns that run, and lets them acknowledge", async () => {
    const process = start({ host: hostOf(takesMs(1_000)) });
    const { id } = await complete(process.tasks);
    await pass(MOMENT_MS);
    const stopped = process.dispatcher.stop();
    await pass(500);
    expect(await isPending(stopped)).toBe(true);
    await soon(stopped);
    expect(process.host.turns[0]?.delivery.signal.aborted).toBe(false);
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
  });

  test("rule 16: after drainMs a turn is told to stop, and no attempt is spent", async () => {
    const process = start({ host: hostOf(obeys, ends) });
    const { id } = await complete(process.tasks);
    await pass(MOMENT_MS);
    const stopped = process.dispatcher.stop({ drainMs: 700 });
    await pass(650);
    expect(await isPending(stopped)).toBe(true);
    await soon(stopped, 100);
    expect(process.host.turns[0]?.delivery.signal.aborted).toBe(true);
    expect(await followUpOf(process, id)).toEqual({ status: "pending", attempts: 0, reason: null });
    expect(process.events).toEqual([]);
    const next = start({ host: hostOf(ends) });
    await pass(1_000 + MOMENT_MS);
    expect(next.host.turns).toMatchObject([{ ids: [id], attempts: [1] }]);
  });

  test("rule 20: a turn that does not hear it has its session until its lease is over, and is not waited for", async () => {
    const process = start({ host: hostOf(hangs) });
    const { id } = await complete(process.tasks);
    await pass(MOMENT_MS);
    await soon(process.dispatcher.stop({ drainMs: 700 }), 3_000);
    expect(process.host.turns[0]?.delivery.signal.aborted).toBe(true);
    expect(await followUpOf(process, id)).toMatchObject({ status: "claimed", attempts: 1 });
    const next = start({ host: hostOf(ends) });
    await pass(LEASE_MS + 5_000);
    expect(next.host.turns).toMatchObject([{ ids: [id], attempts: [2] }]);
  });

  test("a turn that has ended is not aborted while it waits for its acknowledgement", async () => {
    const faulty = faultyStore(store);
    faulty.next("settle", answersAfter(1_000));
    const process = start({ store: faulty });
    const { id } = await complete(process.tasks);
    await pass(MOMENT_MS);
    await soon(process.dispatcher.stop({ drainMs: 0 }));
    expect(process.host.turns[0]?.delivery.signal.aborted).toBe(false);
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
  });

  test("stop with drainMs 0 tells every turn at once", async () => {
    const process = start({ host: hostOf(obeys) });
    const { id } = await complete(process.tasks);
    await pass(MOMENT_MS);
    await soon(process.dispatcher.stop({ drainMs: 0 }), 50);
    expect(process.host.turns[0]?.delivery.signal.aborted).toBe(true);
    expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 0 });
  });

  test("nothing is delivered after stop, whatever completes or is due then", async () => {
    const process = start({ host: hostOf(fails) });
    await complete(process.tasks);
    await pass(MOMENT_MS);
    await complete(process.tasks, { scope: ADA_2 });
    await soon(process.dispatcher.stop());
    await complete(process.tasks, { scope: ADA_3 });
    await soon(process.dispatcher.userSpoke(ADA));
    await pass(LONG_MS);
    expect(process.host.turns).toHaveLength(1);
  });

  test("it starts again after stop, and goes on where it was", async () => {
    const process = start();
    await complete(process.tasks);
    await pass(MOMENT_MS);
    await soon(process.dispatcher.stop());
    const missed = await complete(process.tasks);
    await pass(5_000);
    process.dispatcher.start();
    await pass(20);
    expect(process.host.turns.map(({ ids }) => ids).at(1)).toEqual([missed.id]);
    const next = await complete(process.tasks);
    await pass(MOMENT_MS);
    expect(process.host.turns.at(2)?.ids).toEqual([next.id]);
  });

  test("started again at once, it misses nothing that completes then", async () => {
    const process = start({ dispatcher: { pollMs: LONG_MS } });
    await completeAll(process.tasks, [{}, {}]);
    await pass(1);
    await complete(process.tasks);
    await soon(process.dispatcher.stop());
    process.dispatcher.start();
    await complete(process.tasks);
    await pass(MOMENT_MS);
    expect(deliveredIds(process.host)).toHaveLength(4);
  });

  test("started again while it is still stopping, it breaks off only what it was stopping", async () => {
    const process = start({ host: hostOf(obeys, takesMs(2_000)) });
    const first = await complete(process.tasks);
    await pass(MOMENT_MS);
    const stopped = process.dispatcher.stop({ drainMs: 500 });
    await pass(10);
    process.dispatcher.start();
    const second = await complete(process.tasks, { scope: ADA_2 });
    await soon(stopped);
    await pass(MOMENT_MS);
    const [one, other] = process.host.turns;
    expect([one?.ids, one?.delivery.signal.aborted]).toEqual([[first.id], true]);
    expect([other?.ids, other?.delivery.signal.aborted]).toEqual([[second.id], false]);
    await pass(10_000);
    expect(await followUpOf(process, first.id)).toMatchObject({ status: "delivered", attempts: 1 });
    expect(await followUpOf(process, second.id, ADA_2)).toMatchObject({ status: "delivered", attempts: 1 });
  });

  test("stopping twice, before start, and at once with start does no harm", async () => {
    const process = processOf({ store });
    await soon(process.dispatcher.stop());
    process.dispatcher.start();
    await soon(Promise.all([process.dispatcher.stop(), process.dispatcher.stop()]));
    await complete(process.tasks);
    await pass(5_000);
    expect(process.host.turns).toEqual([]);
  });

  test("it can be disposed of", async () => {
    const process = start();
    await soon(process.dispatcher[Symbol.asyncDispose]());
    await complete(process.tasks);
    await pass(5_000);
    expect(process.host.turns).toEqual([]);
  });

  test.each<[string, Script]>([
    ["delivered", ends],
    ["failed", fails],
    ["failing while it stopped", () => new Promise((_, reject) => setTimeout(reject, 120))],
    ["busy", says("busy")],
    ["broken off and deaf", hangs],
    ["broken off", obeys],
  ])("rule 2: no timer is left after stop and close when a turn was %s", async (_, script) => {
    const process = start({ host: hostOf(script) });
    await completeAll(process.tasks, [{}, { scope: ADA_2 }]);
    await pass(MOMENT_MS);
    await complete(process.tasks);
    await soon(process.dispatcher.stop({ drainMs: 100 }), 2_500);
    await soon(process.tasks.close());
    expect(await timersLeft()).toBe(0);
  });

  describe("stop while a claim is on its way", () => {
    test.each([300, STORE_TIMEOUT_MS + 300])(
      "an answer after %i ms is given back: nothing is delivered, and no attempt is spent",
      async (ms) => {
        const faulty = faultyStore(store);
        const process = processOf({ store: faulty });
        const { id } = await complete(process.tasks);
        await pass(COALESCE_MS);
        faulty.next("claim", answersAfter(ms));
        process.dispatcher.start();
        await pass(50);
        const stopped = process.dispatcher.stop();
        await pass(200);
        expect(await isPending(stopped)).toBe(true);
        await soon(stopped, 10_000);
        if (ms < STORE_TIMEOUT_MS) expect(await followUpOf(process, id)).toMatchObject({ status: "pending" });
        await pass(10_000);
        expect(process.host.turns).toEqual([]);
        expect(await followUpOf(process, id)).toEqual({ status: "pending", attempts: 0, reason: null });
        await soon(process.tasks.close());
        expect(await timersLeft()).toBe(0);
      },
    );

    test("one that cannot even be given back, since everything is closed, is left to its lease", async () => {
      const faulty = faultyStore(store);
      const process = processOf({ store: faulty });
      const { id } = await complete(process.tasks);
      await pass(COALESCE_MS);
      faulty.next("claim", answersAfter(STORE_TIMEOUT_MS + 3_000));
      faulty.always("settle", rejects);
      process.dispatcher.start();
      await pass(50);
      await soon(process.dispatcher.stop({ drainMs: 0 }), 5_000);
      await soon(process.tasks.close(), 5_000);
      await pass(5_000);
      expect(await timersLeft()).toBe(0);
      const survivor = startedProcess({ store });
      await pass(LEASE_MS);
      expect(survivor.host.turns).toMatchObject([{ ids: [id], attempts: [2] }]);
    });
  });
});
