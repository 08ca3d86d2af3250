import { type SessionKey, type TurnBy, textOfSession } from "../../core/model/session-claim.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import { SortedList } from "../../core/values/sorted-list.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Entry } from "./entry.ts";
import type { Waits } from "./waits.ts";

/** A session that somebody has, with its follow-ups. */
export interface Claim {
  readonly token: string;
  /** Grows from each claim to the next. */
  readonly order: number;
  /** No less than the time by which it was made. */
  readonly number: number;
  readonly session: SessionKey;
  readonly by: TurnBy;
  entries: readonly Entry[];
  /** Whether it counts a turn, if anything of it is told: once. */
  countsTurn: boolean;
  /** By the monotonic clock. */
  endsAt: number;
  /** Why it is asked to stop. */
  stop: string | null;
}

/** The claims that are not over. */
export class Claims {
  readonly #catalogue: Catalogue;
  readonly #clock: SteadyClock;
  readonly #waits: Waits;
  readonly #byToken = new Map<string, Claim>();
  readonly #bySession = new Map<string, Claim>();
  readonly #byEnd = new SortedList<Claim, Claim>(byEnd);
  #begun = 0;
  #lastNumber = 0;

  constructor(catalogue: Catalogue, waits: Waits, clock: SteadyClock) {
    this.#catalogue = catalogue;
    this.#waits = waits;
    this.#clock = clock;
  }

  get(token: string): Claim | undefined {
    return this.#byToken.get(token);
  }

  of(session: SessionKey): Claim | undefined {
    return this.#bySession.get(textOfSession(session));
  }

  begin(claimant: string, { session, entries, ...terms }: NewClaim): Claim {
    this.#lastNumber = Math.max(this.#lastNumber + 1, this.#clock.now());
    const order = ++this.#begun;
    const token = `${claimant}:${order}`;
    const claim = { ...terms, token, order, number: this.#lastNumber, session, entries, stop: null };
    for (const entry of entries) this.#refile(entry, true);
    this.#catalogue.setTaken(session, true);
    this.#byToken.set(token, claim);
    this.#bySession.set(textOfSession(session), claim);
    this.#byEnd.add(claim);
    return claim;
  }

  extend(claim: Claim, entries: readonly Entry[]): void {
    for (const entry of entries) this.#refile(entry, true);
    claim.entries = [...claim.entries, ...entries];
  }

  /** Some of it are settled, and no longer part of it. */
  release(claim: Claim, entries: readonly Entry[]): void {
    claim.entries = claim.entries.filter((entry) => !entries.includes(entry));
    for (const entry of entries) this.#refile(entry, false);
  }

  prolong(claim: Claim, endsAt: number): void {
    this.#byEnd.delete(claim);
    claim.endsAt = endsAt;
    this.#byEnd.add(claim);
  }

  /** Gives back the follow-ups that were not settled. */
  end(claim: Claim): void {
    const { token, session, entries } = claim;
    this.#byToken.delete(token);
    this.#bySession.delete(textOfSession(session));
    this.#byEnd.delete(claim);
    // It may have been evicted, and its id taken by another.
    for (const entry of entries) if (this.#catalogue.get(entry.id) === entry) this.#refile(entry, false);
    this.#catalogue.setTaken(session, this.#waits.has(session));
  }

  /** Ends those that were not settled in time, and what was waited for in vain. */
  endLapsed(): void {
    const now = this.#clock.monotonic();
    let claim = this.#byEnd.first();
    for (; claim !== undefined && claim.endsAt <= now; claim = this.#byEnd.first()) this.end(claim);
    for (const session of this.#waits.endOver(now)) {
      this.#catalogue.setTaken(session, this.of(session) !== undefined || this.#waits.has(session));
    }
  }

  #refile(entry: Entry, isClaimed: boolean): void {
    this.#catalogue.refile(entry, () => {
      entry.isClaimed = isClaimed;
    });
  }
}

type NewClaim = Omit<Claim, "token" | "order" | "number" | "stop">;

function byEnd(one: Claim, other: Claim): number {
  return one.endsAt - other.endsAt || one.order - other.order;
}
