import type * as z from "zod";
import { option, readOptions, type Table } from "../../core/values/options.ts";
import { CONTROL_TOOLS, type ControlTools, type ControlToolsOptions } from "../../tools/control-tools.ts";
import type { ControlTool } from "../../tools/definition.ts";
import { scope } from "../shared/options.ts";
import { scopedTools } from "../shared/task-tools.ts";
import { kept } from "../shared/tool-set.ts";
import type { ToolContextLike } from "./like.ts";
import type { ScopeOption } from "./options.ts";
import { threadScopeOf } from "./scope.ts";

/** The options of {@link taskTools}. */
export interface TaskToolsOptions extends Omit<ControlToolsOptions, "scope"> {
  /** All that they ever see. Without it: the tasks of the run's thread, which has to have one. */
  scope?: ScopeOption | undefined;
}

const TASK_TOOLS = {
  ...CONTROL_TOOLS,
  scope: option(scope),
} satisfies Table<TaskToolsOptions>;

/** One of the control tools, as Mastra wants a tool. */
export interface TaskTool<T extends ControlTool> {
  id: string;
  description: string;
  inputSchema: T["inputSchema"];
  execute(input: z.output<T["inputSchema"]>, context: ToolContextLike): ReturnType<T["execute"]>;
}

export type TaskTools = { [Name in keyof ControlTools]: TaskTool<ControlTools[Name]> };

/**
 * `task_list`, `task_output` and `task_stop` as tools of Mastra: with them a model handles its own tasks. They are
 * never offloaded, also where they are given to `offloadTools`.
 *
 * @throws `invalid_option`, naming the option and its value
 * @example
 * ```ts
 * import { BackgroundTaskManager } from "tool-offload";
 * import { taskTools } from "tool-offload/adapters/mastra";
 *
 * const tasks = new BackgroundTaskManager();
 * const tools = taskTools({ tasks });
 * console.log(Object.keys(tools)); // [ 'task_list', 'task_output', 'task_stop' ]
 * ```
 */
export function taskTools(options: TaskToolsOptions): TaskTools {
  const settings = readOptions(TASK_TOOLS, options);
  const tools = scopedTools(settings, settings.scope, threadScopeOf);
  const entries = tools.map(({ name, description, inputSchema, toolFor }) => {
    const execute = async (input: Record<string, unknown>, given: ToolContextLike) =>
      toolFor(given).execute(input, { signal: given.abortSignal });
    return [name, kept({ [MASTRA_TOOL]: true, id: name, description, inputSchema, execute })];
  });
  return Object.fromEntries(entries);
}

/** By which Mastra knows its own tools, whichever copy of it has made them. */
const MASTRA_TOOL = Symbol.for("mastra.core.tool.Tool");
