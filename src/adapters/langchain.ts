export { toolContext } from "./langchain/call.ts";
export {
  type FollowUpInterrupts,
  type FollowUpInterruptsOptions,
  followUpInterrupts,
} from "./langchain/interrupts.ts";
export type { MessageLike, RuntimeLike } from "./langchain/like.ts";
export { followUpOf, toInput } from "./langchain/messages.ts";
export { type OffloadMiddleware, offloadMiddleware } from "./langchain/offload-middleware.ts";
export type { OffloadOptions, ScopeOption } from "./langchain/options.ts";
export { type TaskToolsOptions, taskTools } from "./langchain/task-tools.ts";
export type { LateResults } from "./shared/follow-ups.ts";
