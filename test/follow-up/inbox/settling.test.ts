import { beforeEach, describe, expect, test } from "vitest";
import { markObserved } from "../../../src/core/ledger/mark-observed.ts";
import { partsOf } from "../../../src/core/manager.ts";
import { BackgroundTaskManager, type TaskStore } from "../../../src/index.ts";
import { ADA, inFakeTime, logOf, pass, read, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { hostOf, takesMs } from "../hosts.ts";
import {
  complete,
  completeAll,
  followUpOf,
  idsOf,
  inboxOf,
  LEASE_MS,
  MOMENT_MS,
  processOf,
  sorted,
  startedProcess,
  timersLeft,
} from "../processes.ts";

inFakeTime();

const HOLD_MS = 600_000;

describe.each(STORES)("settling, on $name", ({ makeStore }) => {
  let store: TaskStore;
  let tasks: BackgroundTaskManager;
  beforeEach(() => {
    store = makeStore();
    tasks = new BackgroundTaskManager({ store });
  });

  describe("acknowledge and release", () => {
    test("rule 14: acknowledged is delivered, on the task and as an event, and never again", async () => {
      const { tasks: heard, events } = processOf({ store });
      const { claim, mustClaim } = inboxOf(heard);
      const { id } = await complete(heard);
      const claimed = await mustClaim("idle");
      expect(await followUpOf(heard, id)).toEqual({ status: "claimed", attempts: 1, reason: null });
      expect(await soon(claimed.acknowledge())).toBe(true);
      const task = await read(heard, id);
      expect(task.followUp).toEqual({ status: "delivered", attempts: 1, reason: null });
      expect(events).toMatchObject([
        { type: "follow_up.delivered", taskIds: [id], notice: { seq: task.lastSeq } },
      ]);
      const log = await logOf(heard, id);
      expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
      expect(log.at(-1)).toMatchObject({ type: "follow_up.delivered" });
      expect(await claim("idle")).toBeUndefined();
    });

    test("a claim is settled once: whatever is asked of it after that answers false", async () => {
      const { mustClaim } = inboxOf(tasks);
      const { id } = await complete(tasks);
      const claimed = await mustClaim("idle");
      const answers = [claimed.acknowledge(), claimed.acknowledge(), claimed.release()];
      const settled = (await soon(Promise.all(answers))).filter((answer) => answer);
      expect(settled).toHaveLength(1);
      const { status } = await followUpOf(tasks, id);
      for (const again of [claimed.acknowledge, claimed.release]) expect(await soon(again())).toBe(false);
      expect(await followUpOf(tasks, id)).toMatchObject({ status });
    });

    test("rule 14: released comes again, an attempt later", async () => {
      const { mustClaim } = inboxOf(tasks);
      const { id } = await complete(tasks);
      expect(await soon((await mustClaim("idle")).release())).toBe(true);
      expect(await followUpOf(tasks, id)).toEqual({ status: "pending", attempts: 1, reason: null });
      expect((await mustClaim("idle")).followUps).toMatchObject([{ id, attempt: 2 }]);
    });

    test("rule 16: released maxAttempts times it ends as exhausted, with an event", async () => {
      const { tasks: heard, events } = processOf({ store });
      const { claim, mustClaim } = inboxOf(heard, { maxAttempts: 3 });
      const { id } = await complete(heard);
      for (const attempt of [1, 2, 3]) {
        const claimed = await mustClaim("idle");
        expect(claimed.followUps).toMatchObject([{ attempt }]);
        expect(await soon(claimed.release())).toBe(true);
      }
      expect(await claim("idle")).toBeUndefined();
      expect(await followUpOf(heard, id)).toEqual({ status: "dropped", attempts: 3, reason: "exhausted" });
      expect(events).toMatchObject([
        { type: "follow_up.dropped", taskIds: [id], notice: { reason: "exhausted" } },
      ]);
    });

    test("rule 16: one that is exhausted does not take younger ones with it", async () => {
      const { mustClaim } = inboxOf(tasks, { maxAttempts: 2 });
      const old = await complete(tasks);
      await soon((await mustClaim("idle")).release());
      const young = await complete(tasks);
      await soon((await mustClaim("idle")).release());
      expect(await followUpOf(tasks, old.id)).toMatchObject({ status: "dropped" });
      expect(idsOf(await mustClaim("idle"))).toEqual([young.id]);
    });

    test("rule 15: what was observed meanwhile is neither delivered nor released", async () => {
      const { claim, mustClaim } = inboxOf(tasks);
      const [one, other] = await completeAll(tasks, [{}, {}]);
      const claimed = await mustClaim("idle");
      await soon(markObserved(partsOf(tasks), ADA, one?.id ?? ""));
      expect(await soon(claimed.release())).toBe(true);
      expect(await followUpOf(tasks, one?.id ?? "")).toMatchObject({ status: "dropped", reason: "observed" });
      expect(idsOf(await claim("idle"))).toEqual([other?.id]);
    });

    test("no timer is left once a claim is settled", async () => {
      const { mustClaim } = inboxOf(tasks);
      await complete(tasks);
      await soon((await mustClaim("idle")).release());
      await soon((await mustClaim("idle")).acknowledge());
      await soon(tasks.close());
      expect(await timersLeft()).toBe(0);
    });
  });

  describe("a claim that is neither acknowledged nor released", () => {
    test("rule 14: nobody else gets it for as long as it is held", async () => {
      const { claim, mustClaim } = inboxOf(tasks);
      const { id } = await complete(tasks);
      const claimed = await mustClaim("idle");
      await complete(tasks);
      for (let ms = 0; ms < HOLD_MS - 10_000; ms += 30_000) {
        expect(await claim("idle")).toBeUndefined();
        await pass(30_000);
      }
      expect(await soon(claimed.acknowledge())).toBe(true);
      expect(await followUpOf(tasks, id)).toMatchObject({ status: "delivered", attempts: 1 });
    });

    test("rule 14: it lapses a lease after holdMs at the latest, and comes again an attempt later", async () => {
      const { claim, mustClaim } = inboxOf(tasks, { holdMs: 60_000 });
      const { id } = await complete(tasks);
      const claimed = await mustClaim("idle");
      await pass(60_000 - 100);
      expect(await claim("idle")).toBeUndefined();
      await pass(LEASE_MS + 100);
      const again = await mustClaim("idle");
      expect(again.followUps).toMatchObject([{ id, attempt: 2 }]);
      expect(await soon(claimed.acknowledge())).toBe(false);
      expect(await soon(claimed.release())).toBe(false);
      expect(await followUpOf(tasks, id)).toMatchObject({ status: "claimed", attempts: 2 });
      expect(await soon(again.acknowledge())).toBe(true);
    });

    test("acknowledged after it has lapsed it answers false, though nobody else has it", async () => {
      const { mustClaim } = inboxOf(tasks, { holdMs: 0, leaseMs: 1_000 });
      const { id } = await complete(tasks);
      const claimed = await mustClaim("idle");
      await pass(1_100);
      expect(await soon(claimed.acknowledge())).toBe(false);
      expect((await mustClaim("idle")).followUps).toMatchObject([{ id, attempt: 2 }]);
    });

    test("rule 14: it is a dispatcher's then", async () => {
      const process = startedProcess({ store });
      const { mustClaim } = inboxOf(process.tasks, { holdMs: 0 });
      const { id } = await complete(process.tasks);
      await mustClaim("idle");
      await pass(LEASE_MS - 1_000);
      expect(process.host.turns).toEqual([]);
      await pass(3_000);
      expect(process.host.turns).toMatchObject([{ ids: [id], attempts: [2] }]);
    });

    test("rule 16: again and again, it ends as exhausted", async () => {
      const { claim } = inboxOf(tasks, { holdMs: 0, leaseMs: 1_000, maxAttempts: 5 });
      const { id } = await complete(tasks);
      const attempts: (number | undefined)[] = [];
      for (let n = 0; n < 7; n += 1) {
        attempts.push((await claim("idle"))?.followUps[0]?.attempt);
        await pass(1_100);
      }
      expect(attempts).toEqual([1, 2, 3, 4, 5, undefined, undefined]);
      expect(await followUpOf(tasks, id)).toMatchObject({ status: "dropped", reason: "exhausted" });
    });
  });

  describe("beside others", () => {
    test("what a dispatcher of another manager is delivering is not claimed, nor what completes meanwhile", async () => {
      const process = startedProcess({ store, host: hostOf(takesMs(3_000), takesMs(3_000)) });
      const { claim } = inboxOf(new BackgroundTaskManager({ store }));
      await complete(process.tasks);
      await pass(MOMENT_MS);
      await complete(process.tasks, { followUp: "interrupt" });
      expect(process.host.turns).toHaveLength(1);
      expect([await claim("idle"), await claim("turn")]).toEqual([undefined, undefined]);
      await pass(3_000);
      expect(process.host.turns).toHaveLength(2);
      expect([await claim("idle"), await claim("turn")]).toEqual([undefined, undefined]);
    });

    test("rule 14: of many who claim at once one gets it", async () => {
      await complete(tasks);
      const inboxes = Array.from({ length: 5 }, () => inboxOf(new BackgroundTaskManager({ store })).inbox);
      const claims = await soon(Promise.all(inboxes.map((inbox) => inbox.claim(ADA, { during: "idle" }))));
      expect(claims.filter((claimed) => claimed !== undefined)).toHaveLength(1);
    });

    test("rule 14: push and pull together never give the same follow-up to two turns", async () => {
      const host = hostOf(takesMs(40), takesMs(90), takesMs(10));
      const process = startedProcess({ store, host, dispatcher: { maxConsecutiveTurns: 999 } });
      const { inbox } = inboxOf(new BackgroundTaskManager({ store }));
      const pulled: string[] = [];
      const made: string[] = [];
      for (let n = 0; n < 60; n += 1) {
        made.push((await complete(process.tasks, { followUp: n % 3 === 0 ? "interrupt" : "when_idle" })).id);
        const during = n % 2 === 0 ? "turn" : "idle";
        if (n % 5 === 0) {
          const claimed = await soon(inbox.claim(ADA, { during }));
          await pass(n);
          if (n % 10 === 0 && claimed) pulled.push(...idsOf(claimed));
          if (claimed) await soon(n % 10 === 0 ? claimed.acknowledge() : claimed.release());
        }
        await pass(50);
      }
      await pass(10_000);
      const told = [...pulled, ...host.turns.flatMap(({ ids }) => ids)];
      expect(pulled.length).toBeGreaterThan(3);
      expect(sorted(told)).toEqual(sorted(made));
    });
  });
});
