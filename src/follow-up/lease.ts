import type { SessionClaims } from "../core/ledger/session-claims.ts";
import type { SessionClaim } from "../core/model/store.ts";
import { type Clock, Timer } from "../core/time/clock.ts";

/** Keeps a claim from lapsing while somebody works on it, for so long at most. */
export class Lease {
  readonly #claim: SessionClaim;
  readonly #clock: Clock;
  readonly #claims: SessionClaims;
  readonly #leaseMs: number;
  readonly #until: number;
  #endsAt: number;
  #next: Timer;
  #end: Timer;
  #isOver = false;
  #isLost = false;
  #lost: () => void = () => undefined;

  /** `askedAt`: when the claim was asked for. The store's lease began no earlier. */
  constructor(
    claim: SessionClaim,
    askedAt: number,
    { clock, claims }: LeaseParts,
    leaseMs: number,
    holdMs: number,
  ) {
    this.#claim = claim;
    this.#clock = clock;
    this.#claims = claims;
    this.#leaseMs = leaseMs;
    this.#until = clock.now() + holdMs;
    this.#endsAt = askedAt + leaseMs;
    this.#next = this.#prolongIn(askedAt + leaseMs / 3 - clock.now());
    this.#end = this.#loseLater();
  }

  /** Its timer may be late. */
  get isLost(): boolean {
    return this.#isLost || this.#clock.now() >= this.#endsAt;
  }

  /** Calls back when the claim is lost, at once if it is: somebody else may have it. */
  onLost(lost: () => void): void {
    this.#lost = lost;
    if (this.isLost) this.#lose();
  }

  end(): void {
    this.#isOver = true;
    this.#next.clear();
    this.#end.clear();
  }

  #prolongIn(ms: number): Timer {
    return new Timer(this.#clock, () => void this.#prolong(), ms).unref();
  }

  /** Whoever cannot reach the store cannot be told either: what was not prolonged in time is lost. */
  #loseLater(): Timer {
    const left = this.#endsAt - this.#clock.now();
    return new Timer(this.#clock, () => this.#lose(), left).unref();
  }

  /** A store that fails is asked again, soon: until the lease has lapsed there is time. */
  async #prolong(): Promise<void> {
    const askedAt = this.#clock.now();
    if (askedAt >= this.#until) return;
    const isHeld = await this.#claims.prolong(this.#claim, this.#leaseMs).catch(() => undefined);
    if (this.#isOver) return;
    if (isHeld === false) return this.#lose();
    if (isHeld) {
      this.#end.clear();
      this.#endsAt = askedAt + this.#leaseMs;
      this.#end = this.#loseLater();
    }
    this.#next = this.#prolongIn(this.#leaseMs / (isHeld ? 3 : 10));
  }

  #lose(): void {
    this.end();
    this.#isLost = true;
    this.#lost();
  }
}

interface LeaseParts {
  readonly clock: Clock;
  readonly claims: SessionClaims;
}
