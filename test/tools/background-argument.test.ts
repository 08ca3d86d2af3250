import { describe, expect, expectTypeOf, test, vi } from "vitest";
import * as z from "zod";
import * as zm from "zod/mini";
import * as z3 from "zod/v3";
import { memoryStore, type OffloadOutcome, type ToolContext } from "../../src/index.ts";
import { withBackgroundArgument } from "../../src/tools/index.ts";
import { ADA, ended, inFakeTime, offloaded, pass, sceneOf, soon, stubborn } from "../support/scene.ts";
import { STORES } from "../support/stores.ts";

inFakeTime();

const SCHEMA = z.object({ branch: z.string(), depth: z.coerce.number().default(1) });
const CALL = { scope: ADA };

/** A tool with the argument, and what the real one was called with. */
function builderOf<Shape extends z.ZodRawShape, Config extends z.core.$ZodObjectConfig>(
  inputSchema: z.ZodObject<Shape, Config>,
  { offload } = sceneOf(),
) {
  const seen = vi.fn<(input: unknown, context: ToolContext) => string>(() => "built");
  const tool = { name: "build", description: "Builds.", inputSchema, execute: seen };
  return { build: withBackgroundArgument(tool, offload), seen };
}

describe.each(STORES)("run_in_background on $name", ({ makeStore }) => {
  test("true starts the call as a task, and the tool does not see the argument", async () => {
    const scene = sceneOf({ store: makeStore() });
    const { build, seen } = builderOf(SCHEMA, scene);
    const input = build.inputSchema.parse({ branch: "main", run_in_background: true });
    const task = await offloaded(build.execute(input, { ...CALL, toolCallId: "call-1" }));
    expect(task).toMatchObject({
      toolName: "build",
      toolCallId: "call-1",
      summary: 'build(branch="main", depth=1)',
    });
    expect(await ended(scene.tasks, task.id)).toMatchObject({ status: "completed" });
    expect(seen.mock.calls).toEqual([[{ branch: "main", depth: 1 }, expect.anything()]]);
  });

  test.each([{}, { run_in_background: false }])("%o races the call as ever", async (asked) => {
    const { build, seen } = builderOf(SCHEMA, sceneOf({ store: makeStore() }));
    const input = build.inputSchema.parse({ branch: "main", ...asked });
    expect(await soon(build.execute(input, CALL))).toEqual({ status: "completed", value: "built" });
    expect(seen.mock.lastCall?.[0]).toEqual({ branch: "main", depth: 1 });
  });

  test("a call that turns out slow is offloaded without it", async () => {
    const { offload } = sceneOf({ store: makeStore() });
    const build = withBackgroundArgument({ name: "build", inputSchema: SCHEMA, execute: stubborn }, offload);
    const outcome = build.execute({ branch: "main", depth: 1 }, CALL);
    await pass(150);
    expect(await soon(outcome)).toMatchObject({ status: "offloaded" });
  });
});

test("the host may start it in the background as well, and the mode `never` beats both", async () => {
  const { build } = builderOf(SCHEMA);
  const input = { branch: "main", depth: 1 };
  await offloaded(build.execute({ ...input, run_in_background: false }, { ...CALL, background: true }));
  const never = sceneOf({ store: memoryStore() }, { tools: { build: { mode: "never" } } });
  const outcome = builderOf(SCHEMA, never).build.execute({ ...input, run_in_background: true }, CALL);
  expect(await soon(outcome)).toMatchObject({ status: "completed" });
});

