import type { SteadyClock } from "../../src/core/time/clock.ts";

interface Alarm {
  at: number;
  order: number;
  callback: () => void;
}

/** A clock that moves when told to. Passes of the event loop are up to `pass`; by default they are real. */
export class TestClock implements SteadyClock {
  #passed = 0;
  #wall = 1_000_000;
  #order = 0;
  readonly #alarms = new Set<Alarm>();
  readonly #pass: (callback: () => void) => void;

  constructor(pass: (callback: () => void) => void = (callback) => void setImmediate(callback)) {
    this.#pass = pass;
  }

  /** How many timers are running. */
  get size(): number {
    return this.#alarms.size;
  }

  now = (): number => this.#wall + this.#passed;

  monotonic = (): number => this.#passed;

  setTimeout = (callback: () => void, ms: number): Alarm => {
    const alarm = { at: this.#passed + ms, order: this.#order++, callback };
    this.#alarms.add(alarm);
    return alarm;
  };

  clearTimeout = (alarm: unknown): void => void this.#alarms.delete(alarm as Alarm);

  nextPass = (callback: () => void): void => this.#pass(callback);

  /** Moves on, and lets every timer fire that is due by then, in its order. */
  advance(ms: number): void {
    const until = this.#passed + ms;
    for (let next = this.#nextBy(until); next; next = this.#nextBy(until)) {
      this.#alarms.delete(next);
      this.#passed = Math.max(this.#passed, next.at);
      next.callback();
    }
    this.#passed = until;
  }

  /** The clock of the wall is set, or the machine has slept so long: timers and durations hear nothing of it. */
  step(ms: number): void {
    this.#wall += ms;
  }

  #nextBy(until: number): Alarm | undefined {
    const due = [...this.#alarms].filter(({ at }) => at <= until);
    return due.sort((one, other) => one.at - other.at || one.order - other.order)[0];
  }
}

/** The same as a host may bring it, who knows of no other time than that of the wall. */
export function withoutMonotonic({ now, setTimeout, clearTimeout, nextPass }: TestClock) {
  return { now, setTimeout, clearTimeout, nextPass };
}
