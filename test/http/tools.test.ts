import { expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import * as mini from "zod/mini";
import { createTaskHandler, type StandardSchemaLike, type TaskTool } from "../../src/http/index.ts";
import { BackgroundTaskManager, type TaskScope, type ToolContext } from "../../src/index.ts";

const tasks = new BackgroundTaskManager();
const sound = { tasks, authenticate: () => ({ userId: "ada" }) };
const execute = async () => "built";
const schema = z.object({});
const own: StandardSchemaLike = {
  "~standard": { version: 1, vendor: "own", validate: (value) => ({ value }) },
};

function making(tools: unknown): () => unknown {
  return () => createTaskHandler({ ...sound, tools: tools as Record<string, TaskTool> });
}

test.each<[unknown, string]>([
  [[], "tools must be an object with a tool for each name"],
  [{ "": { execute, schema } }, "the name of tools. must be a text of 1 to 256 characters"],
  [{ build: null }, "tools.build must be an object"],
  [{ build: { schema } }, "tools.build.execute must be a function"],
  [{ build: { execute } }, "tools.build.schema must be a Standard Schema"],
  [{ build: { execute, schema: {} } }, "tools.build.schema must be a Standard Schema"],
  [
    { build: { execute, schema, maxPriority: 11 } },
    "tools.build.maxPriority must be a whole number from 1 to 10",
  ],
  [{ build: { execute, schema, followUp: "loud" } }, "tools.build.followUp must be one of"],
  [{ build: { execute, schema, allow: true } }, "tools.build.allow must be a function"],
  [{ build: { execute, schema, description: 7 } }, "tools.build.description must be a text"],
  [{ build: { execute, schema, jsonSchema: [] } }, "tools.build.jsonSchema must be a JSON Schema"],
  [
    { build: { execute, schema, priority: 3 } },
    "tools.build.priority is not an option; there are execute, schema,",
  ],
  [
    { build: { execute, schema: own } },
    "tools.build.jsonSchema must be given: its schema does not say one itself.",
  ],
  [
    { build: { execute, schema: z.date() } },
    "tools.build.jsonSchema must be given: its schema cannot be said in JSON",
  ],
])("%o is refused, naming the tool", (tools, message) => {
  expect(making(tools)).toThrow(expect.objectContaining({ code: "invalid_option" }));
  expect(making(tools)).toThrow(message);
});

test("schemas that can say themselves in JSON Schema need none beside, and others may bring one", () => {
  const older = {
    ...schema,
    _zod: schema._zod,
    "~standard": { version: 1, vendor: "zod", validate: () => ({ value: 1 }) },
  };
  const told = { ...own["~standard"], jsonSchema: { input: () => ({ type: "string" }) } };
  const schemas = [schema, mini.object({ a: mini.string() }), older, { "~standard": told }];
  for (const one of schemas) expect(making({ build: { execute, schema: one } })).not.toThrow();
  expect(making({ build: { execute, schema: own, jsonSchema: { type: "object" } } })).not.toThrow();
});

test("what a tool is called with has the type that its schema makes", () => {
  createTaskHandler({
    ...sound,
    tools: {
      build: {
        schema: z.object({ branch: z.string(), depth: z.string().transform(Number) }),
        execute: (input, context) => {
          expectTypeOf(input).toEqualTypeOf<{ branch: string; depth: number }>();
          expectTypeOf(context).toEqualTypeOf<ToolContext>();
        },
        metadata: ({ input, tool }, scope) => {
          expectTypeOf(input).toEqualTypeOf<{ branch: string; depth: number }>();
          expectTypeOf(scope).toEqualTypeOf<TaskScope>();
          return { tool };
        },
      },
      count: { schema: mini.number(), execute: (input) => expectTypeOf(input).toBeNumber() },
    },
  });
  createTaskHandler({
    ...sound,
    // @ts-expect-error A tool that takes something else than its schema makes.
    tools: { build: { schema: z.object({ n: z.number() }), execute: (input: { n: string }) => input } },
  });
  createTaskHandler(sound);
});
