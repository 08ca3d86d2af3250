import { type SteadyClock, Timer } from "../core/time/clock.ts";

/**
 * A timer that does not fire before its time by the monotonic clock. Node's may, by as long as the event loop was held
 * up when they were set, and then nothing would be due yet.
 */
export class DueTimer {
  #timer: Timer;

  constructor(clock: SteadyClock, due: () => void, ms: number) {
    const dueAt = clock.monotonic() + ms;
    const fired = () => {
      const left = Math.ceil(dueAt - clock.monotonic());
      if (left <= 0) due();
      // Once, since a host's clock may measure otherwise than its timers.
      else this.#timer = new Timer(clock, due, left);
    };
    this.#timer = new Timer(clock, fired, ms);
  }

  clear(): void {
    this.#timer.clear();
  }
}
