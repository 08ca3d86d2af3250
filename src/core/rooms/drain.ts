import pTimeout from "p-timeout";
import { type Clock, MAX_TIMER_MS, timersOf } from "../clock.ts";

/** Lets the manager wait until nothing is going on. */
export class Drain {
  readonly #clock: Clock;
  #isIdle: () => boolean = () => true;
  #resolve: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something has ended: perhaps it was the last. */
  check(): void {
    if (this.#resolve && this.#isIdle()) this.#resolve();
  }

  /** Resolves when `isIdle` holds, or after `ms` milliseconds as things stand. */
  async wait(isIdle: () => boolean, ms: number): Promise<void> {
    if (ms <= 0 || isIdle()) return;
    const idle = new Promise<void>((resolve) => {
      this.#isIdle = isIdle;
      this.#resolve = resolve;
    });
    await pTimeout(idle, {
      milliseconds: Number.isFinite(ms) ? Math.min(ms, MAX_TIMER_MS) : ms,
      fallback: () => undefined,
      customTimers: timersOf(this.#clock),
    });
    this.#resolve = undefined;
  }
}
