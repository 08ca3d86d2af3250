import { describe, expect, test, vi } from "vitest";
import {
  ADA,
  callOf,
  inFakeTime,
  isPending,
  managersOn,
  pass,
  soon,
  startAll,
  stubborn,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

describe.each(STORES)("wait on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  test("all: in the order of ids, once every one has finished", async () => {
    const tasks = managerOf();
    const [one, two] = await startAll(tasks, 2);
    const waiting = tasks.wait(ADA, [two?.id ?? "", one?.id ?? "", "missing"]);
    one?.gate.resolve("one");
    await pass(100);
    expect(await isPending(waiting)).toBe(true);
    two?.gate.reject(new Error("two"));
    expect(await soon(waiting)).toMatchObject([
      { id: two?.id, status: "failed" },
      { id: one?.id, status: "completed" },
      undefined,
    ]);
  });

  test("any: once one has finished, with the others as they stand", async () => {
    const tasks = managerOf();
    const [one, two] = await startAll(tasks, 2);
    const waiting = tasks.wait(ADA, [one?.id ?? "", two?.id ?? ""], { mode: "any" });
    await pass(100);
    expect(await isPending(waiting)).toBe(true);
    two?.gate.resolve("two");
    expect(await soon(waiting)).toMatchObject([{ status: "running" }, { status: "completed" }]);
  });

  test("what it answers at its timeout is as new as what get answers", async () => {
    const tasks = managerOf();
    const { id } = await soon(
      tasks.start(callOf(), async (_, { report }) => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        report({ value: 7 });
        return stubborn();
      }),
    );
    const waiting = tasks.wait(ADA, [id], { timeoutMs: 500 });
    await pass(550);
    expect(await soon(waiting)).toMatchObject([{ progress: { value: 7 } }]);
  });

  test("timeoutMs resolves with things as they stand", async () => {
    const tasks = managerOf();
    const [one] = await startAll(tasks, 1);
    const waiting = tasks.wait(ADA, [one?.id ?? ""], { timeoutMs: 500 });
    await pass(490);
    expect(await isPending(waiting)).toBe(true);
    expect(await soon(waiting)).toMatchObject([{ status: "running" }]);
    expect(await soon(tasks.wait(ADA, [one?.id ?? ""], { timeoutMs: 0 }))).toMatchObject([
      { status: "running" },
    ]);
  });

  test("its manager's close ends it with things as they stand, and who comes later waits no more", async () => {
    const store = makeStore();
    const [here, there] = [managerOf({ store }), managerOf({ store })];
    const [task] = await startAll(there, 1);
    const ids = [task?.id ?? ""];
    const waiting = here.wait(ADA, ids);
    await pass(10);
    await soon(here.close());
    expect(await soon(waiting, 100)).toMatchObject([{ status: "running" }]);
    expect(await soon(here.wait(ADA, ids), 100)).toMatchObject([{ status: "running" }]);
    task?.gate.resolve("done");
  });

  test("signal rejects with its reason and leaves nothing behind", async () => {
    const tasks = managerOf();
    const [one] = await startAll(tasks, 1);
    await pass(10);
    const timers = vi.getTimerCount();
    const stop = new AbortController();
    const waiting = tasks.wait(ADA, [one?.id ?? ""], { signal: stop.signal, timeoutMs: 60_000 });
    waiting.catch(() => undefined);
    await pass(50);
    stop.abort("stop");
    await expect(waiting).rejects.toBe("stop");
    await pass(10);
    expect(vi.getTimerCount()).toBe(timers);
    await expect(tasks.wait(ADA, ["x"], { signal: stop.signal })).rejects.toBe("stop");
  });

  test("no ids are no wait; bad options are refused", async () => {
    const tasks = managerOf();
    expect(await tasks.wait(ADA, [])).toEqual([]);
    expect(await tasks.wait(ADA, [], { mode: "any" })).toEqual([]);
    for (const options of [{ timeoutMs: -1 }, { timeoutMs: Number.NaN }, { mode: "some" as "any" }]) {
      await expect(tasks.wait(ADA, ["x"], options)).rejects.toMatchObject({ code: "invalid_input" });
    }
    await expect(tasks.wait(ADA, ["x", { id: "y" }] as never)).rejects.toThrow(
      "ids[1] must be the id of a task",
    );
  });
});
