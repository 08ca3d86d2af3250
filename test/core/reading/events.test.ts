import { describe, expect, test } from "vitest";
import type { TaskUpdate } from "../../../src/index.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
  logOf,
  managersOn,
  offloaded,
  pass,
  read,
  sceneOf,
  soon,
  stubborn,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

describe.each(STORES)("the events of a task on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  test("rule 11: seq counts from 1 without gaps, and after reads on", async () => {
    const tasks = managerOf();
    const slow = gate();
    const { id } = await soon(
      tasks.start(callOf(), async (_, { report, write }) => {
        for (let value = 1; value <= 5; value += 1) {
          report({ value, total: 5 });
          write(`${value};`);
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
        return slow.promise;
      }),
    );
    await pass(2_000);
    slow.resolve("done");
    const task = await ended(tasks, id);
    const log = await logOf(tasks, id);
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
    expect(log.every(({ taskId }) => taskId === id)).toBe(true);
    expect(task).toMatchObject({ lastSeq: log.length, progress: { value: 5, total: 5 } });
    const chunks = log.map((event) => (event.type === "task.output" ? event.chunk : ""));
    expect(chunks.join("")).toBe("1;2;3;4;5;");
    const page = await soon(tasks.events(ADA, id, { after: 3, limit: 2 }));
    expect(page).toEqual({ events: log.slice(3, 5), nextAfter: 5, truncated: false });
  });

  test("rule 11: a flood of progress is coalesced before a seq is assigned", async () => {
    const tasks = managerOf();
    const { id } = await soon(
      tasks.start(callOf(), async (_, { report }) => {
        for (let value = 1; value <= 100_000; value += 1) report({ value });
      }),
    );
    await ended(tasks, id);
    const log = await logOf(tasks, id);
    expect(log.length).toBeLessThan(10);
    expect(log.findLast(({ type }) => type === "task.progress")).toMatchObject({
      progress: { value: 100_000 },
    });
  });

  test("rule 11: the log is a ring, and a reader that asks for what is gone is told so", async () => {
    const tasks = managerOf();
    const { id } = await soon(
      tasks.start(callOf(), async (_, { write }) => {
        for (let chunk = 0; chunk < 12; chunk += 1) {
          write("x".repeat(40 * 1024));
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      }),
    );
    await ended(tasks, id);
    const page = await soon(tasks.events(ADA, id));
    expect(page.truncated).toBe(true);
    expect(page.events[0]?.seq).toBeGreaterThan(1);
    expect(page.events.at(-1)).toMatchObject({ seq: page.nextAfter, type: "task.completed" });
    expect(JSON.stringify(page.events).length).toBeLessThan(300 * 1024);
    const rest = await soon(tasks.events(ADA, id, { after: (page.events[0]?.seq ?? 0) - 1 }));
    expect(rest).toMatchObject({ truncated: false, events: page.events });
    const watched: TaskUpdate[] = [];
    const watch = async () => {
      for await (const one of tasks.watch(ADA, { id })) watched.push(one);
    };
    await soon(watch());
    expect(watched.map(({ event }) => event)).toEqual(page.events);
    expect(watched.map(({ truncated }) => truncated)).toEqual(page.events.map((_, index) => index === 0));
  });

  test("what was reported before the offload is there too, bounded", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore() });
    const { id } = await offloaded(
      offload.run(callOf(), (_, { report, write }) => {
        for (let chunk = 0; chunk < 1_000; chunk += 1) write("x".repeat(1_024));
        write("the end");
        report({ value: 1, message: "on it" });
        return stubborn();
      }),
    );
    const log = await logOf(tasks, id);
    expect(log.map(({ type }) => type)).toEqual(["task.started", "task.output", "task.progress"]);
    expect(JSON.stringify(log).length).toBeLessThan(256 * 1024);
    expect(log[1]).toMatchObject({ chunk: expect.stringMatching(/the end$/) });
    expect(await read(tasks, id)).toMatchObject({ progress: { value: 1, message: "on it" } });
  });

  test("output that is cut holds no half of a code point", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore() });
    const { id } = await offloaded(
      offload.run(callOf(), (_, { write }) => {
        write("😀".repeat(40_000));
        write("!");
        return stubborn();
      }),
    );
    for (const event of await logOf(tasks, id)) {
      if (event.type === "task.output") expect(event.chunk).not.toMatch(/\p{Cs}/u);
    }
  });
});
