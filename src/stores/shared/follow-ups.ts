import type { FollowUpMode, StoredFollowUp } from "../../core/model/follow-up.ts";
import type { Settlement, TaskChange } from "../../core/model/store.ts";

/** The modes that give reason to claim a session, where a claim names none. */
export const WAKING: readonly FollowUpMode[] = ["when_idle", "interrupt"];

/** Whether anything of a claim was told. */
export function acknowledges(outcome: Readonly<Record<string, Settlement>>): boolean {
  return Object.values(outcome).some(({ type }) => type === "acknowledge");
}

/** A task that shall have no follow-up wakes nobody, even if it is given one. */
export function modeOf(followUp: StoredFollowUp): FollowUpMode {
  return followUp.mode ?? "silent";
}

/** The change that claims a pending follow-up. */
export function claimFollowUp(followUp: StoredFollowUp): TaskChange {
  const attempts = followUp.attempts + 1;
  return { patch: { followUp: { ...followUp, status: "claimed", attempts } }, events: [] };
}

/** What becomes of the follow-up of a task; one that is not named is deferred. */
export function settlementOf(outcome: Readonly<Record<string, Settlement>>, id: string): Settlement {
  const named = Object.hasOwn(outcome, id) ? outcome[id] : undefined;
  return named ?? { type: "defer", delayMs: 0 };
}

/** The change that settles a claimed follow-up. */
export function settleFollowUp(followUp: StoredFollowUp, settlement: Settlement, now: number): TaskChange {
  switch (settlement.type) {
    case "acknowledge":
      return {
        patch: { followUp: { ...followUp, status: "delivered" } },
        events: [{ at: now, type: "follow_up.delivered" }],
      };
    case "drop":
      return dropFollowUp(followUp, settlement.reason, now);
    case "release":
      return { patch: { followUp: { ...followUp, status: "pending" } }, events: [] };
    case "defer": {
      const attempts = followUp.attempts - 1;
      return { patch: { followUp: { ...followUp, status: "pending", attempts } }, events: [] };
    }
  }
}

/** The change that says: this follow-up will never be delivered. */
export function dropFollowUp(followUp: StoredFollowUp, reason: string, now: number): TaskChange {
  return {
    patch: { followUp: { ...followUp, status: "dropped", reason } },
    events: [{ at: now, type: "follow_up.dropped", reason }],
  };
}
