import { describe, expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { BackgroundTaskManager, memoryStore, type TaskScope } from "../../src/index.ts";
import { type ControlTool, type ControlToolsOptions, controlTools } from "../../src/tools/index.ts";
import { faultyStore, rejects } from "../support/faulty-store.ts";
import { ADA, BOB, inFakeTime, read, soon, stubborn } from "../support/scene.ts";
import { STORES } from "../support/stores.ts";
import { found, labOf } from "./lab.ts";

inFakeTime();

const tasks = new BackgroundTaskManager();
const tools = controlTools({ tasks, scope: ADA });

describe("options", () => {
  const bad: [options: object, option: string, shown: string][] = [
    [{ tasks: {} }, "tasks", "an object"],
    [{ tasks: undefined }, "tasks", "undefined"],
    [{ scope: undefined }, "scope", "undefined"],
    [{ scope: { userId: "" } }, "scope.userId", '""'],
    [{ scope: { userId: "ada", sessionId: "" } }, "scope.sessionId", '""'],
    [{ scope: { userId: "ada", agentId: 5 } }, "scope.agentId", "5"],
    [{ maxWaitMs: -1 }, "maxWaitMs", "-1"],
    [{ maxWaitMs: Number.POSITIVE_INFINITY }, "maxWaitMs", "Infinity"],
    [{ maxChars: 0 }, "maxChars", "0"],
    [{ maxChars: 1.5 }, "maxChars", "1.5"],
    [{ maxWait: 5 }, "maxWait", "is not an option"],
  ];

  test.each(bad)("%j is refused, naming %s and %s", (options, option, shown) => {
    const build = () => controlTools({ tasks, scope: ADA, ...options } as ControlToolsOptions);
    expect(build).toThrow(expect.objectContaining({ code: "invalid_option" }));
    expect(build).toThrow(option);
    expect(build).toThrow(shown);
  });

  test("no options are refused too", () => {
    const build = () => controlTools(undefined as unknown as ControlToolsOptions);
    expect(build).toThrow(expect.objectContaining({ code: "invalid_option" }));
  });

  test("an option that is undefined is one that is not given", () => {
    const { task_output } = controlTools({ tasks, scope: ADA, maxWaitMs: undefined, maxChars: undefined });
    expect(task_output.inputSchema.parse({ task_id: "x" })).toMatchObject({ wait_ms: 0, limit: 16_000 });
    expect(task_output.inputSchema.parse({ task_id: "x", wait_ms: 30_001 })).toMatchObject({
      wait_ms: 30_000,
    });
  });
});

describe.each(Object.entries(tools))("the definition of %s", (name, tool: ControlTool) => {
  const schema = z.toJSONSchema(tool.inputSchema, { io: "input" }) as z.core.JSONSchema.ObjectSchema;

  test("bears its name, and says what it is for and what it is not for", () => {
    expect(tool.name).toBe(name);
    expect(tool.description).toMatch(/\bUse it\b/);
    expect(tool.description).toMatch(/\bDo not\b/);
  });

  test("has a JSON Schema that describes each property and takes no other", () => {
    expect(schema.type).toBe("object");
    expect(schema.additionalProperties).toBe(false);
    for (const property of Object.values(schema.properties ?? {})) {
      expect(property).toMatchObject({ description: expect.stringMatching(/\w{3}/) });
    }
    expect(() => z.toJSONSchema(tool.inputSchema)).not.toThrow();
  });
});

describe("bad input is thrown as invalid_input, naming the field and what was wanted", () => {
  const bad: [tool: keyof typeof tools, input: unknown, message: string][] = [
    ["task_list", 5, "input must be an object; got 5."],
    ["task_list", { limit: 0 }, "limit must be a whole number from 1 to 50; got 0."],
    ["task_list", { limit: "five" }, 'limit must be a whole number from 1 to 50; got "five".'],
    ["task_list", { status: "done" }, "status must be one or more of queued, running"],
    ["task_list", { status: [] }, "status must be one or more of queued, running"],
    ["task_list", { state: "running" }, "state is no argument; there are status, limit."],
    ["task_output", {}, "task_id must be the id of a task, or task_ids a list of them."],
    ["task_output", { task_id: 5 }, "task_id must be a text; got 5."],
    ["task_output", { task_id: "x", wait_ms: -1 }, "wait_ms must be a whole number from 0 to 30000;"],
    ["task_output", { task_id: "x", offset: 1.5 }, "offset must be a whole number from 0 on; got 1.5."],
    ["task_output", { task_id: "x", limit: "0" }, "limit must be a whole number from 1 to 16000;"],
    [
      "task_output",
      { task_id: "x", after: "new" },
      'after must be the next_after of an earlier answer; got "new".',
    ],
    ["task_output", { task_id: "x", waitMs: 5 }, "waitMs is no argument; there are task_id, task_ids,"],
    ["task_stop", { task_id: null }, "task_id must be a text; got null."],
    ["task_stop", { task_id: "x", reason: 5 }, "reason must be a text; got 5."],
  ];

  test.each(bad)("%s %j: %s", async (name, input, message) => {
    const tool: ControlTool = tools[name];
    await expect(tool.execute(input as Record<string, unknown>)).rejects.toMatchObject({
      name: "TaskOffloadError",
      code: "invalid_input",
      message: expect.stringContaining(message),
    });
  });
});

test("the definitions infer their input and their answer", () => {
  expectTypeOf(tools.task_stop.execute).parameter(0).toEqualTypeOf<{
    task_id: string;
    reason?: string | undefined;
  }>();
  expectTypeOf(tools.task_output.execute).parameter(0).toExtend<{
    task_id?: string | undefined;
    task_ids?: string[] | undefined;
    wait_ms?: number | undefined;
  }>();
  // @ts-expect-error: a limit is a number
  const wrong = () => tools.task_list.execute({ limit: "5" });
  expectTypeOf(wrong).toBeFunction();
});

describe.each(STORES)("the only scope they see, on $name", ({ makeStore }) => {
  const OTHER_SESSION = { ...ADA, sessionId: "s2" };
  const MISSING = { found: false, message: expect.stringContaining("no such task") };

  test.each([
    ["another user's task", BOB],
    ["another session's task", OTHER_SESSION],
  ])("%s is as good as missing", async (_, scope) => {
    const { tasks, tools, start, completed } = labOf({ store: makeStore() });
    const foreign = [await start(stubborn, scope), await completed("secret", scope)];
    expect(await soon(tools.task_list.execute({}))).toEqual({ tasks: [], more: false });
    for (const { id } of foreign) {
      const before = await read(tasks, id, scope);
      expect(await soon(tools.task_output.execute({ task_id: id, wait_ms: 100 }))).toEqual(MISSING);
      expect(await soon(tools.task_stop.execute({ task_id: id }))).toEqual(MISSING);
      expect(await read(tasks, id, scope)).toEqual(before);
    }
  });

  test.each(["missing", "", "no id at all", "\0", "x".repeat(10_000)])("so is %j", async (task_id) => {
    const { tools } = labOf({ store: makeStore() });
    expect(await soon(tools.task_output.execute({ task_id, wait_ms: 100 }))).toEqual(MISSING);
    expect(await soon(tools.task_stop.execute({ task_id }))).toEqual(MISSING);
  });

  test("a store is not asked for what cannot be an id", async () => {
    const store = faultyStore(makeStore());
    const { tools } = labOf({ store });
    await soon(tools.task_output.execute({ task_id: "a\0b" }));
    await soon(tools.task_stop.execute({ task_id: "a\0b" }));
    expect(store.asked).toEqual([]);
  });

  test("a scope without a session sees all of its user's, and nobody else's", async () => {
    const { tools, completed } = labOf({ store: makeStore() }, { scope: { userId: "ada" } });
    const { id } = await completed("mine", OTHER_SESSION);
    const { id: foreign } = await completed("not mine", BOB);
    expect((await soon(tools.task_list.execute({}))).tasks).toMatchObject([{ task_id: id }]);
    await found(tools.task_output.execute({ task_id: id }));
    expect(await soon(tools.task_output.execute({ task_id: foreign }))).toEqual(MISSING);
  });

  test("what the host does with its scope later does not widen it", async () => {
    const scope: TaskScope = { ...ADA };
    const { tools, completed } = labOf({ store: makeStore() }, { scope });
    await completed("not hers", BOB);
    Object.assign(scope, BOB);
    expect((await soon(tools.task_list.execute({}))).tasks).toEqual([]);
  });
});

test("a store that fails is an error, as everywhere", async () => {
  const store = faultyStore(memoryStore());
  store.always("get", rejects);
  const { tools } = labOf({ store });
  await expect(soon(tools.task_stop.execute({ task_id: "x" }))).rejects.toMatchObject({
    code: "store_failed",
  });
});
