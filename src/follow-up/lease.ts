import type { SessionClaims } from "../core/ledger/session-claims.ts";
import type { SessionClaim } from "../core/model/session-claim.ts";
import { type SteadyClock, Timer } from "../core/time/clock.ts";
import { type Moment, momentOf, stepSince } from "../core/time/moment.ts";

/** How long a lease is, and for how long it is kept. */
export interface LeaseTerms {
  readonly leaseMs: number;
  /** Milliseconds for which it is prolonged at most. */
  readonly holdMs: number;
  /** While the store cannot be asked it is not lost, however long that takes. */
  readonly isPatient: boolean;
}

/** Keeps a claim from lapsing while somebody works on it. */
export class Lease {
  readonly #claim: SessionClaim;
  readonly #clock: SteadyClock;
  readonly #claims: SessionClaims;
  readonly #terms: LeaseTerms;
  readonly #until: number;
  /** When it was last begun, or before. */
  #begun: Moment;
  #next: Timer;
  #end: Timer;
  #isOver = false;
  #isLost = false;
  /** The store could not be asked when it was last to be prolonged. */
  #isCutOff = false;
  #isAsking = false;
  #lost: () => void = () => undefined;
  #stopped: (reason: string) => void = () => undefined;

  /** `asked`: when the claim was asked for. The store's lease began no earlier. */
  constructor(claim: SessionClaim, asked: Moment, { clock, claims }: LeaseParts, terms: LeaseTerms) {
    this.#claim = claim;
    this.#clock = clock;
    this.#claims = claims;
    this.#terms = terms;
    this.#until = clock.monotonic() + terms.holdMs;
    this.#begun = asked;
    this.#next = this.#prolongIn(asked.monotonic + terms.leaseMs / 3 - clock.monotonic());
    this.#end = this.#loseLater();
  }

  /** Its timer may be late. */
  get isLost(): boolean {
    return this.#isLost || (this.#leftMs <= 0 && !this.#isSpared);
  }

  /** Whether it may have lapsed by either clock, unless only the store has kept it from being prolonged. */
  get mayBeLost(): boolean {
    const slept = stepSince(this.#begun, this.#clock);
    const isSpared = this.#isCutOff && this.#terms.isPatient;
    return this.isLost || (!isSpared && this.#leftMs - slept <= 0);
  }

  /**
   * Whether the clocks disagree: it may have lapsed although no time seems to have passed, since a monotonic clock
   * stands still while the machine sleeps.
   */
  get isDoubtful(): boolean {
    return !this.#isOver && stepSince(this.#begun, this.#clock) > this.#terms.leaseMs / 3;
  }

  /** Asks the store, if there is reason to doubt it. What it cannot answer now is known in time all the same. */
  async confirm(): Promise<void> {
    if (this.isDoubtful && this.#clock.monotonic() < this.#until) await this.#renew();
  }

  /** Asks the store at once: whether it stands, and whether it is to stop. */
  async look(): Promise<void> {
    if (!this.#isOver) await this.#renew();
  }

  /** Calls back when the claim is lost, at once if it is: somebody else may have it. */
  onLost(lost: () => void): void {
    this.#lost = lost;
    if (this.isLost) this.#lose();
  }

  /** Calls back with the reason when somebody has asked it to stop. */
  onStop(stopped: (reason: string) => void): void {
    this.#stopped = stopped;
  }

  end(): void {
    this.#isOver = true;
    this.#next.clear();
    this.#end.clear();
  }

  get #isSpared(): boolean {
    return (this.#isCutOff || this.#isAsking) && this.#terms.isPatient;
  }

  #prolongIn(ms: number): Timer {
    return new Timer(this.#clock, () => void this.#prolong(), ms).unref();
  }

  /** Whoever cannot reach the store cannot be told either: what was not prolonged in time is lost. */
  #loseLater(): Timer {
    const lapsed = () => {
      if (!this.#isSpared) this.#lose();
    };
    return new Timer(this.#clock, lapsed, this.#leftMs).unref();
  }

  /** A store that fails is asked again, soon: until the lease has lapsed there is time. */
  async #prolong(): Promise<void> {
    if (this.#clock.monotonic() >= this.#until) return;
    const isHeld = await this.#renew();
    if (!this.#isOver) this.#next = this.#prolongIn(this.#terms.leaseMs / (isHeld ? 3 : 10));
  }

  /** False: it is lost, or the store has not answered. */
  async #renew(): Promise<boolean> {
    const asked = momentOf(this.#clock);
    this.#isAsking = true;
    const answer = await this.#ask();
    this.#isAsking = false;
    if (this.#isOver) return false;
    this.#isCutOff = answer === "unknown";
    if (answer === "lost") this.#lose();
    if (answer === "lost" || answer === "unknown") return false;
    this.#end.clear();
    this.#begun = asked;
    this.#end = this.#loseLater();
    if (answer.stop !== null) this.#stopped(answer.stop);
    return true;
  }

  async #ask() {
    try {
      return (await this.#claims.prolong(this.#claim, this.#terms.leaseMs)) ?? "lost";
    } catch {
      return "unknown";
    }
  }

  /** By the monotonic clock. */
  get #leftMs(): number {
    return this.#begun.monotonic + this.#terms.leaseMs - this.#clock.monotonic();
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
