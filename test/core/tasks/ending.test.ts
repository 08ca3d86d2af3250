import { describe, expect, test } from "vitest";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
  managersOn,
  offloaded,
  pass,
  read,
  sceneOf,
  soon,
  startAll,
  stubborn,
  typesOf,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

describe.each(STORES)("the end of a task on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  describe("rule 8", () => {
    test("rule 8: a task that settles, is cancelled, expires and is shut down at once ends once", async () => {
      const tasks = managerOf();
      const slow = gate();
      const { id } = await soon(tasks.start(callOf(), () => slow.promise, { deadlineMs: 1_000 }));
      await pass(985);
      const all = Promise.all([tasks.cancel(ADA, id), tasks.cancel(ADA, id, { by: "user" })]);
      slow.resolve("done");
      await pass(20);
      await soon(all);
      await soon(tasks.close({ drainMs: 0 }), 5_000);
      await pass(5_000);
      const log = await typesOf(tasks, id);
      expect(log.filter((type) => /completed|failed|cancelled/.test(type))).toHaveLength(1);
      expect(log.filter((type) => type === "task.cancel_requested").length).toBeLessThanOrEqual(1);
    });

    test.each([
      ["tool_error", () => Promise.reject(new Error("no")), {}],
      ["deadline_exceeded", stubborn, { deadlineMs: 100 }],
      ["shutdown", stubborn, {}],
    ] as const)("rule 8: failed always says why: %s", async (code, tool, options) => {
      const tasks = managerOf();
      const { id } = await soon(tasks.start(callOf(), tool, options));
      await pass(200);
      await soon(tasks.close({ drainMs: 0 }), 5_000);
      const task = await read(tasks, id);
      expect(task).toMatchObject({ status: "failed", error: { code } });
      expect(task.error?.message).not.toBe("");
    });
  });

  describe("deadlines", () => {
    test("rule 12: deadlines count from startedAt, the foreground included", async () => {
      const { offload, tasks } = sceneOf(
        { store: makeStore() },
        { tools: { search: { deadlineMs: 1_000 } } },
      );
      const startedAt = Date.now();
      const { id } = await offloaded(offload.run(callOf(), stubborn));
      expect(await read(tasks, id)).toMatchObject({ startedAt, deadlineAt: startedAt + 1_000 });
      const task = await ended(tasks, id);
      expect(task).toMatchObject({ status: "failed", error: { code: "deadline_exceeded" } });
      expect((task.completedAt ?? 0) - startedAt).toBeLessThan(1_020);
    });

    test("rule 12: a queued task's deadline counts from its start, not from its queueing", async () => {
      const tasks = managerOf({ limits: { running: 1 } });
      const [first] = await startAll(tasks, 1);
      const slow = gate();
      const { id } = await soon(tasks.start(callOf(), () => slow.promise, { deadlineMs: 500 }));
      await pass(2_000);
      expect(await read(tasks, id)).toMatchObject({ status: "queued", deadlineAt: null });
      first?.gate.resolve("done");
      await pass(100);
      slow.resolve("done");
      expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
    });
  });
});
