/** Where the way back of a result stands. `none`: the task has not ended, or nobody is to be told. */
export type FollowUpStatus = "none" | "pending" | "claimed" | "delivered" | "dropped";

/** When a result is handed to the agent: in a turn of its own, in the running one, or whenever there is one. */
export type FollowUpMode = "when_idle" | "interrupt" | "silent";

/** Why a follow-up will never be delivered. */
export type FollowUpDropReason = "session_gone" | "observed" | "returned" | "exhausted" | "expired";

/** The way back of one result, as a store keeps it. `mode: null`: this task shall have none. */
export interface StoredFollowUp {
  status: FollowUpStatus;
  mode: FollowUpMode | null;
  attempts: number;
  /** Turns of the user that it was taken into, and that failed or died. Absent in records of 0.1.0. @default 0 */
  holds?: number;
  reason: string | null;
}

/** True while somebody still has to be told. */
export function isOutstanding({ status }: Pick<StoredFollowUp, "status">): boolean {
  return status === "pending" || status === "claimed";
}
