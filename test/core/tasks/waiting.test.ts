import { describe, expect, test, vi } from "vitest";
import type { BackgroundTaskManager } from "../../../src/index.ts";
import { faultyStore, rejects } from "../../support/faulty-store.ts";
import { ADA, BOB, callOf, inFakeTime, managersOn, pass, soon, startAll } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

describe.each(STORES)("a task that waits in the queue on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  function heardOf(tasks: BackgroundTaskManager) {
    const heard = vi.fn();
    tasks.on("task.waiting", heard);
    return heard;
  }

  test.each([
    ["running", { running: 1 }],
    ["running_per_user", { runningPerUser: 1 }],
    ["running_per_session", { runningPerSession: 1 }],
  ])("is told of once after 2 s, each of them, with the limit %s", async (limit, limits) => {
    const tasks = managerOf({ limits });
    const heard = heardOf(tasks);
    const [, second, third] = await startAll(tasks, 3);
    await pass(1_950);
    expect(heard).not.toHaveBeenCalled();
    await pass(100);
    expect(heard.mock.calls).toEqual(
      [second, third].map((one) => [
        { scope: ADA, limit, task: expect.objectContaining({ id: one?.id, status: "queued" }) },
      ]),
    );
    await pass(10_000);
    expect(heard).toHaveBeenCalledTimes(2);
  });

  test("is told of where its own starter waits for it", async () => {
    const tasks = managerOf({ limits: { runningPerSession: 1 } });
    const heard = heardOf(tasks);
    const outer = await soon(
      tasks.start(callOf({ toolName: "outer" }), async () => {
        const inner = await tasks.start(callOf({ toolName: "inner" }), () => "pages");
        return tasks.wait(ADA, [inner.id]);
      }),
    );
    await pass(2_500);
    expect(await soon(tasks.get(ADA, outer.id))).toMatchObject({ status: "running" });
    expect(heard.mock.calls).toMatchObject([[{ task: { toolName: "inner" }, limit: "running_per_session" }]]);
  });

  test("is not told of once it runs, was cancelled, or its manager is closed", async () => {
    const tasks = managerOf({ limits: { runningPerSession: 1 } });
    const heard = heardOf(tasks);
    const [first, , third] = await startAll(tasks, 3);
    await soon(tasks.cancel(ADA, third?.id ?? ""));
    first?.gate.resolve("done");
    await startAll(tasks, 1, BOB);
    await pass(5_000);
    const others = managerOf({ limits: { running: 1 } });
    const heardOfOthers = heardOf(others);
    await startAll(others, 2);
    await soon(others.close({ drainMs: 0 }));
    await pass(5_000);
    expect([heard.mock.calls, heardOfOthers.mock.calls]).toEqual([[], []]);
  });

  test("is not told of while the store fails, but for what it is told when that is over", async () => {
    const store = faultyStore(makeStore());
    const tasks = managerOf({ store, limits: { runningPerUser: 1 } });
    const heard = heardOf(tasks);
    await startAll(tasks, 1);
    store.always("admit", rejects);
    await startAll(tasks, 1);
    await pass(3_000);
    expect(heard).not.toHaveBeenCalled();
    store.always("admit");
    await pass(3_000);
    expect(heard).toHaveBeenCalledTimes(1);
  });
});
