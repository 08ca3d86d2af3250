/** The tools that may be called over HTTP. */

import { TaskOffloadError } from "../core/errors.ts";
import type { ToolContext } from "../core/model/call.ts";
import type { FollowUpMode } from "../core/model/follow-up.ts";
import type { TaskScope } from "../core/model/task.ts";
import { func, kind, oneOf, text, name as toolName, whole } from "../core/values/kinds.ts";
import { needed, option, readOptions, type Settings, type Table } from "../core/values/options.ts";
import { describeError } from "../core/values/summary.ts";
import type { CreateBody } from "./protocol.ts";
import { isStandardSchema, jsonSchemaOf, type StandardSchemaLike } from "./standard-schema.ts";

/** A tool of which users may create tasks. */
// biome-ignore lint/suspicious/noExplicitAny: whatever its schema makes of an input
export interface TaskTool<Input = any> {
  /** Called with what the schema has made of the input, in a task of its own. */
  execute(input: NoInfer<Input>, context: ToolContext): unknown;
  /** What the input must be: a Standard Schema, such as one of zod, Valibot or ArkType. */
  schema: StandardSchemaLike<Input>;
  /** The same as JSON Schema, where the schema cannot say it itself. Those of zod 4 can. */
  jsonSchema?: Record<string, unknown> | undefined;
  /** What it does, for who looks through `GET /tools`. @default "" */
  description?: string | undefined;
  /** The highest priority that a user may ask for, 1 to 10. @default 1 */
  maxPriority?: number | undefined;
  /** How the result comes back to the agent. Without a session it does not. @default "when_idle" */
  followUp?: FollowUpMode | "none" | undefined;
  /**
   * The metadata of the task: plain JSON, at most 16 KiB. That of the body is the user's word, and is ignored unless this
   * takes something of it.
   */
  metadata?(
    body: CreateBody & { input: NoInfer<Input> },
    scope: TaskScope,
  ): Record<string, unknown> | undefined | Promise<Record<string, unknown> | undefined>;
  /** Whether a user may call it. To who may not, there is no such tool. @default everybody may */
  allow?(scope: TaskScope): boolean | Promise<boolean>;
}

/** Tools by their names, with what the schema of each makes of an input. */
export type TaskTools<Inputs> = { readonly [Name in keyof Inputs]: TaskTool<Inputs[Name]> };

const TOOL = {
  execute: needed(func<TaskTool["execute"]>()),
  schema: needed(kind<StandardSchemaLike>("a Standard Schema, such as one of zod", isStandardSchema)),
  jsonSchema: option(kind<Record<string, unknown>>("a JSON Schema, as an object", isObject)),
  description: option(text, ""),
  maxPriority: option(whole(1, 10), 1),
  followUp: option(oneOf("when_idle", "interrupt", "silent", "none"), "when_idle"),
  metadata: option(func<NonNullable<TaskTool["metadata"]>>()),
  allow: option(func<NonNullable<TaskTool["allow"]>>()),
} satisfies Table<TaskTool>;

/** A tool as the handler keeps it. */
export interface CreatableTool extends Settings<typeof TOOL> {
  readonly name: string;
  /** As JSON Schema. */
  readonly inputSchema: Record<string, unknown>;
}

export type CreatableTools = ReadonlyMap<string, CreatableTool>;

// biome-ignore lint/suspicious/noExplicitAny: whatever the schema of each makes of an input
export const taskTools = kind<TaskTools<any>>("an object with a tool for each name", isObject);

/** The tools of a host, by name: a map, since one may be called "constructor". @throws `invalid_option`, naming the tool */
export function creatableTools(tools: TaskTools<Record<string, unknown>>): CreatableTools {
  return new Map(Object.entries(tools).map(([name, tool]) => [name, creatableTool(name, tool)]));
}

/** Whether a user may create a task of it. */
export async function isAllowed({ allow }: CreatableTool, scope: TaskScope): Promise<boolean> {
  return allow === undefined || (await allow({ ...scope })) === true;
}

function creatableTool(name: string, tool: TaskTool): CreatableTool {
  const where = `tools.${name}`;
  toolName(name, `the name of ${where}`, "invalid_option");
  const settings = readOptions(TOOL, tool, where, `${where}.`);
  const { execute, metadata, allow, schema, jsonSchema = ownJsonSchema(where, schema) } = settings;
  return {
    ...settings,
    name,
    inputSchema: jsonSchema,
    // A tool may be an instance of a class.
    execute: execute.bind(tool),
    metadata: metadata?.bind(tool),
    allow: allow?.bind(tool),
  };
}

function ownJsonSchema(where: string, schema: StandardSchemaLike): Record<string, unknown> {
  let reason = "its schema does not say one itself";
  try {
    const own = jsonSchemaOf(schema);
    if (own !== undefined) return own;
  } catch (error) {
    reason = `its schema cannot be said in JSON Schema (${describeError(error)})`;
  }
  throw new TaskOffloadError("invalid_option", `${where}.jsonSchema must be given: ${reason}.`);
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
