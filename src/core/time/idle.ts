import pTimeout from "p-timeout";
import { type Clock, MAX_TIMER_MS, timersOf } from "./clock.ts";

/** Lets the manager wait until nothing is going on. */
export class Idle {
  readonly #clock: Clock;
  #look: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something has ended: perhaps it was the last. */
  check(): void {
    this.#look?.();
  }

  /** Resolves when `isIdle` holds, or after `ms` milliseconds as things stand. */
  async wait(isIdle: () => boolean, ms: number): Promise<void> {
    if (ms <= 0) return;
    await pTimeout(this.#until(isIdle), {
      milliseconds: Number.isFinite(ms) ? Math.min(ms, MAX_TIMER_MS) : ms,
      fallback: () => undefined,
      customTimers: timersOf(this.#clock),
    });
    this.#look = undefined;
  }

  /** One pass lies between the hint and the look: what ends often begins the next thing first. */
  #until(isIdle: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => this.#clock.nextPass(() => isIdle() && resolve());
      this.#look = look;
      look();
    });
  }
}
