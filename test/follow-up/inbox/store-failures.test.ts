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
import { ADA, inFakeTime, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import {
  allIds,
  complete,
  completeAll,
  countOf,
  followUpOf,
  idsOf,
  inboxOf,
  LEASE_MS,
  processOf,
  STORE_TIMEOUT_MS,
  sorted,
  timersLeft,
} from "../processes.ts";

inFakeTime();

describe.each(STORES)("a store that fails, on $name", ({ makeStore }) => {
  let store: TaskStore;
  let tasks: BackgroundTaskManager;
  beforeEach(() => {
    store = makeStore();
    tasks = new BackgroundTaskManager({ store });
  });

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
