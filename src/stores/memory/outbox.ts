import type { StoredFollowUp } from "../../core/follow-up.ts";
import type { ClaimFilter, SessionClaim, Settlement, TaskChange } from "../../core/store.ts";
import { inScope, type TaskRecord } from "../../core/task.ts";
import type { Catalogue, User } from "./catalogue.ts";
import { copyRecord } from "./copy.ts";
import { byCompletion, type Entry } from "./entry.ts";

interface Lease {
  token: string;
  endsAt: number;
  user: User;
  sessionId: string | null;
  entries: Entry[];
}

const WAKING = ["when_idle", "interrupt"] as const;

/** Follow-ups on their way: which are due, and which session is leased to whom. */
export class Outbox {
  readonly #catalogue: Catalogue;
  readonly #now: () => number;
  readonly #leases = new Map<string, Lease>();
  #claims = 0;

  constructor(catalogue: Catalogue, now: () => number) {
    this.#catalogue = catalogue;
    this.#now = now;
  }

  claim(claimant: string, leaseMs: number, filter: ClaimFilter): SessionClaim | undefined {
    this.endLapsed();
    const oldest = this.#oldestDue(filter);
    if (oldest === undefined) return undefined;
    this.#claims += 1;
    const lease = this.#lease(oldest.record, `${claimant}:${this.#claims}`, leaseMs);
    for (const entry of lease.entries) this.#take(entry);
    const tasks = lease.entries.map((entry) => copyRecord(entry.record));
    return { token: lease.token, userId: lease.user.id, sessionId: lease.sessionId, tasks };
  }

  settle({ token }: SessionClaim, outcome: Record<string, Settlement>): boolean {
    this.endLapsed();
    const lease = this.#leases.get(token);
    if (lease === undefined) return false;
    for (const entry of lease.entries) {
      // Whoever has dropped a follow-up in the meantime has settled it.
      if (entry.record.followUp.status !== "claimed") continue;
      const settlement = Object.hasOwn(outcome, entry.id) ? outcome[entry.id] : undefined;
      this.#settle(entry, settlement ?? { type: "defer", dueAt: 0 });
    }
    this.#end(lease);
    return true;
  }

  /** Gives back the follow-ups of claims that were not settled in time. */
  endLapsed(): void {
    const now = this.#now();
    for (const lease of this.#leases.values()) if (lease.endsAt <= now) this.#end(lease);
  }

  #oldestDue({ scope, modes = WAKING }: ClaimFilter): Entry | undefined {
    const lists = scope
      ? [this.#catalogue.user(scope.userId).pending]
      : modes.map((mode) => this.#catalogue.pending[mode]);
    const isWanted = (entry: Entry) =>
      modes.includes(entry.followUpMode) && (!scope || inScope(entry.record, scope));
    return lists
      .flatMap((list) => first(list, (entry) => isWanted(entry) && this.#isFree(entry)) ?? [])
      .sort(byCompletion)[0];
  }

  #isDue(entry: Entry): boolean {
    return entry.dueAt <= this.#now();
  }

  #isFree(entry: Entry): boolean {
    const { userId, sessionId } = entry.record;
    return this.#isDue(entry) && !this.#catalogue.user(userId).leasedSessions.includes(sessionId);
  }

  #lease({ userId, sessionId }: TaskRecord, token: string, leaseMs: number): Lease {
    const user = this.#catalogue.user(userId);
    const entries = [...user.pending].filter(
      (entry) => entry.record.sessionId === sessionId && this.#isDue(entry),
    );
    const lease = { token, endsAt: this.#now() + leaseMs, user, sessionId, entries };
    user.leasedSessions = [...user.leasedSessions, sessionId];
    this.#leases.set(token, lease);
    return lease;
  }

  #take(entry: Entry): void {
    const { followUp } = entry.record;
    const claimed: StoredFollowUp = { ...followUp, status: "claimed", attempts: followUp.attempts + 1 };
    this.#catalogue.update(entry, () => {
      entry.isClaimed = true;
      entry.change({ patch: { followUp: claimed }, events: [] }, this.#now());
    });
  }

  #settle(entry: Entry, settlement: Settlement): void {
    const now = this.#now();
    this.#catalogue.update(entry, () => {
      if ("dueAt" in settlement) entry.dueAt = settlement.dueAt;
      entry.change(changeFor(entry.record.followUp, settlement, now), now);
    });
  }

  #end({ token, user, sessionId, entries }: Lease): void {
    this.#leases.delete(token);
    user.leasedSessions = user.leasedSessions.filter((leased) => leased !== sessionId);
    for (const entry of entries) {
      // It may have been evicted, and its id taken by another.
      if (this.#catalogue.get(entry.id) !== entry) continue;
      this.#catalogue.refile(entry, () => {
        entry.isClaimed = false;
      });
    }
    this.#catalogue.tidy(user);
  }
}

function changeFor(followUp: StoredFollowUp, settlement: Settlement, now: number): TaskChange {
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

function first(entries: Iterable<Entry>, isWanted: (entry: Entry) => boolean): Entry | undefined {
  for (const entry of entries) if (isWanted(entry)) return entry;
  return undefined;
}
