import { describe, expect, test, vi } from "vitest";
import { memoryStore } from "../../src/index.ts";
import { answersAfter, faultyStore } from "../support/faulty-store.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
  obedient,
  pass,
  read,
  soon,
  stubborn,
} from "../support/scene.ts";
import { STORES } from "../support/stores.ts";
import { deliver, expectJson, found, type Lab, labOf } from "./lab.ts";

inFakeTime();

describe.each(STORES)("task_stop on $name", ({ makeStore }) => {
  /** The task has ended as cancelled by the model, and nobody is told. */
  async function expectNoFollowUp({ store, tasks }: Lab, id: string, reason: string | null = null) {
    expect(await ended(tasks, id)).toMatchObject({
      status: "cancelled",
      cancel: { by: "model", reason },
      followUp: { status: "none" },
    });
    expect(await soon(store.claim("a dispatcher", 1_000, {}))).toBeUndefined();
  }

  test("a queued task is stopped at once", async () => {
    const lab = labOf({ store: makeStore(), limits: { running: 1 } });
    await lab.start(stubborn);
    await pass(10);
    const tool = vi.fn();
    const { id } = await lab.start(tool);
    const answer = await found(lab.tools.task_stop.execute({ task_id: id, reason: "not needed" }));
    expect(answer).toMatchObject({
      state: "stopped",
      task: { status: "cancelled" },
      message: "You have stopped the task. No message about it will follow.",
    });
    expectJson(answer);
    await expectNoFollowUp(lab, id, "not needed");
    expect(tool).not.toHaveBeenCalled();
  });

  test("a tool that obeys is stopped by the time it is answered", async () => {
    const lab = labOf({ store: makeStore() });
    const { id } = await soon(lab.tasks.start(callOf(), obedient));
    await pass(10);
    const answer = await found(lab.tools.task_stop.execute({ task_id: id }));
    expect(answer).toMatchObject({ state: "stopped", task: { status: "cancelled", stopping: false } });
    expect(answer.message).not.toContain("did not obey");
    await expectNoFollowUp(lab, id);
  });

  test("a tool that ignores it is stopping, and its late result is dropped", async () => {
    const lab = labOf({ store: makeStore(), cancelGraceMs: 1_000 });
    const slow = gate();
    const { id } = await lab.start(() => slow.promise);
    await pass(10);
    const answer = await found(lab.tools.task_stop.execute({ task_id: id }));
    expect(answer).toMatchObject({ state: "stopping", task: { status: "running", stopping: true } });
    expect(answer.message).toContain("may go on for a moment");
    slow.resolve("too late");
    await expectNoFollowUp(lab, id);
  });

  test("a tool that is ended without its doing is said to have disobeyed", async () => {
    const lab = labOf({ store: makeStore(), cancelGraceMs: 50 });
    const { id } = await lab.start(stubborn);
    await pass(10);
    const answer = await found(lab.tools.task_stop.execute({ task_id: id }));
    expect(answer).toMatchObject({ state: "stopped", message: expect.stringContaining("did not obey") });
  });

  test("stopping it again is told as it stands", async () => {
    const lab = labOf({ store: makeStore(), cancelGraceMs: 1_000 });
    const { id } = await lab.start(stubborn);
    await pass(10);
    await found(lab.tools.task_stop.execute({ task_id: id, reason: "first" }));
    const again = await found(lab.tools.task_stop.execute({ task_id: id, reason: "second" }));
    expect(again).toMatchObject({ state: "stopping" });
    await expectNoFollowUp(lab, id, "first");
    const late = await found(lab.tools.task_stop.execute({ task_id: id }));
    expect(late).toMatchObject({ state: "already_ended" });
    expect(late.message).toMatch(/ended as cancelled\. No message about it will follow\.$/);
  });

  test("a task that is evicted as soon as it has ended was told to stop all the same", async () => {
    const store = faultyStore(makeStore());
    const { tasks, tools } = labOf({ store });
    const { id } = await soon(tasks.start(callOf(), obedient));
    await pass(10);
    store.next("transition", async (run) => {
      store.next("get", async () => undefined as never);
      return run();
    });
    expect(await found(tools.task_stop.execute({ task_id: id }))).toMatchObject({ state: "stopping" });
  });

  describe("a task that had ended is left as it is", () => {
    const endings: [status: string, execute: () => unknown][] = [
      ["completed", () => "done"],
      ["failed", () => Promise.reject(new Error("no"))],
    ];

    test.each(endings)("%s: its outcome still arrives", async (status, execute) => {
      const { tasks, tools, start } = labOf({ store: makeStore() });
      const { id } = await start(execute);
      const before = await ended(tasks, id);
      const answer = await found(tools.task_stop.execute({ task_id: id }));
      expect(answer).toMatchObject({ state: "already_ended", task: { status } });
      expect(answer.message).toContain(`Nothing was stopped: the task had already ended as ${status}.`);
      expect(answer.message).toContain("will arrive by itself");
      expect(await read(tasks, id)).toEqual(before);
    });

    test("one whose outcome was read", async () => {
      const { tools, completed } = labOf({ store: makeStore() });
      const { id } = await completed("done");
      await found(tools.task_output.execute({ task_id: id }));
      const { message } = await found(tools.task_stop.execute({ task_id: id }));
      expect(message).toContain("You have had the outcome.");
    });

    test("one whose outcome was delivered", async () => {
      const { store, tools, completed } = labOf({ store: makeStore() });
      const { id } = await completed("done");
      await deliver(store);
      const { message } = await found(tools.task_stop.execute({ task_id: id }));
      expect(message).toContain("You have been told the outcome.");
    });

    test("one that nobody is told of", async () => {
      const { tools, completed } = labOf({ store: makeStore(), followUps: false });
      const { id } = await completed("done");
      const { message } = await found(tools.task_stop.execute({ task_id: id }));
      expect(message).toContain("task_output reads the outcome.");
    });
  });

  test("a task that the user has stopped before stays the user's, and its outcome is told", async () => {
    const { tasks, tools, start } = labOf({ store: makeStore(), cancelGraceMs: 100 });
    const { id } = await start(stubborn);
    await pass(10);
    await soon(tasks.cancel(ADA, id, { by: "user" }));
    const answer = await found(tools.task_stop.execute({ task_id: id }));
    expect(answer).toMatchObject({ state: "stopped" });
    expect(answer.message).toMatch(/^The user had already stopped the task\..*will arrive by itself\.$/);
    expect(await read(tasks, id)).toMatchObject({ cancel: { by: "user" }, followUp: { status: "pending" } });
  });

  test("a task that completes between the look and the stop was not stopped", async () => {
    const store = faultyStore(makeStore());
    const { tasks, tools, start } = labOf({ store });
    const slow = gate();
    const { id } = await start(() => slow.promise);
    await pass(10);
    store.next("get", async (run) => {
      const record = await run();
      slow.resolve("done");
      await new Promise((resolve) => setTimeout(resolve, 100));
      return record;
    });
    const answer = await found(tools.task_stop.execute({ task_id: id }));
    expect(answer).toMatchObject({ state: "already_ended", task: { status: "completed" } });
    expect(await read(tasks, id)).toMatchObject({ cancel: null, followUp: { status: "pending" } });
  });
});

test("a stop that the store answers too late is an error, and no lie", async () => {
  const store = faultyStore(memoryStore());
  const { tools, start } = labOf({ store });
  const { id } = await start(stubborn);
  await pass(10);
  store.next("transition", answersAfter(2_500));
  const answer = soon(tools.task_stop.execute({ task_id: id }), 5_000);
  await expect(answer).rejects.toMatchObject({ code: "store_failed" });
});
