import { type Clock, Timer } from "../core/time/clock.ts";

/** Looks around now and then: for what others have left, and what no hint has told of. */
export class Beat {
  readonly #clock: Clock;
  readonly #terms: BeatTerms;
  readonly #look: () => void;
  #first: Timer | undefined;
  #next: Timer | undefined;

  constructor(clock: Clock, terms: BeatTerms, look: () => void) {
    this.#clock = clock;
    this.#terms = terms;
    this.#look = look;
  }

  start(): void {
    this.#look();
    // What has ended just before is old enough then. Until that is delivered the process stays alive.
    this.#first = new Timer(this.#clock, this.#look, this.#terms.coalesceMs + EARLY_MS);
    this.#lookLater();
  }

  stop(): void {
    this.#first?.clear();
    this.#next?.clear();
  }

  #lookLater(): void {
    const look = () => {
      this.#lookLater();
      this.#look();
    };
    this.#next = new Timer(this.#clock, look, this.#terms.pollMs).unref();
  }
}

interface BeatTerms {
  readonly coalesceMs: number;
  readonly pollMs: number;
}

/** Timers may fire in the millisecond before theirs, when nothing is due yet. */
const EARLY_MS = 1;
