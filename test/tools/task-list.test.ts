import { describe, expect, test } from "vitest";
import type { ToolContext } from "../../src/index.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
  obedient,
  offloaded,
  pass,
  soon,
  stubborn,
} from "../support/scene.ts";
import { STORES } from "../support/stores.ts";
import { expectJson, labOf } from "./lab.ts";

inFakeTime();

describe.each(STORES)("task_list on $name", ({ makeStore }) => {
  test("tells the newest first, and whether there are more", async () => {
    const { tools, start } = labOf({ store: makeStore() });
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      ids.unshift((await start(stubborn)).id);
      await pass(1);
    }
    const { tasks, more } = await soon(tools.task_list.execute({}));
    expect(tasks.map(({ task_id }) => task_id)).toEqual(ids);
    expect(more).toBe(false);
    const page = await soon(tools.task_list.execute({ limit: 2 }));
    expect(page.tasks.map(({ task_id }) => task_id)).toEqual(ids.slice(0, 2));
    expect(page.more).toBe(true);
  });

  test("tells 20 tasks unless asked for another number", async () => {
    const { tools, start } = labOf({ store: makeStore(), limits: { runningPerSession: 1 } });
    await Promise.all(Array.from({ length: 21 }, () => start(stubborn)));
    expect(await soon(tools.task_list.execute({}))).toMatchObject({ tasks: { length: 20 }, more: true });
    expect(await soon(tools.task_list.execute({ limit: 50 }))).toMatchObject({ tasks: { length: 21 } });
  });

  test("tells durations in milliseconds, of tasks that wait, run and have ended", async () => {
    const { tasks, offload, tools, start } = labOf({ store: makeStore(), limits: { running: 1 } });
    const slow = gate();
    const running = await offloaded(offload.run(callOf({ toolName: "first" }), () => slow.promise));
    await pass(1);
    const queued = await start(stubborn);
    await pass(1_000);
    const [waits, runs] = (await soon(tools.task_list.execute({}))).tasks;
    expect(waits).toMatchObject({
      task_id: queued.id,
      status: "queued",
      running_ms: null,
      ended_ms_ago: null,
    });
    expect(runs).toMatchObject({ task_id: running.id, status: "running", ended_ms_ago: null });
    expect(waits?.age_ms).toBeGreaterThanOrEqual(1_000);
    // The 100 ms in the foreground count for its tool, and not for the task.
    expect(runs?.age_ms).toBeLessThan(1_100);
    expect(runs?.running_ms).toBeGreaterThanOrEqual(1_100);

    slow.resolve("done");
    const { startedAt, completedAt } = await ended(tasks, running.id);
    await pass(500);
    const [, has] = (await soon(tools.task_list.execute({}))).tasks;
    expect(has).toMatchObject({ status: "completed", running_ms: (completedAt ?? 0) - (startedAt ?? 0) });
    expect(has?.ended_ms_ago).toBeGreaterThanOrEqual(500);
    expect(has?.ended_ms_ago).toBeLessThan(600);
  });

  test("tells what a task is, how far it is, and why it failed: plain JSON", async () => {
    const { tasks, tools } = labOf({ store: makeStore() });
    const progressing = (_: unknown, { report }: ToolContext) => {
      report({ value: 1, total: 3, message: "one of three" });
      return stubborn();
    };
    await soon(tasks.start(callOf(), progressing));
    await pass(1_000);
    const fails = () => Promise.reject(new Error("no such host"));
    const { id } = await soon(tasks.start(callOf({ toolName: "fetch" }), fails));
    await ended(tasks, id);
    const answer = await soon(tools.task_list.execute({}));
    expectJson(answer);
    expect(answer.tasks).toMatchObject([
      { tool: "fetch", status: "failed", error: { code: "tool_error", message: "no such host" } },
      {
        tool: "search",
        summary: 'search(query="cats")',
        progress: { value: 1, total: 3, message: "one of three" },
        stopping: false,
        error: null,
      },
    ]);
  });

  test("tells which tasks have been told to stop and have not", async () => {
    const { tasks, tools, start } = labOf({ store: makeStore() });
    const { id } = await start(stubborn);
    const obeys = await soon(tasks.start(callOf(), obedient));
    await pass(10);
    await soon(tasks.cancel(ADA, obeys.id));
    await soon(tasks.cancel(ADA, id));
    await ended(tasks, obeys.id);
    const stopping = (await soon(tools.task_list.execute({}))).tasks.filter((task) => task.stopping);
    expect(stopping).toMatchObject([{ task_id: id, status: "running" }]);
  });

  test("by one status, or by several", async () => {
    const { tools, start, completed } = labOf({ store: makeStore(), limits: { running: 1 } });
    await completed("done");
    await start(stubborn);
    await pass(10);
    await start(stubborn);
    const statuses = async (status: "completed" | ("queued" | "running")[]) =>
      (await soon(tools.task_list.execute({ status }))).tasks.map((task) => task.status);
    expect(await statuses("completed")).toEqual(["completed"]);
    expect((await statuses(["queued", "running"])).sort()).toEqual(["queued", "running"]);
  });

  test("looking at the list marks nothing", async () => {
    const { tasks, tools, completed } = labOf({ store: makeStore() });
    const { id } = await completed("done");
    await soon(tools.task_list.execute({}));
    expect(await soon(tasks.get(ADA, id))).toMatchObject({ followUp: { status: "pending" } });
  });
});
