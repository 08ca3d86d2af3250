import type * as z from "zod";
import { needed, readOptions, type Table } from "../../core/values/options.ts";
import { CONTROL_TOOLS, type ControlTools, type ControlToolsOptions } from "../../tools/control-tools.ts";
import type { ControlTool } from "../../tools/definition.ts";
import { scope, scopeFor } from "../shared/options.ts";
import { scopedTools } from "../shared/task-tools.ts";
import { kept } from "../shared/tool-set.ts";
import type { ToolOptionsLike } from "./like.ts";
import type { ScopeOption } from "./options.ts";

/** The options of {@link taskTools}. */
export interface TaskToolsOptions extends Omit<ControlToolsOptions, "scope"> {
  /** All that they ever see, or what tells it from the options that `execute` gets. Give it a `sessionId`. */
  scope: ScopeOption;
}

const TASK_TOOLS = {
  ...CONTROL_TOOLS,
  scope: needed(scope),
} satisfies Table<TaskToolsOptions>;

/** One of the control tools, as the AI SDK wants a tool. */
export interface TaskTool<T extends ControlTool> {
  description: string;
  inputSchema: T["inputSchema"];
  execute: (input: z.output<T["inputSchema"]>, options: ToolOptionsLike) => ReturnType<T["execute"]>;
}

export type TaskTools = { [Name in keyof ControlTools]: TaskTool<ControlTools[Name]> };

/**
 * `task_list`, `task_output` and `task_stop` as tools of the AI SDK: with them a model handles its own tasks. They
 * are never offloaded, also where they are given to `offloadTools`.
 *
 * @throws `invalid_option`, naming the option and its value
 * @example
 * ```ts
 * import { BackgroundTaskManager } from "tool-offload";
 * import { taskTools } from "tool-offload/adapters/ai-sdk";
 *
 * const tasks = new BackgroundTaskManager();
 * const tools = taskTools({ tasks, scope: { userId: "ada", sessionId: "chat-7" } });
 * console.log(Object.keys(tools)); // [ 'task_list', 'task_output', 'task_stop' ]
 * ```
 */
export function taskTools(options: TaskToolsOptions): TaskTools {
  const settings = readOptions(TASK_TOOLS, options);
  const tools = scopedTools(settings, settings.scope, scopeFor<ToolOptionsLike>);
  const entries = tools.map(({ name, description, inputSchema, toolFor }) => {
    const execute = async (input: Record<string, unknown>, given: ToolOptionsLike) =>
      toolFor(given).execute(input, { signal: given.abortSignal });
    return [name, kept({ description, inputSchema, execute })];
  });
  return Object.fromEntries(entries);
}
