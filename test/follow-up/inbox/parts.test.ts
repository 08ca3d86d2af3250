import { beforeEach, describe, expect, test } from "vitest";
import { BackgroundTaskManager, type TaskStore } from "../../../src/index.ts";
import { inFakeTime, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { complete, completeAll, followUpOf, idsOf, inboxOf, LEASE_MS, timersLeft } from "../processes.ts";

inFakeTime();

describe.each(STORES)("a claim in parts, on $name", ({ makeStore }) => {
  let store: TaskStore;
  let tasks: BackgroundTaskManager;
  beforeEach(() => {
    store = makeStore();
    tasks = new BackgroundTaskManager({ store });
  });
  const statusOf = async (id = "") => (await followUpOf(tasks, id)).status;

  test("some are acknowledged and others released, and the session is free when none is left", async () => {
    const { claim, mustClaim } = inboxOf(tasks);
    await completeAll(tasks, [{}, {}, {}]);
    const claimed = await mustClaim("idle");
    const [one, two, three] = claimed.followUps;
    expect(await soon(claimed.acknowledge(claimed.followUps.slice(0, 1)))).toBe(true);
    expect(await soon(claimed.acknowledge(claimed.followUps.slice(0, 1)))).toBe(false);
    expect(await soon(claimed.release(claimed.followUps.slice(1, 2)))).toBe(true);
    expect([await statusOf(one?.id), await statusOf(two?.id), await statusOf(three?.id)]).toEqual([
      "delivered",
      "pending",
      "claimed",
    ]);
    expect(await claim("idle")).toBeUndefined();
    expect(await soon(claimed.acknowledge())).toBe(true);
    expect(await statusOf(three?.id)).toBe("delivered");
    expect(await soon(claimed.release())).toBe(false);
    expect((await mustClaim("idle")).followUps).toMatchObject([{ id: two?.id, attempt: 2 }]);
  });

  test("parts that are settled at once are all settled, and no timer is left", async () => {
    const { mustClaim } = inboxOf(tasks);
    await completeAll(tasks, [{}, {}]);
    const claimed = await mustClaim("idle");
    const parts = claimed.followUps.map((followUp) => claimed.acknowledge([followUp]));
    await soon(Promise.all(parts));
    for (const { id } of claimed.followUps) expect(await statusOf(id)).toBe("delivered");
    await soon(tasks.close());
    expect(await timersLeft()).toBe(0);
  });

  test("what has come since is taken in beside, if it may interrupt, and is settled with it", async () => {
    const { mustClaim } = inboxOf(tasks);
    const first = await complete(tasks);
    const claimed = await mustClaim("idle");
    const quiet = await complete(tasks);
    expect(await soon(claimed.interrupts())).toBeUndefined();
    const urgent = await complete(tasks, { followUp: "interrupt" });
    const news = await soon(claimed.interrupts());
    expect(news?.followUps.map(({ id }) => id).sort()).toEqual([quiet.id, urgent.id].sort());
    expect(news?.message.marker.tasks).toHaveLength(2);
    expect(idsOf(claimed)).toEqual([first.id]);
    expect(await soon(claimed.acknowledge())).toBe(true);
    for (const { id } of [first, quiet, urgent]) expect(await statusOf(id)).toBe("delivered");
  });

  test("nothing comes into one that is settled, or has lapsed", async () => {
    const { mustClaim } = inboxOf(tasks, { holdMs: 0, leaseMs: 1_000 });
    await complete(tasks);
    const settled = await mustClaim("idle");
    await soon(settled.acknowledge());
    await complete(tasks, { followUp: "interrupt" });
    expect(await soon(settled.interrupts())).toBeUndefined();
    const lapsed = await mustClaim("turn");
    await pass(LEASE_MS);
    await complete(tasks, { followUp: "interrupt" });
    expect(await soon(lapsed.interrupts())).toBeUndefined();
    expect((await mustClaim("turn")).followUps).toHaveLength(2);
  });
});
