import type { FollowUpStatus } from "../../core/model/follow-up.ts";
import type { ClaimFilter, SessionClaim, SessionKey, Settlement } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import { copyRecord } from "../shared/copy.ts";
import { acknowledges, claimFollowUp, settleFollowUp, settlementOf, WAKING } from "../shared/follow-ups.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Claims } from "./claims.ts";
import { byCompletion, type Entry } from "./entry.ts";

/** Follow-ups on their way: which are due, and who has claimed which session. */
export class Outbox {
  readonly #catalogue: Catalogue;
  readonly #claims: Claims;
  readonly #clock: SteadyClock;

  constructor(catalogue: Catalogue, claims: Claims, clock: SteadyClock) {
    this.#catalogue = catalogue;
    this.#claims = claims;
    this.#clock = clock;
  }

  claim(claimant: string, leaseMs: number, filter: ClaimFilter): SessionClaim | undefined {
    this.#claims.endLapsed();
    const session = this.#find(filter);
    if (session === undefined) return undefined;
    const entries = this.#claimableIn(session, filter);
    const countsTurn = filter.maxTurns !== undefined;
    const endsAt = this.#clock.monotonic() + leaseMs;
    const token = this.#claims.begin(claimant, { session, entries, countsTurn, endsAt });
    for (const entry of entries) this.#claimFollowUp(entry);
    const tasks = entries.map((entry) => copyRecord(entry.record));
    return { token, ...session, tasks, turns: this.#catalogue.turns.of(session) };
  }

  prolong({ token }: SessionClaim, leaseMs: number): boolean {
    this.#claims.endLapsed();
    const claim = this.#claims.get(token);
    if (claim === undefined) return false;
    this.#claims.prolong(claim, this.#clock.monotonic() + leaseMs);
    return true;
  }

  settle({ token }: SessionClaim, outcome: Record<string, Settlement>): TaskRecord[] | undefined {
    this.#claims.endLapsed();
    const claim = this.#claims.get(token);
    if (claim === undefined) return undefined;
    // Whoever has dropped a follow-up in the meantime has settled it.
    const settled = claim.entries.filter((entry) => hasFollowUp(entry, "claimed"));
    for (const entry of settled) this.#settle(entry, outcome);
    const isTurn = claim.countsTurn && acknowledges(outcome);
    if (isTurn) this.#catalogue.countTurn(claim.session, this.#clock.monotonic());
    this.#claims.end(claim);
    return settled.map((entry) => copyRecord(entry.record));
  }

  resetTurns(session: SessionKey): void {
    this.#catalogue.resetTurns(session);
  }

  /** The session of the oldest follow-up that gives reason to claim: if that one is too young, all are. */
  #find(filter: ClaimFilter): SessionKey | undefined {
    const oldest = filter.session ? this.#oldestIn(filter.session, filter) : this.#oldestDue(filter);
    const { minAgeMs = 0 } = filter;
    if (oldest === undefined || this.#clock.monotonic() - oldest.endedAt < minAgeMs) return undefined;
    const { userId, sessionId } = oldest.record;
    return { userId, sessionId };
  }

  #oldestIn(session: SessionKey, filter: ClaimFilter): Entry | undefined {
    const { modes = WAKING, maxTurns = Infinity, onlyDue = false } = filter;
    if (this.#claims.isClaimed(session) || this.#catalogue.turns.of(session) >= maxTurns) return undefined;
    const isReason = (entry: Entry) => modes.includes(entry.followUpMode) && (!onlyDue || this.#isDue(entry));
    return this.#catalogue.pendingOf(session).find(isReason);
  }

  #oldestDue({ modes = WAKING, maxTurns }: ClaimFilter): Entry | undefined {
    this.#catalogue.endDelays(this.#clock.monotonic());
    const lists = this.#catalogue.pending.lists(modes, maxTurns);
    return lists.flatMap((list) => list.first() ?? []).sort(byCompletion)[0];
  }

  #isDue(entry: Entry): boolean {
    return entry.dueAt <= this.#clock.monotonic();
  }

  /** Who asks for a session gets what is delayed there too. */
  #claimableIn(session: SessionKey, filter: ClaimFilter): Entry[] {
    const pending = this.#catalogue.pendingOf(session);
    const isAskedFor = filter.session !== undefined && !filter.onlyDue;
    return isAskedFor ? pending : pending.filter((entry) => entry.isDeferred || this.#isDue(entry));
  }

  #claimFollowUp(entry: Entry): void {
    const change = claimFollowUp(entry.record.followUp);
    this.#catalogue.update(entry, () => entry.change(change, this.#clock));
  }

  #settle(entry: Entry, outcome: Record<string, Settlement>): void {
    const settlement = settlementOf(outcome, entry.id);
    this.#catalogue.update(entry, () => {
      if ("delayMs" in settlement) entry.dueAt = this.#clock.monotonic() + settlement.delayMs;
      entry.isDeferred = settlement.type === "defer";
      entry.change(settleFollowUp(entry.record.followUp, settlement, this.#clock.now()), this.#clock);
    });
  }
}

function hasFollowUp({ record }: Entry, status: FollowUpStatus): boolean {
  return record.followUp.status === status;
}
