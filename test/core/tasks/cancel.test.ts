import { describe, expect, test, vi } from "vitest";
import {
  ADA,
  BOB,
  callOf,
  ended,
  gate,
  inFakeTime,
  logOf,
  managersOn,
  obedient,
  pass,
  read,
  soon,
  startAll,
  stubborn,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

describe.each(STORES)("cancelling on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  test("rule 9: cancel is cooperative: a tool that stops is cancelled before its grace is over", async () => {
    const tasks = managerOf();
    const { id } = await soon(tasks.start(callOf(), obedient));
    await pass(10);
    const asked = await soon(tasks.cancel(ADA, id, { by: "model", reason: "no\nneed" }));
    expect(asked).toMatchObject({ id, cancel: { by: "model", reason: "no need" } });
    const task = await ended(tasks, id, { withinMs: 100 });
    expect(task).toMatchObject({ status: "cancelled", error: null });
    const log = await logOf(tasks, id);
    expect(log.at(-1)).toMatchObject({ type: "task.cancelled", by: "model", mayStillRun: false });
  });

  test("rule 9: after cancelGraceMs it is final, and the event says that the tool may still be running", async () => {
    const tasks = managerOf({ cancelGraceMs: 700 });
    const slow = gate();
    const { id } = await soon(tasks.start(callOf(), () => slow.promise));
    await pass(10);
    const at = Date.now();
    expect(await soon(tasks.cancel(ADA, id))).toMatchObject({ status: "running", cancel: { by: "host" } });
    const task = await ended(tasks, id);
    expect((task.completedAt ?? 0) - at).toBeGreaterThanOrEqual(700);
    expect((task.completedAt ?? 0) - at).toBeLessThan(720);
    expect((await logOf(tasks, id)).at(-1)).toMatchObject({ type: "task.cancelled", mayStillRun: true });
    slow.resolve("late");
    await pass(100);
    expect(await read(tasks, id)).toEqual(await read(tasks, id));
    expect(await read(tasks, id)).toMatchObject({ status: "cancelled", lastSeq: task.lastSeq });
    expect(await soon(tasks.result(ADA, id))).toEqual({ status: "cancelled", by: "host", reason: null });
  });

  test("rule 9: a tool that completes although it was cancelled is cancelled", async () => {
    const tasks = managerOf();
    const slow = gate();
    const { id } = await soon(tasks.start(callOf(), () => slow.promise));
    await pass(10);
    await soon(tasks.cancel(ADA, id));
    slow.resolve("done");
    expect(await ended(tasks, id)).toMatchObject({ status: "cancelled" });
    expect(await soon(tasks.result(ADA, id))).toMatchObject({ status: "cancelled" });
  });

  test.each(["completed", "failed"])("rule 9: cancelling a %s task returns it unchanged", async (status) => {
    const tasks = managerOf();
    const { id } = await soon(
      tasks.start(callOf(), () =>
        status === "failed" ? Promise.reject(new Error("no")) : Promise.resolve(1),
      ),
    );
    const before = await ended(tasks, id);
    await pass(50);
    expect(await soon(tasks.cancel(ADA, id))).toEqual(before);
    expect(await read(tasks, id)).toEqual(before);
  });

  test("rule 9: cancelling again changes nothing", async () => {
    const tasks = managerOf();
    const { id } = await soon(tasks.start(callOf(), stubborn));
    await pass(10);
    const first = await soon(tasks.cancel(ADA, id, { by: "user", reason: "one" }));
    await pass(100);
    expect(await soon(tasks.cancel(ADA, id, { by: "model", reason: "two" }))).toEqual(first);
    const [at] = [first?.cancel?.at ?? 0];
    const end = await ended(tasks, id);
    expect((end.completedAt ?? 0) - at).toBeLessThan(2_050);
  });

  test("rule 9: a queued task is cancelled at once, and its tool never runs", async () => {
    const tasks = managerOf({ limits: { running: 1 } });
    const [first] = await startAll(tasks, 1);
    const tool = vi.fn(async () => "done");
    const { id } = await soon(tasks.start(callOf(), tool));
    await pass(10);
    expect(await soon(tasks.cancel(ADA, id))).toMatchObject({ status: "cancelled" });
    first?.gate.resolve("done");
    await pass(3_000);
    expect(tool).not.toHaveBeenCalled();
    expect(await tasks.stats()).toMatchObject({ running: 0, queued: 0 });
  });

  test("rule 9: a task that is cancelled frees its place", async () => {
    const tasks = managerOf({ limits: { running: 1, runningPerUser: 1, runningPerSession: 1 } });
    const { id } = await soon(tasks.start(callOf(), stubborn));
    const next = await soon(tasks.start(callOf({ toolName: "next" }), async () => "done"));
    await pass(10);
    await soon(tasks.cancel(ADA, id));
    expect(await ended(tasks, next.id)).toMatchObject({ status: "completed" });
  });

  test("cancelSession cancels what is unfinished in that session only", async () => {
    const tasks = managerOf({ limits: { runningPerSession: 1 } });
    await startAll(tasks, 3);
    const [elsewhere] = await startAll(tasks, 1, { ...ADA, sessionId: "s2" });
    const [bobs] = await startAll(tasks, 1, BOB);
    await pass(20);
    const cancelled = await soon(tasks.cancelSession(ADA, { by: "user" }));
    expect(cancelled).toHaveLength(3);
    expect(cancelled.every(({ cancel }) => cancel?.by === "user")).toBe(true);
    await pass(3_000);
    expect((await soon(tasks.list(ADA, { status: "cancelled" }))).tasks).toHaveLength(3);
    expect(await read(tasks, elsewhere?.id ?? "", { ...ADA, sessionId: "s2" })).toMatchObject({
      cancel: null,
    });
    expect(await read(tasks, bobs?.id ?? "", BOB)).toMatchObject({ cancel: null });
    const noSession = { userId: "ada" } as typeof ADA;
    await expect(tasks.cancelSession(noSession)).rejects.toMatchObject({ code: "invalid_input" });
  });
});
