import type { FollowUpMode, FollowUpStatus } from "../../core/model/follow-up.ts";
import type {
  ClaimFilter,
  ClaimKey,
  Held,
  Hold,
  Prolonged,
  SessionClaim,
  SessionKey,
  Settlements,
  TurnBy,
} from "../../core/model/session-claim.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import { copyRecord } from "../shared/copy.ts";
import { acknowledges, claimFollowUp, settleFollowUp, settlementOf, WAKING } from "../shared/follow-ups.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Claim, Claims } from "./claims.ts";
import { byCompletion, type Entry } from "./entry.ts";
import type { Hints } from "./hints.ts";
import type { Waits } from "./waits.ts";

/** Sessions and their follow-ups: which are due, and who has claimed or holds which. */
export class Outbox {
  readonly #catalogue: Catalogue;
  readonly #claims: Claims;
  readonly #clock: SteadyClock;
  readonly #waits: Waits;
  readonly #hints: Hints;

  constructor(catalogue: Catalogue, claims: Claims, waits: Waits, hints: Hints, clock: SteadyClock) {
    this.#catalogue = catalogue;
    this.#claims = claims;
    this.#waits = waits;
    this.#hints = hints;
    this.#clock = clock;
  }

  claim(claimant: string, leaseMs: number, filter: ClaimFilter): SessionClaim | undefined {
    this.#claims.endLapsed();
    const session = this.#find(filter);
    if (session === undefined) return undefined;
    const isAskedFor = filter.session !== undefined && !filter.onlyDue;
    const entries = isAskedFor ? this.#catalogue.pendingOf(session) : this.#dueIn(session);
    const countsTurn = filter.maxTurns !== undefined;
    return this.#begin(claimant, leaseMs, session, { by: "library", entries, countsTurn });
  }

  hold(claimant: string, leaseMs: number, session: SessionKey, terms: Hold): SessionClaim | Held {
    this.#claims.endLapsed();
    const { by, take, maxHolds, waitMs } = terms;
    const heldBy = this.#keptBy(session, claimant);
    if (heldBy !== undefined && waitMs > 0) {
      this.#waits.begin(session, claimant, this.#clock.monotonic() + waitMs);
      return { heldBy };
    }
    this.#waits.end(session, claimant);
    if (heldBy !== undefined) return { heldBy };
    if (by === "user") this.#catalogue.resetTurns(session);
    const entries = take ? this.#heldIn(session, maxHolds) : [];
    return this.#begin(claimant, leaseMs, session, { by, entries, countsTurn: false });
  }

  extend({ token }: ClaimKey, modes: readonly FollowUpMode[], maxHolds: number): TaskRecord[] | undefined {
    const claim = this.#current(token);
    if (claim === undefined) return undefined;
    const { session, by } = claim;
    const entries = by === "library" ? this.#dueIn(session) : this.#heldIn(session, maxHolds);
    if (!entries.some((entry) => modes.includes(entry.followUpMode))) return [];
    this.#claims.extend(claim, entries);
    return this.#take(entries, by);
  }

  prolong({ token }: ClaimKey, leaseMs: number): Prolonged | undefined {
    const claim = this.#current(token);
    if (claim === undefined) return undefined;
    this.#claims.prolong(claim, this.#clock.monotonic() + leaseMs);
    return { stop: claim.stop };
  }

  settle({ token }: ClaimKey, outcome: Settlements, keep: boolean): TaskRecord[] | undefined {
    const claim = this.#current(token);
    if (claim === undefined) return undefined;
    // Whoever has dropped a follow-up in the meantime has settled it.
    const settled = claim.entries.filter(
      (entry) => hasFollowUp(entry, "claimed") && (!keep || Object.hasOwn(outcome, entry.id)),
    );
    for (const entry of settled) this.#settle(entry, claim.by, outcome);
    if (claim.countsTurn && acknowledges(outcome)) {
      claim.countsTurn = false;
      this.#catalogue.countTurn(claim.session, this.#clock.monotonic());
    }
    if (keep) this.#claims.release(claim, settled);
    else this.#end(claim);
    return settled.map((entry) => copyRecord(entry.record));
  }

