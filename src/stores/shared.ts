/** What stores have in common, whatever they keep tasks in. */

import type { NewTaskEvent } from "../core/model/events.ts";
import type { StoredFollowUp } from "../core/model/follow-up.ts";
import type { Settlement, TaskChange } from "../core/model/store.ts";

/** What an event takes of the characters that are kept for each task. */
export function weightOf(event: NewTaskEvent): number {
  return EVENT_CHARS + textOf(event).length;
}

/** Whether anything of a claim was told. */
export function acknowledges(outcome: Readonly<Record<string, Settlement>>): boolean {
  return Object.values(outcome).some(({ type }) => type === "acknowledge");
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

/** What an event weighs beside its text. */
const EVENT_CHARS = 32;

function textOf(event: NewTaskEvent): string {
  switch (event.type) {
    case "task.output":
      return event.chunk;
    case "task.progress":
      return event.progress.message ?? "";
    case "task.failed":
      return event.error.message;
    case "task.cancelled":
    case "task.cancel_requested":
      return event.reason ?? "";
    default:
      return "";
  }
}
