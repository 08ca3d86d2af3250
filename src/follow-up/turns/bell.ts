import pTimeout from "p-timeout";
import { type Clock, MAX_TIMER_MS, timersOf } from "../../core/time/clock.ts";

/** Wakes whoever waits for it. Rung before that, it is not waited for. */
export class Bell {
  #rung = silent();

  ring(): void {
    this.#rung.resolve();
  }

  /** From now on it has not been rung. */
  reset(): void {
    this.#rung = silent();
  }

  /** Resolves when it is rung, or after so many milliseconds, more than none. Rejects with the signal's reason. */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    await pTimeout(this.#rung.promise, {
      milliseconds: Math.min(ms, MAX_TIMER_MS),
      fallback: () => undefined,
      customTimers: timersOf(clock),
      signal,
    });
  }
}

function silent(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((resolved) => {
    resolve = resolved;
  });
  return { promise, resolve };
}