  stopTurn(session: SessionKey, reason: string, only: TurnBy | null): boolean {
    this.#claims.endLapsed();
    const claim = this.#claims.of(session);
    if (claim === undefined || (only !== null && claim.by !== only)) return false;
    claim.stop = reason;
    this.#hints.tellTurn(session, "stop");
    return true;
  }

  resetTurns(session: SessionKey): void {
    this.#catalogue.resetTurns(session);
  }

  #begin(claimant: string, leaseMs: number, session: SessionKey, turn: NewTurn): SessionClaim {
    const endsAt = this.#clock.monotonic() + leaseMs;
    const { token, number } = this.#claims.begin(claimant, { ...turn, session, endsAt });
    const tasks = this.#take(turn.entries, turn.by);
    return { token, number, ...session, tasks, turns: this.#catalogue.turns.of(session) };
  }

  /** Who has it; `null`: another has waited longer. */
  #keptBy(session: SessionKey, claimant: string): TurnBy | null | undefined {
    const claim = this.#claims.of(session);
    if (claim !== undefined) return claim.by;
    const first = this.#waits.first(session);
    return first === undefined || first === claimant ? undefined : null;
  }

  #current(token: string): Claim | undefined {
    this.#claims.endLapsed();
    return this.#claims.get(token);
  }

  #end(claim: Claim): void {
    this.#claims.end(claim);
    if (this.#waits.has(claim.session)) this.#hints.tellTurn(claim.session, "free");
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
    if (this.#isTaken(session) || this.#catalogue.turns.of(session) >= maxTurns) return undefined;
    const isReason = (entry: Entry) => modes.includes(entry.followUpMode) && (!onlyDue || this.#isDue(entry));
    return this.#catalogue.pendingOf(session).find(isReason);
  }

  #oldestDue({ modes = WAKING, maxTurns }: ClaimFilter): Entry | undefined {
    this.#catalogue.endDelays(this.#clock.monotonic());
    const lists = this.#catalogue.pending.lists(modes, maxTurns);
    return lists.flatMap((list) => list.first() ?? []).sort(byCompletion)[0];
  }

  /** Somebody has it, or waits for it. */
  #isTaken(session: SessionKey): boolean {
    return this.#claims.of(session) !== undefined || this.#waits.has(session);
  }

  #isDue(entry: Entry): boolean {
    return entry.dueAt <= this.#clock.monotonic();
  }

  #dueIn(session: SessionKey): Entry[] {
    return this.#catalogue.pendingOf(session).filter((entry) => entry.isDeferred || this.#isDue(entry));
  }

  /** A hold takes what is delayed there too, but not what has made others fail. */
  #heldIn(session: SessionKey, maxHolds: number): Entry[] {
    const isTaken = ({ record }: Entry) => (record.followUp.holds ?? 0) < maxHolds;
    return this.#catalogue.pendingOf(session).filter(isTaken);
  }

  #take(entries: readonly Entry[], by: TurnBy): TaskRecord[] {
    for (const entry of entries) {
      const change = claimFollowUp(entry.record.followUp, by);
      this.#catalogue.update(entry, () => entry.change(change, this.#clock));
    }
    return entries.map((entry) => copyRecord(entry.record));
  }

  #settle(entry: Entry, by: TurnBy, outcome: Settlements): void {
    const settlement = settlementOf(outcome, entry.id);
    this.#catalogue.update(entry, () => {
      if ("delayMs" in settlement) entry.dueAt = this.#clock.monotonic() + settlement.delayMs;
      entry.isDeferred = settlement.type === "defer";
      entry.change(settleFollowUp(entry.record.followUp, by, settlement, this.#clock.now()), this.#clock);
    });
  }
}

/** What a claim begins with. */
type NewTurn = Pick<Claim, "by" | "entries" | "countsTurn">;

function hasFollowUp({ record }: Entry, status: FollowUpStatus): boolean {
  return record.followUp.status === status;
}
