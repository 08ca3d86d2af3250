import { beforeEach, describe, expect, test } from "vitest";
import { BackgroundTaskManager, type TaskStore } from "../../../src/index.ts";
import {
  answersAfter,
  type Fault,
  faultyStore,
  losesAnswer,
  neverAnswers,
  rejects,
} from "../../support/faulty-store.ts";
import { ADA, BOB, inFakeTime, pass, read, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { allowWarnings } from "../../support/warnings.ts";
import { deliveredIds, ends, hangs, hostOf, takesMs } from "../hosts.ts";
import {
  ADA_2,
  allIds,
  COALESCE_MS,
  complete,
  completeAll,
  cutOff,
  followUpOf,
  LEASE_MS,
  LONG_MS,
  MOMENT_MS,
  processOf,
  STORE_TIMEOUT_MS,
  sorted,
  startedProcess,
  timersLeft,
} from "../processes.ts";

inFakeTime();

/** A store that cannot read the result of one task. */
function unreadableStore(store: TaskStore, id: () => string): TaskStore {
  const result: TaskStore["result"] = async (scope, asked) => {
    if (asked === id()) throw new Error("The page is broken.");
    return store.result(scope, asked);
  };
  return { ...store, result };
}

describe.each(STORES)("a store that fails, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });

  const FAULTS: [string, Fault][] = [
    ["rejects", rejects],
    ["does not answer", neverAnswers],
    ["answers too late", answersAfter(STORE_TIMEOUT_MS + 500)],
    ["loses its answers", losesAnswer],
  ];
  const OPERATIONS = ["claim", "prolong", "settle", "result"] as const;
  const CASES = OPERATIONS.flatMap((operation) =>
    FAULTS.map(([how, fault]) => [operation, how, fault] as const),
  );

  test.each(CASES)(
    "rule 14: to %s, and %s, for a while: nothing is lost, and nothing runs twice at once",
    async (operation, _, fault) => {
      const faulty = faultyStore(store);
      const host = hostOf(takesMs(15_000));
      const process = startedProcess({ store: faulty, host });
      faulty.always(operation, fault);
      const tasks = await completeAll(process.tasks, [{}, {}, { scope: ADA_2 }]);
      await pass(20_000);
      faulty.always(operation);
      await pass(2 * 60_000);
      expect(sorted([...new Set(deliveredIds(host))])).toEqual(sorted(allIds(tasks)));
      for (const { id, sessionId } of tasks) {
        const scope = { ...ADA, sessionId: sessionId ?? "" };
        expect(await followUpOf(process, id, scope)).toMatchObject({ status: "delivered" });
      }
      expect(host.overlaps).toEqual([]);
    },
  );

  test.each(FAULTS)(
    "rule 14: to settle, and %s: it is asked until it answers, nothing is delivered twice, and listeners hear of it",
    async (_, fault) => {
      const faulty = faultyStore(store);
      const process = startedProcess({ store: faulty });
      faulty.next("settle", fault, fault, fault);
      const { id } = await complete(process.tasks);
      await pass(60_000);
      expect(process.host.turns).toHaveLength(1);
      const { lastSeq } = await read(process.tasks, id);
      expect(process.events).toMatchObject([
        { type: "follow_up.delivered", taskIds: [id], notice: { seq: lastSeq } },
      ]);
    },
  );

  test("rule 14: a claim that is answered too late is given back, and costs no attempt", async () => {
    const faulty = faultyStore(store);
    const { id } = await complete(new BackgroundTaskManager({ store }));
    await pass(COALESCE_MS);
    faulty.next("claim", answersAfter(STORE_TIMEOUT_MS + 500));
    const process = startedProcess({ store: faulty });
    await pass(STORE_TIMEOUT_MS + 400);
    expect(await followUpOf(process, id)).toMatchObject({ status: "claimed" });
    await pass(1_500);
    expect(process.host.turns).toMatchObject([{ ids: [id], attempts: [1] }]);
  });

  test("rule 14: cut off for longer than its lease, a dispatcher breaks its delivery off before another begins", async () => {
    const faulty = faultyStore(store);
    const host = hostOf(takesMs(3 * LEASE_MS), ends);
    const cut = startedProcess({ store: faulty, host });
    allowWarnings();
    const { id } = await complete(cut.tasks);
    await pass(MOMENT_MS);
    faulty.always("prolong", rejects);
    const other = startedProcess({ store, host });
    await pass(2 * LEASE_MS);
    expect(host.turns.map(({ ids }) => ids)).toEqual([[id], [id]]);
    expect(host.overlaps).toEqual([]);
    expect(host.turns[0]?.delivery.signal.aborted).toBe(true);
    expect(await followUpOf(other, id)).toMatchObject({ status: "delivered", attempts: 2 });
  });

  test("a result that cannot be read holds up nobody, is not lost, and costs no attempt", async () => {
    let unreadable = "";
    const process = processOf({ store: unreadableStore(store, () => unreadable) });
    const bad = await complete(process.tasks);
    unreadable = bad.id;
    const others = await completeAll(process.tasks, [{}, { scope: ADA_2 }, { scope: BOB }]);
    process.dispatcher.start();
    await pass(10_000);
    expect(sorted(deliveredIds(process.host))).toEqual(sorted(allIds(others)));
    await pass(LONG_MS);
    expect(await followUpOf(process, bad.id)).toMatchObject({ status: "pending", attempts: 0 });
    unreadable = "";
    await pass(10_000);
    expect(process.host.turns.at(-1)).toMatchObject({ ids: [bad.id], attempts: [1] });
  });

  test("what comes along with a result that cannot be read wakes nobody alone", async () => {
    let unreadable = "";
    const process = startedProcess({ store: unreadableStore(store, () => unreadable) });
    const silent = await complete(process.tasks, { followUp: "silent" });
    await pass(10);
    const loud = await complete(process.tasks);
    unreadable = loud.id;
    await pass(20_000);
    expect(process.host.turns).toEqual([]);
    unreadable = "";
    await pass(10_000);
    expect(process.host.turns).toMatchObject([{ ids: [silent.id, loud.id], attempts: [1, 1] }]);
  });

  test("stop does not wait for ever for a store that is down", async () => {
    const faulty = faultyStore(store);
    const process = startedProcess({ store: faulty, host: hostOf(takesMs(300)) });
    await complete(process.tasks);
    await pass(MOMENT_MS);
    cutOff(faulty);
    await soon(process.dispatcher.stop({ drainMs: 500 }), 3_000);
    await soon(process.tasks.close({ drainMs: 0 }), 5_000);
    expect(await timersLeft()).toBe(0);
  });

  test.each(["claim", "settle", "prolong"] as const)(
    "rule 2: no timer is left after stop and close while %s never answers",
    async (operation) => {
      const faulty = faultyStore(store);
      const process = startedProcess({
        store: faulty,
        host: hostOf(operation === "prolong" ? hangs : ends),
      });
      faulty.always(operation, neverAnswers);
      await complete(process.tasks);
      await pass(11_000);
      await soon(process.dispatcher.stop({ drainMs: 100 }), 5_000);
      await soon(process.tasks.close(), 10_000);
      expect(await timersLeft()).toBe(0);
    },
  );

  test("userSpoke says so, and the session stays held", async () => {
    const faulty = faultyStore(store);
    const process = startedProcess({ store: faulty, dispatcher: { maxConsecutiveTurns: 1 } });
    await complete(process.tasks);
    await pass(1_000);
    await complete(process.tasks);
    faulty.next("resetTurns", rejects);
    await expect(soon(process.dispatcher.userSpoke(ADA))).rejects.toMatchObject({ code: "store_failed" });
    await pass(10_000);
    expect(process.host.turns).toHaveLength(1);
  });
});
