import { beforeEach, describe, expect, test } from "vitest";
import { markObserved } from "../../../src/core/ledger/mark-observed.ts";
import { partsOf } from "../../../src/core/manager.ts";
import { memoryStore, type TaskStore } from "../../../src/index.ts";
import { ADA, BOB, inFakeTime, logOf, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { ends, hostOf, obeys, type Script, takesMs } from "../hosts.ts";
import {
  complete,
  completeAll,
  followUpOf,
  inboxOf,
  MOMENT_MS,
  type ProcessOptions,
  processOf,
  startedProcess,
} from "../processes.ts";

inFakeTime();

describe.each(STORES)("what is not delivered, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });
  const start = (options: Partial<ProcessOptions> = {}) => startedProcess({ store, ...options });

  describe("what the model has observed", () => {
    const observed = { status: "dropped", reason: "observed" };

    test("rule 15: before a claim: it is never delivered", async () => {
      const process = start();
      const { id } = await complete(process.tasks);
      await soon(markObserved(partsOf(process.tasks), ADA, id));
      await pass(60_000);
      expect(process.host.turns).toEqual([]);
      expect(await followUpOf(process, id)).toMatchObject(observed);
    });

    test("rule 15: before a claim: the others of its session are delivered without it", async () => {
      const process = start();
      const [one, other] = await completeAll(process.tasks, [{}, {}]);
      await soon(markObserved(partsOf(process.tasks), ADA, one?.id ?? ""));
      await pass(60_000);
      expect(process.host.turns.map(({ ids }) => ids)).toEqual([[other?.id]]);
    });

    test.each<[string, Script]>([
      ["fails", () => new Promise((_, reject) => setTimeout(() => reject(new Error("no")), 500))],
      ["is busy", takesMs(500, "busy")],
      ["is told to stop", obeys],
      ["is gone", takesMs(500, "gone")],
      ["is delivered", takesMs(500)],
    ])(
      "rule 15: during a delivery that %s: it does not come again, and the others do as they would",
      async (_, script) => {
        const process = start({
          host: hostOf(script, ends),
          dispatcher: { deliverTimeoutMs: 1_000 },
        });
        const [one, other] = await completeAll(process.tasks, [{}, {}]);
        await pass(MOMENT_MS);
        await soon(markObserved(partsOf(process.tasks), ADA, one?.id ?? ""));
        await pass(60_000);
        expect(await followUpOf(process, one?.id ?? "")).toMatchObject(observed);
        for (const { ids } of process.host.turns.slice(1)) expect(ids).toEqual([other?.id]);
        const drops = (await logOf(process.tasks, one?.id ?? "")).filter(({ type }) =>
          type.startsWith("follow_up"),
        );
        expect(drops).toMatchObject([{ type: "follow_up.dropped", reason: "observed" }]);
        expect((await followUpOf(process, other?.id ?? "")).status).toMatch(/delivered|dropped/);
      },
    );

    test("rule 16: a delivery of which everything was observed meanwhile does not happen again", async () => {
      const process = start({
        host: hostOf(async ({ followUps }) => {
          for (const { id } of followUps) await markObserved(partsOf(process.tasks), ADA, id);
          throw new Error("The turn failed all the same.");
        }),
      });
      await completeAll(process.tasks, [{}, {}]);
      await pass(60_000);
      expect(process.host.turns).toHaveLength(1);
    });
  });

  describe("beside an inbox", () => {
    test("what an inbox has in hand is not pushed, and what is released is", async () => {
      const process = start();
      const { claim, mustClaim } = inboxOf(process.tasks);
      const { id } = await complete(process.tasks);
      const held = await mustClaim("idle");
      await pass(60_000);
      expect(process.host.turns).toEqual([]);
      await soon(held.release());
      await pass(1_000 + MOMENT_MS);
      expect(process.host.turns).toMatchObject([{ ids: [id], attempts: [2] }]);
      expect(await claim("idle")).toBeUndefined();
    });
  });

  describe("followUps: false", () => {
    test("nothing is ever claimed, and nothing is pending", async () => {
      const process = start({ manager: { followUps: false } });
      const { id } = await complete(process.tasks);
      await complete(process.tasks, { followUp: "interrupt" });
      await pass(60_000);
      expect(process.host.turns).toEqual([]);
      expect(await followUpOf(process, id)).toEqual({ status: "none", attempts: 0, reason: null });
      expect(await inboxOf(process.tasks).claim("idle")).toBeUndefined();
    });
  });
});

describe("retention, when nobody claims", () => {
  test("rule 10: no more than followUpsPerUser wait; older ones are dropped as expired, with an event", async () => {
    const { tasks, events } = processOf({
      store: memoryStore(),
      manager: { retention: { followUpsPerUser: 5, finishedPerUser: 3 } },
    });
    const ids: string[] = [];
    for (let n = 0; n < 20; n += 1) {
      ids.push((await complete(tasks)).id);
      await pass(10);
    }
    await complete(tasks, { scope: BOB });
    await pass(600);
    const { tasks: kept } = await soon(tasks.list(ADA));
    expect(kept.map(({ followUp }) => followUp.status)).toEqual([
      ...Array(5).fill("pending"),
      ...Array(3).fill("dropped"),
    ]);
    expect(events.map(({ taskIds, notice }) => [...taskIds, notice.reason])).toEqual(
      ids.slice(0, 15).map((id) => [id, "expired"]),
    );
  });

  test("rule 10: what has waited for followUpTtlMs is dropped, and not delivered any more", async () => {
    const process = processOf({ store: memoryStore(), manager: { retention: { followUpTtlMs: 60_000 } } });
    const { id } = await complete(process.tasks);
    await pass(3 * 60_000);
    expect(await followUpOf(process, id)).toMatchObject({ status: "dropped", reason: "expired" });
    process.dispatcher.start();
    await pass(10_000);
    expect(process.host.turns).toEqual([]);
  });

  test("rule 10: what is held back by the loop guard stays within the same bounds", async () => {
    const process = startedProcess({
      store: memoryStore(),
      manager: { retention: { followUpsPerUser: 4 } },
      dispatcher: { maxConsecutiveTurns: 1 },
    });
    for (let n = 0; n < 20; n += 1) {
      await complete(process.tasks);
      await pass(300);
    }
    const { tasks } = await soon(process.tasks.list(ADA));
    expect(tasks.filter(({ followUp }) => followUp.status === "pending")).toHaveLength(4);
    await soon(process.dispatcher.userSpoke(ADA));
    await pass(1_000);
    expect(process.host.turns.at(-1)?.ids).toHaveLength(4);
  });
});
