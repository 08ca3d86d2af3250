import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { observe } from "../../src/core/ledger/observe.ts";
import { roomsOf } from "../../src/core/manager.ts";
import { FollowUpInbox } from "../../src/follow-up/index.ts";
import { BackgroundTaskManager, memoryStore, type TaskStore } from "../../src/index.ts";
import {
  answersAfter,
  type Fault,
  faultyStore,
  losesAnswer,
  neverAnswers,
  rejects,
} from "../support/faulty-store.ts";
import {
  ADA,
  BOB,
  callOf,
  ended,
  logOf,
  obedient,
  pass,
  read,
  soon,
  watchRejections,
} from "../support/scene.ts";
import { STORES } from "../support/stores.ts";
import {
  allIds,
  complete,
  completeAll,
  countOf,
  fails,
  hostOf,
  idsOf,
  inboxOf,
  LEASE_MS,
  MOMENT_MS,
  processOf,
  sorted,
  startedProcess,
  takesMs,
  timersLeft,
} from "./support.ts";

const ADA_2 = { ...ADA, sessionId: "s2" };
const ALONE = { userId: "ada" };
const STORE_TIMEOUT_MS = 2_000;
const HOLD_MS = 600_000;

let rejections: ReturnType<typeof watchRejections>;
beforeEach(() => {
  vi.useFakeTimers();
  rejections = watchRejections();
});
afterEach(async () => {
  vi.useRealTimers();
  await new Promise((resolve) => setImmediate(resolve));
  rejections.stop();
  expect(rejections.seen).toEqual([]);
});

const followUpOf = async (tasks: BackgroundTaskManager, id: string) => (await read(tasks, id)).followUp;

