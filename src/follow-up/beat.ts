import { type SteadyClock, Timer } from "../core/time/clock.ts";
import { DueTimer } from "./due-timer.ts";

/** Looks around now and then: for what others have left, and what no hint has told of. */
export class Beat {
  readonly #clock: SteadyClock;
  readonly #terms: BeatTerms;
  readonly #look: () => void;
  #first: DueTimer | undefined;
  #next: Timer | undefined;

  constructor(clock: SteadyClock, terms: BeatTerms, look: () => void) {
    this.#clock = clock;
    this.#terms = terms;
    this.#look = look;
  }

  start(): void {
    this.#look();
    // What has ended just before is old enough then. Until that is delivered the process stays alive.
    this.#first = new DueTimer(this.#clock, this.#look, this.#terms.coalesceMs + EARLY_MS);
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

/** The store's clock may be in the millisecond before. */
const EARLY_MS = 1;
