import { type StructuredTool, tool } from "langchain";
import { option, readOptions, type Table } from "../../core/values/options.ts";
import { CONTROL_TOOLS, type ControlToolsOptions } from "../../tools/control-tools.ts";
import { scope } from "../shared/options.ts";
import { scopedTools } from "../shared/task-tools.ts";
import { kept } from "../shared/tool-set.ts";
import type { RuntimeLike } from "./like.ts";
import type { ScopeOption } from "./options.ts";
import { outside } from "./outside.ts";
import { threadScopeOf } from "./scope.ts";

/** The options of {@link taskTools}. */
export interface TaskToolsOptions extends Omit<ControlToolsOptions, "scope"> {
  /**
   * All that they ever see. Without it the user is `context.userId` of the run, or else `configurable.user_id`,
   * and the session is its thread, which it has to have.
   */
  scope?: ScopeOption | undefined;
}

const TASK_TOOLS = {
  ...CONTROL_TOOLS,
  scope: option(scope),
} satisfies Table<TaskToolsOptions>;

/**
 * `task_list`, `task_output` and `task_stop` as tools for `createAgent`. They see only the tasks of the run's
 * scope, and {@link offloadMiddleware} never offloads them.
 *
 * @throws `invalid_option`, naming the option and its value
 *
 * @example
 * ```ts
 * import { createAgent, fakeModel } from "langchain";
 * import { BackgroundTaskManager } from "tool-offload";
 * import { taskTools } from "tool-offload/adapters/langchain";
 *
 * const tasks = new BackgroundTaskManager();
 * const tools = taskTools({ tasks });
 * console.log(tools.map(({ name }) => name).join(", ")); // "task_list, task_output, task_stop"
 *
 * const agent = createAgent({ model: fakeModel(), tools });
 * await tasks.close();
 * ```
 */
export function taskTools(options: TaskToolsOptions): StructuredTool[] {
  const settings = readOptions(TASK_TOOLS, options);
  const tools = scopedTools(settings, settings.scope, threadScopeOf);
  return tools.map(({ name, description, inputSchema, toolFor }) => {
    const execute = (input: Record<string, unknown>, run: RuntimeLike & { signal?: AbortSignal }) => {
      const own = toolFor(run);
      return outside(() => own.execute(input, { signal: run.signal }));
    };
    return kept(tool(execute as never, { name, description, schema: inputSchema }) as StructuredTool);
  });
}