describe.each(STORES)("pull, on $name", ({ makeStore }) => {
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
      await soon(observe(roomsOf(tasks), ADA, id));
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
      await soon(observe(roomsOf(tasks), ADA, one?.id ?? ""));
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
    test("what a dispatcher is delivering is not claimed, nor what completes meanwhile", async () => {
      const process = startedProcess({ store, host: hostOf(takesMs(3_000), takesMs(3_000)) });
      const { claim } = inboxOf(process.tasks);
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
      const { inbox } = inboxOf(process.tasks);
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

  describe("a store that fails", () => {
    const FAULTS: [string, Fault][] = [
      ["rejects", rejects],
      ["does not answer", neverAnswers],
      ["answers too late", answersAfter(STORE_TIMEOUT_MS + 500)],
      ["loses its answer", losesAnswer],
    ];

    test.each(FAULTS)("rule 14: to claim, and %s: claim says so, and nothing is lost", async (how, fault) => {
      const faulty = faultyStore(store);
      const { inbox, mustClaim } = inboxOf(new BackgroundTaskManager({ store: faulty }));
      const { id } = await complete(tasks);
      faulty.next("claim", fault);
      const refused = soon(inbox.claim(ADA, { during: "idle" }), 3_000);
      await expect(refused).rejects.toMatchObject({ code: "store_failed" });
      await pass(how === "loses its answer" ? LEASE_MS : 1_000);
      const attempt = how === "loses its answer" ? 2 : 1;
      expect((await mustClaim("idle")).followUps).toMatchObject([{ id, attempt }]);
    });

    test.each(FAULTS)(
      "rule 14: to acknowledge, and %s: it is asked until it answers the truth",
      async (_, fault) => {
        const faulty = faultyStore(store);
        const { tasks: heard, events } = processOf({ store: faulty });
        const { mustClaim } = inboxOf(heard);
        const { id } = await complete(heard);
        const claimed = await mustClaim("idle");
        faulty.next("settle", fault, fault);
        expect(await soon(claimed.acknowledge(), 20_000)).toBe(true);
        expect(await followUpOf(heard, id)).toMatchObject({ status: "delivered", attempts: 1 });
        expect(events).toMatchObject([{ type: "follow_up.delivered", taskIds: [id] }]);
      },
    );

    test("rule 14: to acknowledge in time: false, for others may have it now", async () => {
      const faulty = faultyStore(store);
      const { mustClaim } = inboxOf(new BackgroundTaskManager({ store: faulty }), { leaseMs: 1_000 });
      await complete(tasks);
      const claimed = await mustClaim("idle");
      faulty.always("prolong", rejects);
      faulty.next("settle", ...Array(6).fill(rejects));
      expect(await soon(claimed.acknowledge(), 20_000)).toBe(false);
    });

    test("closing the manager ends the waiting for it", async () => {
      const faulty = faultyStore(store);
      const heard = new BackgroundTaskManager({ store: faulty });
      const { mustClaim } = inboxOf(heard);
      await complete(heard);
      const claimed = await mustClaim("idle");
      faulty.always("settle", rejects);
      const answer = claimed.acknowledge();
      answer.catch(() => undefined);
      await pass(1_000);
      await soon(heard.close(), 10_000);
      await expect(soon(answer)).rejects.toMatchObject({ code: "closed" });
      expect(await timersLeft()).toBe(0);
    });

    test("rule 7: to do anything from the claim on: claim says so at once, and gives it back when it can", async () => {
      const faulty = faultyStore(store);
      const { inbox, mustClaim } = inboxOf(new BackgroundTaskManager({ store: faulty }));
      const { id } = await complete(tasks);
      faulty.always("result", rejects);
      faulty.always("settle", rejects);
      const refused = soon(inbox.claim(ADA, { during: "turn" }).catch((error) => error));
      expect(await refused).toBeUndefined();
      const idle = soon(inbox.claim(ADA, { during: "idle" }));
      await expect(idle).rejects.toMatchObject({ code: "store_failed" });
      faulty.always("result");
      faulty.always("settle");
      await pass(60_000);
      expect((await mustClaim("idle")).followUps).toMatchObject([{ id, attempt: 1 }]);
    });

    test("to read the result: claim says so, gives it back, and no attempt is spent", async () => {
      const faulty = faultyStore(store);
      const { inbox, mustClaim } = inboxOf(new BackgroundTaskManager({ store: faulty }));
      const { id } = await complete(tasks);
      faulty.always("result", rejects);
      for (let n = 0; n < 7; n += 1) {
        const refused = soon(inbox.claim(ADA, { during: "idle" }));
        await expect(refused).rejects.toMatchObject({ code: "store_failed" });
        await pass(100);
      }
      expect(await followUpOf(tasks, id)).toMatchObject({ status: "pending", attempts: 0 });
      faulty.always("result");
      expect((await mustClaim("idle")).followUps).toMatchObject([{ id, attempt: 1 }]);
    });

    test("to read one of two results: the other is claimed, and the first comes later", async () => {
      const faulty = faultyStore(store);
      const { mustClaim } = inboxOf(new BackgroundTaskManager({ store: faulty }));
      const two = await completeAll(tasks, [{}, {}]);
      faulty.next("result", rejects);
      const first = await mustClaim("idle");
      expect(first.followUps).toHaveLength(1);
      await soon(first.acknowledge());
      const second = await mustClaim("idle");
      expect(sorted([...idsOf(first), ...idsOf(second)])).toEqual(sorted(allIds(two)));
    });

    test("to prolong for a while: the claim is held all the same", async () => {
      const faulty = faultyStore(store);
      const { mustClaim } = inboxOf(new BackgroundTaskManager({ store: faulty }));
      const { id } = await complete(tasks);
      const claimed = await mustClaim("idle");
      faulty.next("prolong", rejects, neverAnswers);
      await pass(3 * LEASE_MS);
      expect(countOf(faulty, "prolong")).toBeGreaterThan(5);
      expect(await soon(claimed.acknowledge())).toBe(true);
      expect(await followUpOf(tasks, id)).toMatchObject({ status: "delivered", attempts: 1 });
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

describe("what it is given", () => {
  const tasks = new BackgroundTaskManager();

  test.each<[option: string, value: unknown, shown: string]>([
    ["tasks", undefined, "undefined"],
    ["tasks", { list: () => [] }, "an object"],
    ["message", 5, "5"],
    ["maxAttempts", 0, "0"],
    ["maxAttempts", Number.NaN, "NaN"],
    ["leaseMs", 99, "99"],
    ["leaseMs", "1000", '"1000"'],
    ["leaseMs", Number.POSITIVE_INFINITY, "Infinity"],
    ["holdMs", -1, "-1"],
    ["holdMs", "10", '"10"'],
    ["maxResultChars", -1, "-1"],
    ["maxMessageChars", Number.NaN, "NaN"],
  ])("an unusable %s is refused, by name and value: %s", (option, value, shown) => {
    const make = () => new FollowUpInbox({ tasks, [option]: value });
    expect(make).toThrow(expect.objectContaining({ code: "invalid_option" }));
    expect(make).toThrow(new RegExp(`^${option} must be `));
    expect(make).toThrow(`; got ${shown}.`);
  });

  test.each(["hold", "deliver", "coalesceMs", "concurrency"])(
    "an option that there is not is refused: %s",
    (name) => {
      expect(() => new FollowUpInbox({ tasks, [name]: 1 })).toThrow(
        expect.objectContaining({
          code: "invalid_option",
          message: expect.stringMatching(new RegExp(`^${name} is not an option; there are .*holdMs`)),
        }),
      );
    },
  );

  test("what is undefined has its default", () => {
    const none = { holdMs: undefined, leaseMs: undefined, maxAttempts: undefined, message: undefined };
    expect(new FollowUpInbox({ tasks, ...none })).toBeInstanceOf(FollowUpInbox);
    expect(new FollowUpInbox({ tasks, holdMs: Infinity, maxAttempts: Infinity })).toBeInstanceOf(
      FollowUpInbox,
    );
  });

  test.each([undefined, null, {}, { during: "now" }, { during: "toString" }])(
    "a moment that is none is named: %j",
    async (options) => {
      const { inbox } = inboxOf(tasks);
      await expect(soon(inbox.claim(ADA, options as never))).rejects.toMatchObject({
        code: "invalid_input",
        message: expect.stringMatching(/^during must be "turn" or "idle"; got /),
      });
    },
  );

  test.each<[scope: unknown, field: string]>([
    [undefined, "scope"],
    [{}, "scope.userId"],
    [{ userId: "ada", sessionId: "" }, "scope.sessionId"],
    [{ userId: "ada", agentId: 3 }, "scope.agentId"],
  ])("what is wrong with a scope is named: %j", async (scope, field) => {
    const { inbox } = inboxOf(tasks);
    await expect(soon(inbox.claim(scope as never, { during: "idle" }))).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringMatching(new RegExp(`^${field} must be `)),
    });
  });
});
