import { beforeEach, describe, expect, test } from "vitest";
import { markObserved } from "../../../src/core/ledger/mark-observed.ts";
import { partsOf } from "../../../src/core/manager.ts";
import { BackgroundTaskManager, memoryStore, type TaskStore } from "../../../src/index.ts";
import { ADA, BOB, callOf, ended, inFakeTime, obedient, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { fails, hostOf } from "../hosts.ts";
import {
  ADA_2,
  allIds,
  complete,
  completeAll,
  followUpOf,
  idsOf,
  inboxOf,
  sorted,
  startedProcess,
} from "../processes.ts";

inFakeTime();

const ALONE = { userId: "ada" };

describe.each(STORES)("claiming, on $name", ({ makeStore }) => {
  let store: TaskStore;
  let tasks: BackgroundTaskManager;
  beforeEach(() => {
    store = makeStore();
    tasks = new BackgroundTaskManager({ store });
  });

  describe("before a turn begins", () => {
    test("rule 14: a claim takes everything that waits: woken for, interrupting and silent", async () => {
      const { claim } = inboxOf(tasks);
      const all = await completeAll(tasks, [{}, { followUp: "interrupt" }, { followUp: "silent" }]);
      expect(sorted(idsOf(await claim("idle")))).toEqual(sorted(allIds(all)));
    });

    test("what has just completed is taken at once", async () => {
      const { mustClaim } = inboxOf(tasks);
      const { id } = await complete(tasks);
      expect(idsOf(await mustClaim("idle"))).toEqual([id]);
    });

    test("silent ones alone are taken too: here comes the turn that they have waited for", async () => {
      const { mustClaim } = inboxOf(tasks);
      const { id } = await complete(tasks, { followUp: "silent" });
      expect(idsOf(await mustClaim("idle"))).toEqual([id]);
    });

    test("rule 15: so is what the user has cancelled", async () => {
      const { claim, mustClaim } = inboxOf(tasks);
      const { id } = await soon(tasks.start(callOf(), obedient));
      await pass(10);
      await soon(tasks.cancel(ADA, id, { by: "user" }));
      await ended(tasks, id);
      expect(await claim("turn")).toBeUndefined();
      expect((await mustClaim("idle")).followUps).toMatchObject([
        { id, result: { status: "cancelled", by: "user" } },
      ]);
    });

    test("so is what a dispatcher has put off: a delay concerns whom nobody has asked", async () => {
      const process = startedProcess({ store, host: hostOf(fails), dispatcher: { retryMs: 60_000 } });
      const { mustClaim } = inboxOf(process.tasks);
      const { id } = await complete(process.tasks);
      await pass(1_000);
      expect((await mustClaim("idle")).followUps).toMatchObject([{ id, attempt: 2 }]);
    });

    test("so is what the loop guard holds back, and it counts no automatic turn", async () => {
      const process = startedProcess({ store, dispatcher: { maxConsecutiveTurns: 2 } });
      const { mustClaim } = inboxOf(process.tasks);
      await complete(process.tasks);
      await pass(1_000);
      const pulled = await complete(process.tasks);
      await soon((await mustClaim("idle")).acknowledge());
      const second = await complete(process.tasks);
      await pass(1_000);
      const held = await complete(process.tasks);
      await pass(10_000);
      expect(process.host.turns.map(({ ids }) => ids).at(1)).toEqual([second.id]);
      expect(process.host.turns).toHaveLength(2);
      expect(await followUpOf(process.tasks, pulled.id)).toMatchObject({ status: "delivered" });
      expect(idsOf(await mustClaim("idle"))).toEqual([held.id]);
    });

    test("nothing that waits is nothing to claim", async () => {
      const { claim } = inboxOf(tasks);
      expect(await claim("idle")).toBeUndefined();
      await complete(tasks, { scope: ADA_2 });
      expect(await claim("idle")).toBeUndefined();
    });

    test("rule 15: what the model has observed is not claimed", async () => {
      const { claim } = inboxOf(tasks);
      const { id } = await complete(tasks);
      await soon(markObserved(partsOf(tasks), ADA, id));
      expect(await claim("idle")).toBeUndefined();
    });
  });

  describe("during a turn", () => {
    test("only an interrupt is a reason to claim, and then everything comes along", async () => {
      const { claim, mustClaim } = inboxOf(tasks);
      const two = await completeAll(tasks, [{}, { followUp: "silent" }]);
      expect(await claim("turn")).toBeUndefined();
      const interrupt = await complete(tasks, { followUp: "interrupt" });
      const claimed = await mustClaim("turn");
      expect(sorted(idsOf(claimed))).toEqual(sorted([...allIds(two), interrupt.id]));
    });

    test("an interrupt of another session is none", async () => {
      const { claim } = inboxOf(tasks);
      await complete(tasks);
      await complete(tasks, { scope: ADA_2, followUp: "interrupt" });
      expect(await claim("turn")).toBeUndefined();
      expect(await claim("turn", ADA_2)).toBeDefined();
    });

    test("rule 16: an interrupt that a busy session has put off reaches the running turn", async () => {
      const process = startedProcess({ store, host: hostOf(() => "busy") });
      const { mustClaim } = inboxOf(process.tasks);
      const { id } = await complete(process.tasks, { followUp: "interrupt" });
      await pass(500);
      expect((await mustClaim("turn")).followUps).toMatchObject([{ id, attempt: 1 }]);
    });
  });

  describe("whose they are", () => {
    test("a claim of one session never sees another's, nor another user's", async () => {
      const { claim } = inboxOf(tasks);
      const wanted = [ADA, ADA_2, BOB, ALONE];
      const made = await completeAll(
        tasks,
        wanted.map((scope) => ({ scope })),
      );
      for (const [index, scope] of wanted.entries()) {
        const claimed = await claim("idle", scope);
        expect(idsOf(claimed)).toEqual([made[index]?.id]);
        expect(claimed?.scope).toEqual(scope);
      }
      expect(await claim("idle", { userId: "bob" })).toBeUndefined();
      expect(await claim("idle", { userId: "grace", sessionId: "s1" })).toBeUndefined();
    });

    test("without a sessionId only tasks without one are claimed", async () => {
      const { claim } = inboxOf(tasks);
      await completeAll(tasks, [{ scope: ADA }, { scope: ADA_2 }]);
      expect(await claim("idle", ALONE)).toBeUndefined();
      const { id } = await complete(tasks, { scope: ALONE });
      expect(idsOf(await claim("idle", ALONE))).toEqual([id]);
    });

    test("an agentId is a label, and no boundary", async () => {
      const { claim } = inboxOf(tasks);
      const { id } = await complete(tasks, { scope: { ...ADA, agentId: "one" } });
      expect(idsOf(await claim("idle", { ...ADA, agentId: "other" }))).toEqual([id]);
    });
  });

  describe("what a claim holds", () => {
    test("the scope, each task as it ended with its metadata, and all of them as one message", async () => {
      const { mustClaim } = inboxOf(tasks);
      const metadata = { workspace: "/home/ada" };
      const { id } = await complete(tasks, { value: "three cats", metadata });
      const claimed = await mustClaim("idle");
      expect(claimed.scope).toEqual({ userId: "ada", sessionId: "s1" });
      expect(claimed.followUps).toMatchObject([
        { id, attempt: 1, task: { id, status: "completed", metadata }, result: { value: "three cats" } },
      ]);
      expect(claimed.message.text).toContain("three cats");
      expect(claimed.message.marker).toMatchObject({ type: "tool-offload.follow-up", tasks: [{ id }] });
    });

    test("rule 17: the message can be had for some of them", async () => {
      const { mustClaim } = inboxOf(tasks);
      const [, dogs] = await completeAll(tasks, [{ value: "mice" }, { value: "dogs" }]);
      const { followUps, messageFor } = await mustClaim("idle");
      const { text, marker } = messageFor(followUps.filter(({ id }) => id === dogs?.id));
      expect([text.includes("dogs"), text.includes("mice")]).toEqual([true, false]);
      expect(marker.tasks).toMatchObject([{ id: dogs?.id }]);
    });

    test("what a host does with the list harms no follow-up", async () => {
      const { mustClaim } = inboxOf(tasks);
      const { id } = await complete(tasks);
      const claimed = await mustClaim("idle");
      (claimed.followUps as unknown[]).splice(0);
      expect(await soon(claimed.acknowledge())).toBe(true);
      expect(await followUpOf(tasks, id)).toMatchObject({ status: "delivered" });
    });
  });
});

describe("the message of a claim", () => {
  test("rule 17: it may be the host's own, and where that is none the built-in one goes out", async () => {
    const tasks = new BackgroundTaskManager({ store: memoryStore() });
    const own = inboxOf(tasks, { message: (followUps) => `${followUps.length} results` });
    const broken = inboxOf(tasks, {
      message: () => {
        throw new Error("no");
      },
    });
    const { id } = await complete(tasks, { value: "three cats" });
    const first = await own.mustClaim("idle");
    expect(first.message).toMatchObject({ text: "1 results", marker: { tasks: [{ id }] } });
    await soon(first.release());
    const second = await broken.mustClaim("idle");
    expect(second.message.text).toContain("three cats");
    expect(second.message.marker).toMatchObject({ tasks: [{ id }] });
  });
});
