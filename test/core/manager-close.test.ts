import { describe, expect, test, vi } from "vitest";
import {
  ADA,
  BOB,
  callOf,
  ended,
  inFakeTime,
  isPending,
  managersOn,
  offloaded,
  pass,
  read,
  sceneOf,
  soon,
  startAll,
  stubborn,
} from "../support/scene.ts";
import { STORES } from "../support/stores.ts";
import { allowWarnings } from "../support/warnings.ts";

inFakeTime();

describe.each(STORES)("stats and close on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  test("stats tell what this process does", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore(), limits: { running: 2 } });
    await startAll(tasks, 3);
    void offload.run(callOf(), stubborn).catch(() => undefined);
    await pass(10);
    expect(await tasks.stats()).toEqual({ running: 2, queued: 1, foreground: 1, accepting: true });
    await soon(tasks.close({ drainMs: 0 }), 5_000);
    expect(await tasks.stats()).toEqual({ running: 0, queued: 0, foreground: 0, accepting: false });
  });

  test("close stops accepting, drains, and then ends what is left as failed / shutdown", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore() });
    const [quick, never] = await startAll(tasks, 2);
    await pass(10);
    const closing = tasks.close({ drainMs: 1_000 });
    for (const refused of [
      tasks.start(callOf(), stubborn),
      offload.run(callOf(), stubborn),
      tasks.adopt(callOf(), { promise: stubborn(), abort: vi.fn(), startedAt: Date.now() }),
    ]) {
      await expect(refused).rejects.toMatchObject({ code: "closed" });
    }
    await pass(500);
    quick?.gate.resolve("done");
    await pass(400);
    expect(await isPending(closing)).toBe(true);
    await soon(closing, 5_000);
    expect(await read(tasks, quick?.id ?? "")).toMatchObject({ status: "completed" });
    expect(await read(tasks, never?.id ?? "")).toMatchObject({
      status: "failed",
      error: { code: "shutdown" },
    });
  });

  test("close ends as soon as nothing is going on", async () => {
    const tasks = managerOf();
    const [task] = await startAll(tasks, 1);
    await pass(10);
    const closing = tasks.close({ drainMs: 60_000 });
    await pass(100);
    task?.gate.resolve("done");
    await pass(50);
    expect(await isPending(closing)).toBe(false);
  });

  test("queued tasks run while it drains, and end as failed / shutdown after", async () => {
    const tasks = managerOf({ limits: { running: 1 } });
    const [first, second, third] = await startAll(tasks, 3);
    await pass(10);
    const closing = tasks.close({ drainMs: 500 });
    first?.gate.resolve("done");
    await pass(100);
    second?.gate.resolve("done");
    await soon(closing, 5_000);
    const statuses = [];
    for (const task of [first, second, third]) statuses.push((await read(tasks, task?.id ?? "")).status);
    expect(statuses).toEqual(["completed", "completed", "failed"]);
  });

  test("a call in the foreground rejects with code closed, and its tool is told to stop", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore() }, { timeoutMs: 60_000 });
    const aborted = vi.fn();
    const outcome = offload.run(callOf(), (_, { signal }) => {
      signal.addEventListener("abort", aborted);
      return stubborn();
    });
    outcome.catch(() => undefined);
    await soon(tasks.close({ drainMs: 100 }), 5_000);
    await expect(outcome).rejects.toMatchObject({ code: "closed" });
    expect(aborted).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a call that has joined a task rejects with code closed too", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore() });
    const call = callOf({ toolCallId: "call-1" });
    await offloaded(offload.run(call, stubborn));
    const outcome = offload.run(call, stubborn);
    outcome.catch(() => undefined);
    await soon(tasks.close({ drainMs: 10 }), 5_000);
    expect(await isPending(outcome)).toBe(false);
    await expect(outcome).rejects.toMatchObject({ code: "closed" });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("close never leaves a timer behind", async () => {
    allowWarnings();
    const { offload, tasks } = sceneOf({ store: makeStore(), limits: { running: 2 } }, { timeoutMs: 10 });
    const options = { deadlineMs: 90_000 };
    await startAll(tasks, 4, ADA, options);
    const quick = await soon(tasks.start(callOf({ scope: BOB }), async () => "done"));
    void quick;
    offload.run(callOf({ toolName: "parked" }), stubborn).catch(() => undefined);
    await pass(200);
    const [task] = (await soon(tasks.list(ADA, { status: "running" }))).tasks;
    await soon(tasks.cancel(ADA, task?.id ?? ""));
    await soon(tasks.close({ drainMs: 100 }), 5_000);
    // A restless store is still answering a last question.
    await pass(10);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("closing again answers the first close; reading works on", async () => {
    const tasks = managerOf();
    const { id } = await soon(tasks.start(callOf(), async () => "done"));
    await ended(tasks, id);
    await soon(Promise.all([tasks.close(), tasks.close({ drainMs: 0 })]));
    expect(await read(tasks, id)).toMatchObject({ status: "completed" });
    await expect(tasks.close({ drainMs: -1 })).rejects.toMatchObject({ code: "invalid_input" });
  });

  test.each([
    [60_000, 40, 40],
    [60_000, 500, 500],
    [500, 60_000, 500],
  ])("of drains of %i and %i ms the shorter holds", async (first, second, ms) => {
    const tasks = managerOf();
    const { id } = await soon(tasks.start(callOf(), stubborn));
    const closing = tasks.close({ drainMs: first });
    void tasks.close({ drainMs: second });
    await pass(ms - 30);
    expect((await read(tasks, id)).status).toBe("running");
    await soon(closing, 500);
    expect(await read(tasks, id)).toMatchObject({ status: "failed", error: { code: "shutdown" } });
  });

  test("a second close may end the drain at once", async () => {
    const tasks = managerOf();
    const { id } = await soon(tasks.start(callOf(), stubborn));
    const closing = tasks.close({ drainMs: 60_000 });
    await pass(100);
    await soon(tasks.close({ drainMs: 0 }), 100);
    await soon(closing, 10);
    expect(await read(tasks, id)).toMatchObject({ status: "failed", error: { code: "shutdown" } });
  });

  test("it is async disposable", async () => {
    const tasks = managerOf();
    await soon(tasks[Symbol.asyncDispose]());
    expect((await tasks.stats()).accepting).toBe(false);
  });
});
