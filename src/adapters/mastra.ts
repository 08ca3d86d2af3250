export { type FollowUpInterruptsOptions, followUpInterrupts } from "./mastra/interrupts.ts";
export type {
  MemoryLike,
  ProcessorLike,
  SignalAgentLike,
  ToolContextLike,
  ToolSetLike,
} from "./mastra/like.ts";
export { followUpOf } from "./mastra/messages.ts";
export { offloadTools } from "./mastra/offload-tools.ts";
export type { OffloadToolsOptions, ScopeOption } from "./mastra/options.ts";
export { type SendFollowUpsOptions, sendFollowUps } from "./mastra/send-follow-ups.ts";
export { type TaskTool, type TaskTools, type TaskToolsOptions, taskTools } from "./mastra/task-tools.ts";
export { isPlaceholder, type TaskPlaceholder } from "./shared/placeholder.ts";
export { toolContext } from "./shared/tool-context.ts";
