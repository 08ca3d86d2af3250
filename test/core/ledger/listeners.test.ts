import { describe, expect, test, vi } from "vitest";
import { callOf, ended, gate, inFakeTime, managersOn, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

describe.each(STORES)("on, once and off on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  test("listeners hear each event once, with its scope, task and event", async () => {
    const tasks = managerOf();
    const heard: string[] = [];
    tasks.on("task.queued", ({ event }) => heard.push(`${event.seq} queued`));
    tasks.on("task.started", ({ task }) => heard.push(task.status));
    tasks.on("task.completed", ({ scope, task, event }) => {
      heard.push(`${scope.userId} ${scope.sessionId} ${task.status} ${event.seq}`);
    });
    const { id } = await soon(tasks.start(callOf(), async () => "done"));
    await ended(tasks, id);
    await pass(10);
    expect(heard).toEqual(["1 queued", "running", "ada s1 completed 3"]);
  });

  test("the result is there before anyone is told of it", async () => {
    const tasks = managerOf();
    const told = gate<unknown>();
    tasks.on("task.completed", async ({ scope, task }) => told.resolve(await tasks.result(scope, task.id)));
    await soon(tasks.start(callOf(), async () => "done"));
    expect(await soon(told.promise)).toMatchObject({ value: "done" });
  });

  test("a listener that throws, now or later, harms nobody", async () => {
    const tasks = managerOf();
    const other = vi.fn();
    tasks.on("task.completed", () => {
      throw new Error("now");
    });
    tasks.on("task.completed", (async () => {
      throw new Error("later");
    }) as () => void);
    tasks.on("task.completed", other);
    const { id } = await soon(tasks.start(callOf(), async () => "done"));
    expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
    expect(other).toHaveBeenCalledOnce();
  });

  test("once hears one, off hears no more", async () => {
    const tasks = managerOf();
    const [once, off, on] = [vi.fn(), vi.fn(), vi.fn()];
    tasks.once("task.completed", once).on("task.completed", off).on("task.completed", on);
    tasks.off("task.completed", off);
    for (const input of [1, 2]) {
      const { id } = await soon(tasks.start(callOf({ input }), async () => "done"));
      await ended(tasks, id);
    }
    expect([once, off, on].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 2]);
  });
});
