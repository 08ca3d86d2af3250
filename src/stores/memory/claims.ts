import type { SessionKey } from "../../core/model/store.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import { SortedList } from "../../core/values/sorted-list.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Entry } from "./entry.ts";

/** A session that somebody delivers to, with its follow-ups. */
export interface Claim {
  readonly token: string;
  /** Grows from each claim to the next. */
  readonly order: number;
  readonly session: SessionKey;
  readonly entries: readonly Entry[];
  /** Whether it counts a turn, if anything of it is told. */
  readonly countsTurn: boolean;
  /** By the monotonic clock. */
  endsAt: number;
}

/** The claims that are not over. */
export class Claims {
  readonly #catalogue: Catalogue;
  readonly #clock: SteadyClock;
  readonly #byToken = new Map<string, Claim>();
  readonly #byEnd = new SortedList<Claim, Claim>(byEnd);
  #begun = 0;

  constructor(catalogue: Catalogue, clock: SteadyClock) {
    this.#catalogue = catalogue;
    this.#clock = clock;
  }

  get(token: string): Claim | undefined {
    return this.#byToken.get(token);
  }

  isClaimed({ userId, sessionId }: SessionKey): boolean {
    return this.#catalogue.user(userId).sessions.isClaimed(sessionId);
  }

  /** Returns the token of the claim. */
  begin(claimant: string, { session, entries, ...terms }: Omit<Claim, "token" | "order">): string {
    const order = ++this.#begun;
    const token = `${claimant}:${order}`;
    const claim = { ...terms, token, order, session, entries };
    for (const entry of entries) this.#refile(entry, true);
    this.#catalogue.setClaimed(session, true);
    this.#byToken.set(token, claim);
    this.#byEnd.add(claim);
    return token;
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
    this.#byEnd.delete(claim);
    this.#catalogue.setClaimed(session, false);
    // It may have been evicted, and its id taken by another.
    for (const entry of entries) if (this.#catalogue.get(entry.id) === entry) this.#refile(entry, false);
    this.#catalogue.tidy(this.#catalogue.user(session.userId));
  }

  /** Ends those that were not settled in time. */
  endLapsed(): void {
    const now = this.#clock.monotonic();
    let claim = this.#byEnd.first();
    for (; claim !== undefined && claim.endsAt <= now; claim = this.#byEnd.first()) this.end(claim);
  }

  #refile(entry: Entry, isClaimed: boolean): void {
    this.#catalogue.refile(entry, () => {
      entry.isClaimed = isClaimed;
    });
  }
}

function byEnd(one: Claim, other: Claim): number {
  return one.endsAt - other.endsAt || one.order - other.order;
}
