export type { FollowUpClaim } from "./claim.ts";
export { FollowUpDispatcher } from "./dispatcher.ts";
export type { FollowUp } from "./follow-up.ts";
export { type ClaimMoment, type ClaimOptions, FollowUpInbox } from "./inbox.ts";
export {
  type FollowUpMarker,
  type FollowUpMessage,
  followUpMessage,
  type MarkedTask,
  type MessageOptions,
} from "./message.ts";
export type {
  DispatcherOptions,
  FollowUpOptions,
  InboxOptions,
} from "./options.ts";
export type { BegunTurn, Delivery, Interrupts, Turn } from "./turns/turn.ts";
export type { TurnOptions } from "./turns/turn-options.ts";