describe("the schema", () => {
  test("describes the argument for the model, beside the tool's own, which stays as it is", () => {
    const { build } = builderOf(SCHEMA);
    const schema = z.toJSONSchema(build.inputSchema, { io: "input" });
    const own = z.toJSONSchema(SCHEMA, { io: "input" });
    expect(schema.properties).toMatchObject({
      ...own.properties,
      run_in_background: { type: "boolean", description: expect.stringContaining("background") },
    });
    expect(schema.required).toEqual(own.required);
    expect(SCHEMA.shape).not.toHaveProperty("run_in_background");
    expect(build).toMatchObject({ name: "build", description: "Builds." });
  });

  test("keeps what it says of itself", () => {
    const { build } = builderOf(SCHEMA.describe("What to build."));
    expect(build.inputSchema.description).toBe("What to build.");
  });

  const input = { branch: "main", depth: 1, other: "x", run_in_background: true };

  test("that is strict refuses what it does not know, and takes the argument", () => {
    const { build } = builderOf(SCHEMA.strict());
    expect(build.inputSchema.safeParse(input).error?.issues).toMatchObject([{ keys: ["other"] }]);
    expect(build.inputSchema.safeParse({ branch: "main", run_in_background: true }).success).toBe(true);
  });

  test("that passes through hands on what it does not know, and not the argument", async () => {
    const { build, seen } = builderOf(SCHEMA.loose());
    await offloaded(build.execute(build.inputSchema.parse(input), CALL));
    await pass(10);
    expect(seen.mock.lastCall?.[0]).toEqual({ branch: "main", depth: 1, other: "x" });
  });

  test("that strips goes on stripping", () => {
    expect(builderOf(SCHEMA).build.inputSchema.parse(input)).not.toHaveProperty("other");
  });

  test("keeps its refinements", () => {
    const { build } = builderOf(SCHEMA.refine(({ branch }) => branch !== "", { error: "no branch" }));
    expect(build.inputSchema.safeParse({ branch: "", run_in_background: true }).error?.issues).toMatchObject([
      { message: "no branch" },
    ]);
  });

  test("refuses an argument that is no boolean", () => {
    const { build } = builderOf(SCHEMA);
    expect(build.inputSchema.safeParse({ branch: "main", run_in_background: "yes" }).success).toBe(false);
  });
});

test("what the schema makes of the input is made once", async () => {
  const { build, seen } = builderOf(z.object({ count: z.string().transform(Number) }));
  await soon(build.execute(build.inputSchema.parse({ count: "5" }), CALL));
  expect(seen.mock.lastCall?.[0]).toEqual({ count: 5 });
});

test("a tool that leans on its `this` keeps it", async () => {
  class Builder {
    name = "build";
    inputSchema = SCHEMA;
    #prefix = "built ";
    execute({ branch }: { branch: string }) {
      return this.#prefix + branch;
    }
  }
  const build = withBackgroundArgument(new Builder(), sceneOf().offload);
  const outcome = build.execute({ branch: "main", depth: 1 }, CALL);
  expect(await soon(outcome)).toEqual({ status: "completed", value: "built main" });
});

test("its types follow the tool's", () => {
  const { offload } = sceneOf();
  const execute = async ({ branch, depth }: { branch: string; depth: number }) => branch.length + depth;
  const build = withBackgroundArgument({ name: "build", inputSchema: SCHEMA, execute }, offload);
  expectTypeOf(build.inputSchema.parse).returns.branded.toEqualTypeOf<{
    branch: string;
    depth: number;
    run_in_background?: boolean | undefined;
  }>();
  expectTypeOf(build.execute).returns.resolves.toEqualTypeOf<OffloadOutcome<number>>();
  // @ts-expect-error: the branch is missing
  const wrong = () => build.execute({ depth: 1 }, CALL);
  expectTypeOf(wrong).toBeFunction();
});

describe("what cannot be wrapped is refused, naming what is wrong", () => {
  const { offload } = sceneOf();
  const tool = { name: "build", inputSchema: SCHEMA, execute: stubborn };
  const OWN = z.object({ run_in_background: z.string() });
  const bad: [what: string, message: string, tool: unknown, offload: unknown][] = [
    ["an argument of its own", "run_in_background", { ...tool, inputSchema: OWN }, offload],
    [
      "another schema",
      "inputSchema must be a z.object() of zod 4",
      { ...tool, inputSchema: z.string() },
      offload,
    ],
    ["zod 3", "inputSchema must be a z.object() of zod 4", { ...tool, inputSchema: z3.object({}) }, offload],
    [
      "zod mini",
      "inputSchema must be a z.object() of zod 4",
      { ...tool, inputSchema: zm.object({}) },
      offload,
    ],
    ["no schema", "inputSchema must be a z.object() of zod 4", { ...tool, inputSchema: undefined }, offload],
    ["no function", "execute must be a function; got undefined.", { ...tool, execute: undefined }, offload],
    ["no tool", "tool must be an object; got null.", null, offload],
    ["no middleware", "offload.run must be a function; got undefined.", tool, undefined],
    ["something else", "offload.run must be a function; got undefined.", tool, {}],
  ];

  test.each(bad)("%s: %s", (_, message, tool, offload) => {
    const build = () => withBackgroundArgument(tool as never, offload as never);
    expect(build).toThrow(expect.objectContaining({ code: "invalid_option" }));
    expect(build).toThrow(message);
  });
});
