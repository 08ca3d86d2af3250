import type { SteadyClock } from "./clock.ts";

/** What both clocks say at one moment: the one of the wall, and the one that only measures. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

export function momentOf(clock: SteadyClock): Moment {
  return { wall: clock.now(), monotonic: clock.monotonic() };
}

/** When an instant of the wall was, by the monotonic clock. One that is still to come is now: the clock was set back. */
export function monotonicAt(instant: number, clock: SteadyClock): number {
  return clock.monotonic() - Math.max(0, clock.now() - instant);
}

/**
 * Milliseconds by which they disagree about the time since then: the clock of the wall was set, or the machine has
 * slept, which the other one does not count.
 */
export function stepSince({ wall, monotonic }: Moment, clock: SteadyClock): number {
  return Math.abs(clock.now() - wall - (clock.monotonic() - monotonic));
}
