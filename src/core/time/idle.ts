import type { Clock } from "./clock.ts";
import type { TimeLimit } from "./time-limit.ts";

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

  /** Resolves when `isIdle` holds, or as things stand once the limit is over. */
  async wait(isIdle: () => boolean, limit: TimeLimit): Promise<void> {
    await Promise.race([this.#until(isIdle), limit.over]);
    this.#look = undefined;
    limit.clear();
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
