import { type SessionKey, type TurnBy, textOfSession } from "../../core/model/session-claim.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Entry } from "./entry.ts";

/** A session that somebody has, with its follow-ups. */
export interface Claim {
  readonly session: SessionKey;
  readonly by: TurnBy;
  readonly entries: Entry[];
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
  readonly #byToken = new Map<string, Claim>();
  readonly #bySession = new Map<string, Claim>();
  #begun = 0;
  #lastNumber = 0;

  constructor(catalogue: Catalogue, clock: SteadyClock) {
    this.#catalogue = catalogue;
    this.#clock = clock;
  }

  get(token: string): Claim | undefined {
    return this.#byToken.get(token);
  }

  of(session: SessionKey): Claim | undefined {
    return this.#bySession.size === 0 ? undefined : this.#bySession.get(textOfSession(session));
  }

  begin(claimant: string, claim: Claim): { token: string; number: number } {
    this.#begun += 1;
    this.#lastNumber = Math.max(this.#lastNumber + 1, this.#clock.now());
    const token = `${claimant}:${this.#begun}`;
    this.#byToken.set(token, claim);
    this.#bySession.set(textOfSession(claim.session), claim);
    return { token, number: this.#lastNumber };
  }

  /** Gives back the follow-ups that were not settled. */
  end(token: string, { session, entries }: Claim): void {
    this.#byToken.delete(token);
    this.#bySession.delete(textOfSession(session));
    for (const entry of entries) {
      // It may have been evicted, and its id taken by another.
      if (this.#catalogue.get(entry.id) !== entry) continue;
      this.#catalogue.refile(entry, () => {
        entry.isClaimed = false;
      });
    }
  }

  /** Ends those that were not settled in time. */
  endLapsed(): void {
    const now = this.#clock.monotonic();
    for (const [token, claim] of this.#byToken) if (claim.endsAt <= now) this.end(token, claim);
  }
}
