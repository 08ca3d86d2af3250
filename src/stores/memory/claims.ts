import type { SessionKey } from "../../core/model/store.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Entry } from "./entry.ts";

/** A session that somebody delivers to, with its follow-ups. */
export interface Claim {
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
  #begun = 0;

  constructor(catalogue: Catalogue, clock: SteadyClock) {
    this.#catalogue = catalogue;
    this.#clock = clock;
  }

  get(token: string): Claim | undefined {
    return this.#byToken.get(token);
  }

  isClaimed({ userId, sessionId }: SessionKey): boolean {
    return this.#catalogue.user(userId).claimedSessions.includes(sessionId);
  }

  /** Returns the token of the claim. */
  begin(claimant: string, claim: Claim): string {
    const { userId, sessionId } = claim.session;
    const user = this.#catalogue.user(userId);
    this.#begun += 1;
    const token = `${claimant}:${this.#begun}`;
    user.claimedSessions = [...user.claimedSessions, sessionId];
    this.#byToken.set(token, claim);
    return token;
  }

  /** Gives back the follow-ups that were not settled. */
  end(token: string, { session, entries }: Claim): void {
    const user = this.#catalogue.user(session.userId);
    this.#byToken.delete(token);
    user.claimedSessions = user.claimedSessions.filter((claimed) => claimed !== session.sessionId);
    for (const entry of entries) {
      // It may have been evicted, and its id taken by another.
      if (this.#catalogue.get(entry.id) !== entry) continue;
      this.#catalogue.refile(entry, () => {
        entry.isClaimed = false;
      });
    }
    this.#catalogue.tidy(user);
  }

  /** Ends those that were not settled in time. */
  endLapsed(): void {
    const now = this.#clock.monotonic();
    for (const [token, claim] of this.#byToken) if (claim.endsAt <= now) this.end(token, claim);
  }
}
