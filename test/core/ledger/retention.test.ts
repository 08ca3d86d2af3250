import { describe, expect, test, vi } from "vitest";
import { type BackgroundTaskManager, memoryStore } from "../../../src/index.ts";
import { faultyStore } from "../../support/faulty-store.ts";
import {
  ADA,
  BOB,
  callOf,
  ended,
  inFakeTime,
  logOf,
  managersOn,
  pass,
  read,
  sceneOf,
  soon,
  startAll,
  stubborn,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

/** Milliseconds after which a few tasks that have ended are swept. */
const SWEPT_MS = 600;

describe.each(STORES)("retention on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  async function finishAll(tasks: BackgroundTaskManager, count: number, scope = ADA) {
    const ids: string[] = [];
    for (let input = 0; input < count; input += 1) {
      const { id } = await soon(tasks.start(callOf({ scope, input }), async () => input));
      await ended(tasks, id, { scope });
      await pass(1);
      ids.push(id);
    }
    await pass(SWEPT_MS);
    return ids;
  }
  const idsOf = async (tasks: BackgroundTaskManager, scope = ADA) =>
    (await soon(tasks.list(scope, { limit: 500 }))).tasks.map(({ id }) => id);

  test("rule 10: finished tasks are kept per user, newest by completion, and never push out another's", async () => {
    const tasks = managerOf({ followUps: false, retention: { finishedPerUser: 3 } });
    const bobs = await finishAll(tasks, 2, BOB);
    const mine = await finishAll(tasks, 6);
    expect(await idsOf(tasks)).toEqual(mine.slice(-3).reverse());
    expect((await idsOf(tasks, BOB)).sort()).toEqual(bobs.sort());
  });

  test("rule 10: a running task is never evicted, and a long one not as it finishes", async () => {
    const tasks = managerOf({ followUps: false, retention: { finishedPerUser: 2 } });
    const [long] = await startAll(tasks, 1);
    const { id } = long ?? { id: "" };
    const others = await finishAll(tasks, 4);
    expect(await idsOf(tasks)).toContain(id);
    long?.gate.resolve("done");
    await ended(tasks, id);
    await pass(SWEPT_MS);
    expect((await idsOf(tasks)).sort()).toEqual([id, others[3]].sort());
  });

  test("rule 10: finished tasks go after finishedTtlMs, also when nothing else happens", async () => {
    const tasks = managerOf({ followUps: false, retention: { finishedTtlMs: 100_000 } });
    await finishAll(tasks, 2);
    await pass(90_000);
    expect(await idsOf(tasks)).toHaveLength(2);
    await pass(90_000);
    expect(await idsOf(tasks)).toEqual([]);
  });

  test("rule 10: one whose follow-up is outstanding is kept beside the count", async () => {
    const tasks = managerOf({ retention: { finishedPerUser: 0 } });
    await finishAll(tasks, 3);
    expect(await idsOf(tasks)).toHaveLength(3);
  });

  test("rule 10: above followUpsPerUser the oldest is dropped as expired, with an event", async () => {
    const tasks = managerOf({ retention: { followUpsPerUser: 2 } });
    const dropped = vi.fn();
    tasks.on("follow_up.dropped", dropped);
    const [first = ""] = await finishAll(tasks, 3);
    expect(await read(tasks, first)).toMatchObject({ followUp: { status: "dropped", reason: "expired" } });
    expect((await logOf(tasks, first)).at(-1)).toMatchObject({
      type: "follow_up.dropped",
      reason: "expired",
    });
    expect(dropped).toHaveBeenCalledOnce();
    expect(dropped.mock.calls[0]?.[0]).toMatchObject({ task: { id: first }, event: { reason: "expired" } });
  });

  test("rule 10: after followUpTtlMs it is dropped as expired", async () => {
    const tasks = managerOf({ retention: { followUpTtlMs: 200_000 } });
    const [id = ""] = await finishAll(tasks, 1);
    await pass(150_000);
    expect(await read(tasks, id)).toMatchObject({ followUp: { status: "pending" } });
    await pass(150_000);
    expect(await read(tasks, id)).toMatchObject({ followUp: { status: "dropped", reason: "expired" } });
  });
});

test("rule 10: tasks that are cancelled before they start are retained no longer than others", async () => {
  const { tasks } = sceneOf({ limits: { running: 1 }, retention: { finishedPerUser: 5 }, followUps: false });
  await soon(tasks.start(callOf(), stubborn));
  for (let i = 0; i < 20; i += 1) {
    const { id } = await soon(tasks.start(callOf({ input: i }), stubborn));
    await soon(tasks.cancel(ADA, id));
  }
  await pass(SWEPT_MS);
  const page = await soon(tasks.list(ADA, { status: "cancelled" }));
  expect(page.tasks).toHaveLength(5);
});

test("many that end are swept at once, a few together a moment later", async () => {
  const store = faultyStore(memoryStore());
  const { tasks } = sceneOf({ store, followUps: false, limits: { queuedPerUser: 1_000 } });
  const sweeps = () => store.asked.filter(({ operation }) => operation === "sweep").length;
  const end = async (count: number) => {
    const all = Array.from({ length: count }, (_, input) =>
      tasks.start(callOf({ input }), async () => input),
    );
    await tasks.wait(
      ADA,
      (await soon(Promise.all(all))).map(({ id }) => id),
    );
  };
  await soon(end(99));
  expect(sweeps()).toBe(0);
  await soon(end(1));
  expect(sweeps()).toBe(1);
  await soon(end(3));
  expect(sweeps()).toBe(1);
  await pass(SWEPT_MS);
  expect(sweeps()).toBe(2);
});
