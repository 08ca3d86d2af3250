import { TaskOffloadError } from "../core/errors.ts";
import { markObserved } from "../core/ledger/mark-observed.ts";
import { type BackgroundTaskManager, manager, partsOf } from "../core/manager.ts";
import { faultOfScope } from "../core/model/call.ts";
import type { TaskScope } from "../core/model/task.ts";
import { whole } from "../core/values/kinds.ts";
import { needed, option, readOptions, type Settings, type Table } from "../core/values/options.ts";
import type { OwnTasks } from "./definition.ts";
import { type TaskListTool, taskListTool } from "./task-list.ts";
import { type TaskOutputTool, taskOutputTool } from "./task-output.ts";
import { type TaskStopTool, taskStopTool } from "./task-stop.ts";

/** The options of {@link controlTools}. */
export interface ControlToolsOptions {
  tasks: BackgroundTaskManager;
  /** The only scope they ever see. Give it a `sessionId`, or a model sees all sessions of its user. */
  scope: TaskScope;
  /** The longest `wait_ms` a model may ask for, in milliseconds. @default 30_000 */
  maxWaitMs?: number | undefined;
  /** The longest text a model gets in one answer, in UTF-16 code units. @default 16_000 */
  maxChars?: number | undefined;
}

export const CONTROL_TOOLS = {
  tasks: needed(manager),
  scope: needed(ownScope),
  maxWaitMs: option(whole(0), 30_000),
  maxChars: option(whole(1), 16_000),
} satisfies Table<ControlToolsOptions>;

export interface ControlTools {
  task_list: TaskListTool;
  task_output: TaskOutputTool;
  task_stop: TaskStopTool;
}

/**
 * Three tools with which a model handles its own tasks: see them, read one, stop one. They belong to no
 * framework; each has a name, a description, a zod schema and a function. Reading how a task ended drops its
 * follow-up as `observed`; stopping one as `by: "model"` gives none.
 *
 * @throws `invalid_option`, naming the option and its value
 * @example
 * ```ts
 * import { BackgroundTaskManager } from "tool-offload";
 * import { controlTools } from "tool-offload/tools";
 *
 * const tasks = new BackgroundTaskManager();
 * const scope = { userId: "ada", sessionId: "chat-7" };
 * const task = await tasks.start({ toolName: "build", input: {}, scope }, () => "built");
 *
 * const { task_output } = controlTools({ tasks, scope });
 * const answer = await task_output.execute({ task_id: task.id, wait_ms: 5_000 });
 * if (answer.found && answer.outcome?.status === "completed") console.log(answer.outcome.text); // "built"
 * ```
 */
export function controlTools(options: ControlToolsOptions): ControlTools {
  const settings = readOptions(CONTROL_TOOLS, options);
  const own = ownTasksOf(settings);
  return {
    task_list: taskListTool(own),
    task_output: taskOutputTool(own, settings),
    task_stop: taskStopTool(own),
  };
}

function ownTasksOf({ tasks, scope }: Settings<typeof CONTROL_TOOLS>): OwnTasks {
  const parts = partsOf(tasks);
  const { userId, sessionId = null } = scope;
  return {
    tasks,
    scope,
    now: () => parts.clock.now(),
    end: (id) => parts.queries.end(scope, id, { offset: 0 }),
    turn: (signal) => parts.claims.holdOf({ userId, sessionId }) ?? signal,
    observe: (id) => markObserved(parts, scope, id),
  };
}

/** What the host does with its scope later must not widen what the model sees. */
function ownScope(value: unknown): TaskScope {
  const scope = value as TaskScope;
  const fault = faultOfScope(scope);
  if (fault) throw new TaskOffloadError("invalid_option", fault.message);
  const { userId, sessionId, agentId } = scope;
  return Object.freeze({ userId, sessionId, agentId });
}
