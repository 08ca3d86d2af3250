import type { SteadyClock } from "../time/clock.ts";
import { type Moment, momentOf, stepSince } from "../time/moment.ts";

/**
 * Where the clock was set, or the machine has slept, the leases of all others may look over though they are alive: for
 * the time of one lease, in which they renew them, their tasks are let alone.
 */
export class Truce {
  readonly #clock: SteadyClock;
  readonly #leaseMs: number;
  #seen: Moment;
  #endsAt = Number.NEGATIVE_INFINITY;

  constructor(clock: SteadyClock, leaseMs: number) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#seen = momentOf(clock);
  }

  get isOn(): boolean {
    return this.#clock.monotonic() < this.#endsAt;
  }

  /** To be asked again and again: whether that has happened since the last time. */
  begins(): boolean {
    const hasStepped = stepSince(this.#seen, this.#clock) > this.#leaseMs / 3;
    this.#seen = momentOf(this.#clock);
    if (hasStepped) this.#endsAt = this.#seen.monotonic + this.#leaseMs;
    return hasStepped;
  }
}
