import * as z from "zod";
import { TaskOffloadError } from "../../core/errors.ts";
import { needed, readOptions, type Table } from "../../core/values/options.ts";
import { CONTROL_TOOLS, type ControlToolsOptions } from "../../tools/control-tools.ts";
import type { ControlTool } from "../../tools/definition.ts";
import { type ScopeFor, scope, scopeFor } from "../shared/options.ts";
import { type ScopedTool, scopedTools } from "../shared/task-tools.ts";
import { kept } from "../shared/tool-set.ts";
import type { CallDetailsLike, RunContextLike } from "./like.ts";

/** The options of {@link taskTools}. */
export interface TaskToolsOptions<Context = unknown> extends Omit<ControlToolsOptions, "scope"> {
  /** All that they ever see, or what tells it from the `context` that was given to `run`. Give it a `sessionId`. */
  scope: ScopeFor<Context>;
}

const TASK_TOOLS = {
  ...CONTROL_TOOLS,
  scope: needed(scope),
} satisfies Table<TaskToolsOptions>;

/** A control tool as a `FunctionTool`. */
export interface TaskTool {
  type: "function";
  name: string;
  description: string;
  parameters: {
    type: "object";
    properties: Record<string, object>;
    required: string[];
    additionalProperties: false;
  };
  strict: false;
  deferLoading: false;
  invoke(runContext: RunContextLike, input: string, details?: CallDetailsLike): Promise<string>;
  needsApproval(): Promise<boolean>;
  isEnabled(): Promise<boolean>;
}

/**
 * `task_list`, `task_output` and `task_stop` as tools of an agent: its model sees its tasks, reads one, stops one.
 * They wait where they are told to, so {@link offloadTools} leaves them as they are. An argument that is wrong is
 * told to the model, for it to mend.
 *
 * @throws `invalid_option`, naming the option and its value
 * @example
 * ```ts
 * import { Agent } from "@openai/agents";
 * import { BackgroundTaskManager } from "tool-offload";
 * import { taskTools } from "tool-offload/adapters/openai-agents";
 *
 * const tasks = new BackgroundTaskManager();
 * const scope = (context: { userId: string; chatId: string }) => {
 *   return { userId: context.userId, sessionId: context.chatId };
 * };
 * const agent = new Agent<{ userId: string; chatId: string }>({ name: "Builder", tools: taskTools({ tasks, scope }) });
 * console.log(agent.tools.map(({ name }) => name).join()); // "task_list,task_output,task_stop"
 * ```
 */
export function taskTools<Context = unknown>(options: TaskToolsOptions<Context>): TaskTool[] {
  const settings = readOptions(TASK_TOOLS, options);
  const scopeOf = (scope: ScopeFor<Context>, run: RunContextLike) => scopeFor(scope, run?.context as Context);
  return scopedTools(settings, settings.scope, scopeOf).map(toFunctionTool);
}

function toFunctionTool({ name, description, inputSchema, toolFor }: ScopedTool<RunContextLike>): TaskTool {
  const { $schema: _, ...parameters } = z.toJSONSchema(inputSchema, { io: "input" });
  return kept({
    type: "function",
    name,
    description,
    parameters: { required: [], ...parameters } as unknown as TaskTool["parameters"],
    strict: false,
    deferLoading: false,
    invoke: (runContext, input, details) => answer(toolFor(runContext), input, details?.signal),
    needsApproval: async () => false,
    isEnabled: async () => true,
  });
}

async function answer(tool: ControlTool, input: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    return JSON.stringify(await tool.execute(JSON.parse(input || "{}"), { signal }));
  } catch (error) {
    // What a parser says quotes what it was given.
    if (error instanceof SyntaxError) return "The arguments must be a JSON object.";
    if (TaskOffloadError.isInstance(error)) return error.message;
    throw error;
  }
}
