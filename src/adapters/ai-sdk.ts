export {
  type FollowUpInterrupts,
  type FollowUpInterruptsOptions,
  followUpInterrupts,
} from "./ai-sdk/interrupts.ts";
export type { MessageLike, ToolLike, ToolOptionsLike, ToolSetLike } from "./ai-sdk/like.ts";
export {
  type FollowUpModelMessage,
  type FollowUpUIMessage,
  followUpOf,
  type TaskDataParts,
  type TaskPart,
  type TaskPartData,
  taskPart,
  toModelMessage,
  toUIMessage,
} from "./ai-sdk/messages.ts";
export { type OffloadedTool, type OffloadedTools, offloadTools } from "./ai-sdk/offload-tools.ts";
export type { OffloadToolsOptions, ScopeOption } from "./ai-sdk/options.ts";
export { unlessOffloaded } from "./ai-sdk/stop-rules.ts";
export { type TaskTool, type TaskTools, type TaskToolsOptions, taskTools } from "./ai-sdk/task-tools.ts";
export type { LateResults } from "./shared/follow-ups.ts";
export { isPlaceholder, type TaskPlaceholder } from "./shared/placeholder.ts";
export { toolContext } from "./shared/tool-context.ts";
