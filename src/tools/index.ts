export {
  type BackgroundTool,
  type ToolWithSchema,
  withBackgroundArgument,
} from "./background-argument.ts";
export { type ControlTools, type ControlToolsOptions, controlTools } from "./control-tools.ts";
export type { ControlTool, ExecuteOptions, NoSuchTask } from "./definition.ts";
export type { OutputPart } from "./output-part.ts";
export type { TaskOutcome, TaskRead } from "./read-task.ts";
export type { CompletedPart } from "./result-part.ts";
export type { TaskListAnswer, TaskListTool } from "./task-list.ts";
export type { TaskOutputAnswer, TaskOutputTool, TasksOutputAnswer } from "./task-output.ts";
export type { TaskStopAnswer, TaskStopTool } from "./task-stop.ts";
export type { TaskView } from "./task-view.ts";
