import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { memoryStore } from "../../src/index.ts";
import { withBackgroundArgument } from "../../src/tools/index.ts";
import { lenient, lenientObject } from "../../src/tools/lenient.ts";
import { gate, isPending, pass, sceneOf, soon } from "../support/scene.ts";
import { found, labOf } from "./lab.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const lab = () => labOf({ store: memoryStore() });

describe("what models send for arguments that they leave out", () => {
  test.each([undefined, null, "", {}])("task_list takes %j", async (input) => {
    expect(await soon(lab().tools.task_list.execute(input as never))).toEqual({ tasks: [], more: false });
  });

  test("a call without arguments lacks the one that is needed", async () => {
    const asked = lab().tools.task_output.execute(null as never);
    await expect(asked).rejects.toThrow("task_id must be the id of a task, or task_ids a list of them.");
  });

  test.each([null, "", "null"])("task_list takes %j for each argument", async (absent) => {
    const { tools, completed } = lab();
    await completed("done");
    const asked = tools.task_list.execute({ status: absent, limit: absent } as never);
    expect((await soon(asked)).tasks).toHaveLength(1);
  });

  test.each([null, "", "null"])("task_output takes %j for each argument but the id", async (absent) => {
    const { tools, completed } = lab();
    const { id } = await completed("done");
    const input = { task_id: id, wait_ms: absent, offset: absent, limit: absent, after: absent };
    const { outcome } = await found(tools.task_output.execute(input as never));
    expect(outcome).toMatchObject({ text: "done" });
  });

  test.each([null, "", "null"])("task_output takes %j for the ids beside one id", async (absent) => {
    const { tools, completed } = lab();
    const { id } = await completed("done");
    const asked = tools.task_output.execute({ task_id: id, task_ids: absent } as never);
    expect(await soon(asked)).toMatchObject({ found: true, outcome: { text: "done" } });
  });

  test.each([["[]"], [[]]])("task_output takes %j for the ids beside one id", async (empty) => {
    const { tools, completed } = lab();
    const { id } = await completed("done");
    const asked = tools.task_output.execute({ task_id: id, task_ids: empty } as never);
    expect(await soon(asked)).toMatchObject({ tasks: [{ found: true, outcome: { text: "done" } }] });
  });

  test.each([null, ""])("task_output takes %j for the one id beside several", async (absent) => {
    const { tools, completed } = lab();
    const { id } = await completed("done");
    const asked = tools.task_output.execute({ task_id: absent, task_ids: [id] } as never);
    expect(await soon(asked)).toMatchObject({ tasks: [{ found: true, outcome: { text: "done" } }] });
  });

  test("an id in a list cannot be left out", async () => {
    const asked = lab().tools.task_output.execute({ task_ids: [null] } as never);
    await expect(asked).rejects.toThrow("task_ids must be 1 to 20 ids of tasks; got an array.");
  });

  test("task_stop takes null for the reason", async () => {
    const { tools, completed } = lab();
    const { id } = await completed("done");
    const asked = tools.task_stop.execute({ task_id: id, reason: null } as never);
    expect(await found(asked)).toMatchObject({ state: "already_ended" });
  });
});

describe("numbers and lists as text", () => {
  test.each([
    [{ limit: "1" }, 1],
    [{ status: '["completed","failed"]' }, 2],
  ])("task_list takes %j", async (input, count) => {
    const { tools, completed } = lab();
    await completed("one");
    await completed("two");
    expect((await soon(tools.task_list.execute(input as never))).tasks).toHaveLength(count);
  });

  test("task_output takes ids in a text as they are written", async () => {
    const { tools, completed } = lab();
    const { id } = await completed("done");
    const asked = tools.task_output.execute({ task_ids: JSON.stringify([id, `${id}A`]) } as never);
    expect(await soon(asked)).toMatchObject({
      tasks: [
        { found: true, task: { task_id: id } },
        { found: false, task_id: `${id}A` },
      ],
    });
  });

  test("task_output waits the milliseconds of a text", async () => {
    const { tools, start } = lab();
    const { id } = await start(() => gate().promise);
    const answer = tools.task_output.execute({ task_id: id, wait_ms: "5000" } as never);
    await pass(4_990);
    expect(await isPending(answer)).toBe(true);
    await pass(20);
    expect(await isPending(answer)).toBe(false);
  });

  test("a text stays one where a text is wanted", () => {
    const schema = lenientObject(z.strictObject({ reason: z.string() }));
    expect(schema.parse({ reason: "5" })).toEqual({ reason: "5" });
    expect(schema.parse({ reason: "null" })).toEqual({ reason: "null" });
  });
});

describe("more than there may be", () => {
  test("a longer wait is as long as it may be", async () => {
    const { tools, start } = lab();
    const { id } = await start(() => gate().promise);
    const answer = tools.task_output.execute({ task_id: id, wait_ms: 600_000 });
    await pass(29_990);
    expect(await isPending(answer)).toBe(true);
    await pass(20);
    expect(await isPending(answer)).toBe(false);
  });

  test("a higher limit is as high as it may be", async () => {
    const { tools, completed } = lab();
    const { id } = await completed("x".repeat(16_001));
    expect((await soon(tools.task_list.execute({ limit: 1_000 }))).tasks).toHaveLength(1);
    const { outcome } = await found(tools.task_output.execute({ task_id: id, limit: 99_999 }));
    expect(outcome).toMatchObject({ next_offset: 16_000 });
  });
});

test("the schema that is shown says nothing of all this", () => {
  const fields = {
    count: z.int().min(0).max(9).default(1).describe("How many."),
    on: z.boolean().optional(),
  };
  const schema = z.strictObject(fields);
  expect(z.toJSONSchema(lenientObject(schema), { io: "input" })).toEqual(
    z.toJSONSchema(schema, { io: "input" }),
  );
  expect(JSON.stringify(z.toJSONSchema(lab().tools.task_output.inputSchema))).not.toMatch(/null|anyOf/);
});

test("what it is made of stays as strict as it was", () => {
  const schema = z.strictObject({ count: z.int().optional() });
  lenientObject(schema);
  lenient(schema.shape.count);
  for (const input of [null, { count: null }, { count: "5" }]) {
    expect(schema.safeParse(input).success).toBe(false);
  }
});

test.each([
  [null, false],
  ["", false],
  ["false", false],
  ["False", false],
  ["true", true],
  ["True", true],
])("run_in_background: %j", async (value, isTask) => {
  const inputSchema = z.object({ branch: z.string() });
  const build = withBackgroundArgument({ name: "build", inputSchema, execute: () => 1 }, sceneOf().offload);
  const input = build.inputSchema.parse({ branch: "main", run_in_background: value });
  const { status } = await soon(build.execute(input, { scope: { userId: "ada" } }));
  expect(status).toBe(isTask ? "offloaded" : "completed");
});
