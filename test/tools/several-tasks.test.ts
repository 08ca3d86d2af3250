import { describe, expect, expectTypeOf, test } from "vitest";
import { memoryStore } from "../../src/index.ts";
import type { TaskOutputAnswer, TasksOutputAnswer } from "../../src/tools/index.ts";
import { BOB, gate, inFakeTime, isPending, pass, read, soon } from "../support/scene.ts";
import { STORES } from "../support/stores.ts";
import { expectJson, labOf } from "./lab.ts";

inFakeTime();

describe.each(STORES)("task_output of several tasks, on $name", ({ makeStore }) => {
  async function lab() {
    const scene = labOf({ store: makeStore() });
    const [one, other] = [gate(), gate()];
    const first = await scene.start(() => one.promise);
    const second = await scene.start(() => other.promise);
    return { ...scene, one, other, ids: [first.id, second.id] };
  }

  test("waits until all have ended", async () => {
    const { tools, ids, one, other } = await lab();
    const answer = tools.task_output.execute({ task_ids: ids, wait_ms: 30_000 });
    await pass(1_000);
    one.resolve("first");
    await pass(1_000);
    expect(await isPending(answer)).toBe(true);
    other.resolve("second");
    await pass(50);
    const { tasks } = await soon(answer);
    expect(tasks).toMatchObject(["first", "second"].map((text) => ({ found: true, outcome: { text } })));
    expectJson(tasks);
  });

  test("or until any has, and what has not ended is not marked as read", async () => {
    const { tasks, tools, ids, other } = await lab();
    const answer = tools.task_output.execute({ task_ids: ids, wait_for: "any", wait_ms: 30_000 });
    await pass(1_000);
    other.resolve("second");
    await pass(50);
    const answered = await soon(answer);
    expect(answered.tasks).toMatchObject([{ outcome: null }, { outcome: { text: "second" } }]);
    expect(answered).not.toHaveProperty("note");
    expect(await read(tasks, ids[1] ?? "")).toMatchObject({ followUp: { reason: "observed" } });
    expect(await read(tasks, ids[0] ?? "")).toMatchObject({ followUp: { status: "none" } });
  });

  test("no longer than it may, and answers things as they stand", async () => {
    const { tools, ids } = await lab();
    const answer = tools.task_output.execute({ task_ids: ids, wait_ms: 600_000 });
    await pass(29_990);
    expect(await isPending(answer)).toBe(true);
    await pass(50);
    expect((await soon(answer)).tasks).toMatchObject([{ outcome: null }, { outcome: null }]);
  });

  test("names those that there are not, and foreign ones are among them", async () => {
    const { tools, completed } = labOf({ store: makeStore() });
    const { id } = await completed("mine");
    const { id: foreign } = await completed("not mine", BOB);
    const asked = tools.task_output.execute({ task_ids: ["no id", foreign, id, id] });
    expect((await soon(asked)).tasks).toMatchObject([
      { found: false, task_id: "no id" },
      { found: false, task_id: foreign },
      { found: true, task: { task_id: id }, outcome: { text: "mine" } },
    ]);
  });

  test("shares the limit among them", async () => {
    const { tools, completed } = labOf({ store: makeStore() });
    const ids = [(await completed("a".repeat(100))).id, (await completed("b".repeat(100))).id];
    const { tasks } = await soon(tools.task_output.execute({ task_ids: ids, limit: 20 }));
    expect(tasks).toMatchObject(
      ["a", "b"].map((unit) => ({ outcome: { text: unit.repeat(10), next_offset: 10 } })),
    );
  });
});

const { tools } = labOf({ store: memoryStore() });

test.each<[input: object, message: string]>([
  [{}, "task_id must be the id of a task, or task_ids a list of them."],
  [{ task_ids: [] }, "task_id must be the id of a task, or task_ids a list of them."],
  [{ task_ids: Array(21).fill("x") }, "task_ids must be 1 to 20 ids of tasks; got an array."],
  [{ task_ids: [5] }, "task_ids must be"],
  [{ task_id: "x", wait_for: "some" }, 'wait_for must be "all" or "any"; got "some".'],
  [
    { task_ids: ["x", "y"], offset: 5 },
    "offset and after say where to read on in one task; give its task_id alone.",
  ],
  [
    { task_ids: ["x", "y"], after: "5" },
    "offset and after say where to read on in one task; give its task_id alone.",
  ],
])("refuses %j", async (input, message) => {
  const asked = tools.task_output.execute(input as { task_id: string });
  await expect(asked).rejects.toMatchObject({
    code: "invalid_input",
    message: expect.stringContaining(message),
  });
});

test("the answer has the form that was asked for", () => {
  const { task_output } = tools;
  expectTypeOf(() =>
    task_output.execute({ task_id: "x" }),
  ).returns.resolves.toEqualTypeOf<TaskOutputAnswer>();
  expectTypeOf(() =>
    task_output.execute({ task_ids: ["x"] }),
  ).returns.resolves.toEqualTypeOf<TasksOutputAnswer>();
});
