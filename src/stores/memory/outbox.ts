import type { FollowUpStatus, StoredFollowUp } from "../../core/model/follow-up.ts";
import type { ClaimFilter, SessionClaim, SessionKey, Settlement } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { copyRecord } from "../shared/copy.ts";
import { acknowledges, settleFollowUp, WAKING } from "../shared/follow-ups.ts";
import type { Catalogue } from "./catalogue.ts";
import { byCompletion, type Entry } from "./entry.ts";

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
    const session = this.#find(filter);
    if (session === undefined) return undefined;
    this.#claims += 1;
    const { token, entries } = this.#lease(session, `${claimant}:${this.#claims}`, leaseMs, filter);
    for (const entry of entries) this.#take(entry);
    const tasks = entries.map((entry) => copyRecord(entry.record));
    return { token, ...session, tasks, turns: this.#catalogue.turns.of(session) };
  }

  prolong({ token }: SessionClaim, leaseMs: number): boolean {
    this.endLapsed();
    const lease = this.#leases.get(token);
    if (lease === undefined) return false;
    lease.endsAt = this.#now() + leaseMs;
    return true;
  }

  settle({ token }: SessionClaim, outcome: Record<string, Settlement>): TaskRecord[] | undefined {
    this.endLapsed();
    const lease = this.#leases.get(token);
    if (lease === undefined) return undefined;
    // Whoever has dropped a follow-up in the meantime has settled it.
    const settled = lease.entries.filter((entry) => hasFollowUp(entry, "claimed"));
    for (const entry of settled) this.#settle(entry, outcome);
    const isTurn = lease.countsTurn && acknowledges(outcome);
    if (isTurn) this.#catalogue.countTurn(lease.session, this.#now());
    this.#end(lease);
    return settled.map((entry) => copyRecord(entry.record));
  }

  resetTurns(session: SessionKey): void {
    this.#catalogue.resetTurns(session);
  }

  /** Gives back the follow-ups of claims that were not settled in time. */
  endLapsed(): void {
    const now = this.#now();
    for (const lease of this.#leases.values()) if (lease.endsAt <= now) this.#end(lease);
  }

  /** The session of the oldest follow-up that gives reason to claim: if that one is too young, all are. */
  #find(filter: ClaimFilter): SessionKey | undefined {
    const oldest = filter.session ? this.#oldestIn(filter.session, filter) : this.#oldestDue(filter);
    const { minAgeMs = 0 } = filter;
    if (oldest === undefined || this.#ageOf(oldest) < minAgeMs) return undefined;
    const { userId, sessionId } = oldest.record;
    return { userId, sessionId };
  }

  /** It may have ended by a clock that is ahead of this one. */
  #ageOf(entry: Entry): number {
    return Math.max(0, this.#now() - entry.completedAt);
  }

  #oldestIn(session: SessionKey, filter: ClaimFilter): Entry | undefined {
    const { modes = WAKING, maxTurns = Infinity, onlyDue = false } = filter;
    if (!this.#isFree(session) || this.#catalogue.turns.of(session) >= maxTurns) return undefined;
    const isReason = (entry: Entry) => modes.includes(entry.followUpMode) && (!onlyDue || this.#isDue(entry));
    return this.#catalogue.pendingOf(session).find(isReason);
  }

  #oldestDue({ modes = WAKING, maxTurns }: ClaimFilter): Entry | undefined {
    const isWanted = (entry: Entry) => this.#isDue(entry) && this.#isFree(entry.record);
    const lists = this.#catalogue.pending.lists(modes, maxTurns);
    return lists.flatMap((list) => first(list, isWanted) ?? []).sort(byCompletion)[0];
  }

  #isDue(entry: Entry): boolean {
    return entry.dueAt <= this.#now();
  }

  #comesAlong(entry: Entry): boolean {
    return entry.isDeferred || this.#isDue(entry);
  }

  #isFree({ userId, sessionId }: SessionKey): boolean {
    return !this.#catalogue.user(userId).leasedSessions.includes(sessionId);
  }

  #lease(session: SessionKey, token: string, leaseMs: number, filter: ClaimFilter): Lease {
    const user = this.#catalogue.user(session.userId);
    const pending = this.#catalogue.pendingOf(session);
    const isAsked = filter.session !== undefined && !filter.onlyDue;
    const entries = isAsked ? pending : pending.filter((entry) => this.#comesAlong(entry));
    const countsTurn = filter.maxTurns !== undefined;
    const lease = { token, session, entries, endsAt: this.#now() + leaseMs, countsTurn };
    user.leasedSessions = [...user.leasedSessions, session.sessionId];
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

  #settle(entry: Entry, outcome: Record<string, Settlement>): void {
    const now = this.#now();
    const named = Object.hasOwn(outcome, entry.id) ? outcome[entry.id] : undefined;
    const settlement = named ?? { type: "defer", delayMs: 0 };
    this.#catalogue.update(entry, () => {
      if ("delayMs" in settlement) entry.dueAt = now + settlement.delayMs;
      entry.isDeferred = settlement.type === "defer";
      entry.change(settleFollowUp(entry.record.followUp, settlement, now), now);
    });
  }

  #end({ token, session, entries }: Lease): void {
    const user = this.#catalogue.user(session.userId);
    this.#leases.delete(token);
    user.leasedSessions = user.leasedSessions.filter((leased) => leased !== session.sessionId);
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

interface Lease {
  token: string;
  session: SessionKey;
  entries: Entry[];
  endsAt: number;
  countsTurn: boolean;
}

function hasFollowUp({ record }: Entry, status: FollowUpStatus): boolean {
  return record.followUp.status === status;
}

function first(entries: Iterable<Entry>, isWanted: (entry: Entry) => boolean): Entry | undefined {
  for (const entry of entries) if (isWanted(entry)) return entry;
  return undefined;
}
