export {
  type FollowUpInterrupts,
  type FollowUpInterruptsOptions,
  followUpInterrupts,
  type InterruptibleTurn,
} from "./openai-agents/interrupts.ts";
export type {
  AgentLike,
  CallDetailsLike,
  FinalOutputLike,
  FollowUpItem,
  FunctionToolLike,
  RunContextLike,
  RunStateLike,
  SessionLike,
  ToolLike,
  ToolResultLike,
} from "./openai-agents/like.ts";
export { followUpOf, toInput } from "./openai-agents/messages.ts";
export { offloadTools } from "./openai-agents/offload-tools.ts";
export { offloadingTool } from "./openai-agents/offloading-tool.ts";
export type { OffloadToolsOptions } from "./openai-agents/options.ts";
export { afterTools, type StopRule } from "./openai-agents/stop-rules.ts";
export { takeIn } from "./openai-agents/take-in.ts";
export { type TaskTool, type TaskToolsOptions, taskTools } from "./openai-agents/task-tools.ts";
export { toolContext } from "./shared/tool-context.ts";
