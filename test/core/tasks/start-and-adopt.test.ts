import { describe, expect, test, vi } from "vitest";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
  managersOn,
  pass,
  read,
  soon,
  stubborn,
  typesOf,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

describe.each(STORES)("tasks on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  describe("start", () => {
    test("runs a tool from the first moment, in the background", async () => {
      const tasks = managerOf();
      const at = Date.now();
      const call = callOf({
        toolCallId: "call-1",
        metadata: { channel: "c1" },
        scope: { ...ADA, agentId: "a1" },
      });
      const task = await soon(tasks.start(call, async () => "done", { priority: 5 }));
      expect(task).toMatchObject({
        toolName: "search",
        toolCallId: "call-1",
        sessionId: "s1",
        agentId: "a1",
        summary: 'search(query="cats")',
        priority: 5,
        metadata: { channel: "c1" },
        error: null,
        cancel: null,
        completedAt: null,
      });
      expect(task.id).toMatch(/^[\w-]{21}$/);
      expect(task.createdAt).toBeGreaterThanOrEqual(at);
      expect(await ended(tasks, task.id)).toMatchObject({ status: "completed", metadata: { channel: "c1" } });
      expect(await typesOf(tasks, task.id)).toEqual(["task.queued", "task.started", "task.completed"]);
    });

    test("its result does not come back where it is to have no follow-up", async () => {
      const tasks = managerOf();
      const { id } = await soon(tasks.start(callOf(), async () => "done", { followUp: "none" }));
      expect(await ended(tasks, id)).toMatchObject({ status: "completed", followUp: { status: "none" } });
    });

    test("the tool knows its task and its scope", async () => {
      const tasks = managerOf();
      const seen = gate<unknown>();
      const { id } = await soon(
        tasks.start(callOf(), (input, { taskId, scope }) => seen.resolve({ input, taskId, scope })),
      );
      expect(await soon(seen.promise)).toEqual({ input: { query: "cats" }, taskId: id, scope: ADA });
    });

    test.each([
      [{ scope: { userId: "" } }, "scope.userId"],
      [{ scope: { userId: "ada", sessionId: "" } }, "scope.sessionId"],
      [{ scope: { userId: "ada", agentId: "" } }, "scope.agentId"],
      [{ scope: { userId: "ada", session_id: "s1" } }, "scope.session_id is no part of a scope"],
      [{ toolName: "" }, "toolName"],
      [{ toolCallId: 1 as never }, "toolCallId"],
      [{ metadata: { big: "x".repeat(20_000) } }, "metadata"],
      [{ metadata: { one: 1n } }, "metadata"],
    ])("%o is refused as invalid_input", async (fields, field) => {
      const tasks = managerOf();
      await expect(tasks.start(callOf(fields), stubborn)).rejects.toMatchObject({
        code: "invalid_input",
        message: expect.stringContaining(field),
      });
    });

    test.each([0, 11, 1.5, Number.NaN])("priority %s is refused", async (priority) => {
      const start = managerOf().start(callOf(), stubborn, { priority });
      await expect(start).rejects.toMatchObject({ code: "invalid_input", message: /priority.*1 to 10/ });
    });

    test("metadata is a copy: what the host does with its own later is its own", async () => {
      const tasks = managerOf();
      const metadata = { list: [1] };
      const task = await soon(tasks.start(callOf({ metadata }), stubborn));
      metadata.list.push(2);
      Object.assign(task.metadata ?? {}, { list: [3] });
      expect((await read(tasks, task.id)).metadata).toEqual({ list: [1] });
    });
  });

  describe("adopt", () => {
    test("makes a task of what runs already, and counts from its start", async () => {
      const tasks = managerOf();
      const slow = gate();
      const startedAt = Date.now() - 300;
      const abort = vi.fn();
      const task = await soon(tasks.adopt(callOf(), { promise: slow.promise, abort, startedAt }));
      expect(task).toMatchObject({ status: "running", startedAt });
      slow.resolve("done");
      expect(await ended(tasks, task.id)).toMatchObject({ status: "completed" });
      expect(await soon(tasks.result(ADA, task.id))).toMatchObject({ value: "done" });
      expect(abort).not.toHaveBeenCalled();
    });

    test("cancel reaches it, and an abort that throws harms nobody", async () => {
      const tasks = managerOf();
      const abort = vi.fn(() => {
        throw new Error("no");
      });
      const outside = { promise: stubborn(), abort, startedAt: Date.now() };
      const { id } = await soon(tasks.adopt(callOf(), outside));
      await soon(tasks.cancel(ADA, id));
      expect(abort).toHaveBeenCalledOnce();
      expect(await ended(tasks, id)).toMatchObject({ status: "cancelled" });
    });

    test("its deadline counts from its start", async () => {
      const tasks = managerOf();
      const outside = { promise: stubborn(), abort: vi.fn(), startedAt: Date.now() - 800 };
      const { id } = await soon(tasks.adopt(callOf(), outside, { deadlineMs: 1_000 }));
      await pass(250);
      expect(await read(tasks, id)).toMatchObject({ status: "failed", error: { code: "deadline_exceeded" } });
    });

    test("above a running limit it is refused as overloaded", async () => {
      const outside = () => ({ promise: stubborn(), abort: vi.fn(), startedAt: Date.now() });
      for (const limits of [{ running: 1 }, { runningPerUser: 1 }, { runningPerSession: 1 }]) {
        const tasks = managerOf({ limits });
        await soon(tasks.adopt(callOf(), outside()));
        await expect(soon(tasks.adopt(callOf({ toolName: "b" }), outside()))).rejects.toMatchObject({
          code: "overloaded",
        });
      }
    });
  });
});
