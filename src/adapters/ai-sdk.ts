export { isPlaceholder, type TaskPlaceholder } from "../core/model/placeholder.ts";
export {
  type FollowUpInterrupts,
  type FollowUpInterruptsOptions,
  followUpInterrupts,
} from "./ai-sdk/interrupts.ts";
export type { MessageLike, StreamResultLike, ToolLike, ToolOptionsLike, ToolSetLike } from "./ai-sdk/like.ts";
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
export { type StreamedTurn, type StreamTurnOptions, streamTurn } from "./ai-sdk/stream-turn.ts";
export { type TaskTool, type TaskTools, type TaskToolsOptions, taskTools } from "./ai-sdk/task-tools.ts";
export type { LateResults } from "./shared/follow-ups.ts";
export { toolContext } from "./shared/tool-context.ts";
