import { type Clock, Timer } from "./clock.ts";

/** How long something may take. Said again, the shorter holds. */
export class TimeLimit {
  readonly over: Promise<void>;
  readonly #clock: Clock;
  readonly #timers: Timer[] = [];
  #end: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** From now on at most `ms` milliseconds. */
  within(ms: number): this {
    if (ms <= 0) this.#end();
    else this.#timers.push(new Timer(this.#clock, this.#end, ms));
    return this;
  }

  clear(): void {
    for (const timer of this.#timers) timer.clear();
  }
}
