import type { FollowUpMode, StoredFollowUp } from "../../core/model/follow-up.ts";
import type { Settlement, Settlements, TurnBy } from "../../core/model/session-claim.ts";
import type { TaskChange } from "../../core/model/store.ts";

/** The modes that give reason to claim a session, where a claim names none. */
export const WAKING: readonly FollowUpMode[] = ["when_idle", "interrupt"];

/** Whether anything of a claim was told. */
export function acknowledges(outcome: Settlements): boolean {
  return Object.values(outcome).some(({ type }) => type === "acknowledge");
}

/** A task that shall have no follow-up wakes nobody, even if it is given one. */
export function modeOf(followUp: StoredFollowUp): FollowUpMode {
  return followUp.mode ?? "silent";
}

/** What a claim, which costs an attempt, or a hold costs a follow-up; `by` says which it is, `times` -1 gives it back. */
export function costOf({ attempts, holds = 0 }: StoredFollowUp, by: TurnBy, times = 1): Cost {
  return by === "library" ? { attempts: attempts + times } : { holds: holds + times };
}

type Cost = { attempts: number } | { holds: number };

/** The change that takes a pending follow-up into a turn. */
export function claimFollowUp(followUp: StoredFollowUp, by: TurnBy): TaskChange {
  const claimed = { ...followUp, ...costOf(followUp, by), status: "claimed" } as const;
  return { patch: { followUp: claimed }, events: [] };
}

/** What becomes of the follow-up of a task; one that is not named is deferred. */
export function settlementOf(outcome: Settlements, id: string): Settlement {
  const named = Object.hasOwn(outcome, id) ? outcome[id] : undefined;
  return named ?? { type: "defer", delayMs: 0 };
}

/** The change that settles a claimed follow-up. */
export function settleFollowUp(
  followUp: StoredFollowUp,
  by: TurnBy,
  settlement: Settlement,
  now: number,
): TaskChange {
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
      const deferred = { ...followUp, ...costOf(followUp, by, -1), status: "pending" } as const;
      return { patch: { followUp: deferred }, events: [] };
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
