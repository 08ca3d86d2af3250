import type { SessionClaims } from "../core/ledger/session-claims.ts";
import type { SessionClaim } from "../core/model/session-claim.ts";
import { type SteadyClock, Timer } from "../core/time/clock.ts";
import { type Moment, momentOf, stepSince } from "../core/time/moment.ts";

/** Keeps a claim from lapsing while somebody works on it, for so long at most. */
export class Lease {
  readonly #claim: SessionClaim;
  readonly #clock: SteadyClock;
  readonly #claims: SessionClaims;
  readonly #leaseMs: number;
  readonly #until: number;
  /** When it was last begun, or before. */
  #begun: Moment;
  #next: Timer;
  #end: Timer;
  #isOver = false;
  #isLost = false;
  #lost: () => void = () => undefined;

  /** `asked`: when the claim was asked for. The store's lease began no earlier. */
  constructor(
    claim: SessionClaim,
    asked: Moment,
    { clock, claims }: LeaseParts,
    leaseMs: number,
    holdMs: number,
  ) {
    this.#claim = claim;
    this.#clock = clock;
    this.#claims = claims;
    this.#leaseMs = leaseMs;
    this.#until = clock.monotonic() + holdMs;
    this.#begun = asked;
    this.#next = this.#prolongIn(asked.monotonic + leaseMs / 3 - clock.monotonic());
    this.#end = this.#loseLater();
  }

  /** Its timer may be late. */
  get isLost(): boolean {
    return this.#isLost || this.#leftMs <= 0;
  }

  /**
   * Whether the clocks disagree: it may have lapsed although no time seems to have passed, since a monotonic clock
   * stands still while the machine sleeps.
   */
  get isDoubtful(): boolean {
    return !this.#isOver && stepSince(this.#begun, this.#clock) > this.#leaseMs / 3;
  }

  /** Asks the store, if there is reason to doubt it. What it cannot answer now is known in time all the same. */
  async confirm(): Promise<void> {
    if (this.isDoubtful && this.#clock.monotonic() < this.#until) await this.#renew();
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
    return new Timer(this.#clock, () => this.#lose(), this.#leftMs).unref();
  }

  /** A store that fails is asked again, soon: until the lease has lapsed there is time. */
  async #prolong(): Promise<void> {
    if (this.#clock.monotonic() >= this.#until) return;
    const isHeld = await this.#renew();
    if (!this.#isOver) this.#next = this.#prolongIn(this.#leaseMs / (isHeld ? 3 : 10));
  }

  /** False: it is lost, or the store has not answered. */
  async #renew(): Promise<boolean> {
    const asked = momentOf(this.#clock);
    const prolonged = this.#claims.prolong(this.#claim, this.#leaseMs);
    const isHeld = await prolonged.then(
      (answer) => answer !== undefined,
      () => undefined,
    );
    if (this.#isOver) return false;
    if (isHeld === false) this.#lose();
    if (!isHeld) return false;
    this.#end.clear();
    this.#begun = asked;
    this.#end = this.#loseLater();
    return true;
  }

  /** By the monotonic clock. */
  get #leftMs(): number {
    return this.#begun.monotonic + this.#leaseMs - this.#clock.monotonic();
  }

  #lose(): void {
    this.end();
    this.#isLost = true;
    this.#lost();
  }
}

interface LeaseParts {
  readonly clock: SteadyClock;
  readonly claims: SessionClaims;
}
