import { func, type Kind, methods } from "../values/kinds.ts";

/**
 * Time, as everything in this library sees it. One replaceable object, so that a host can simulate hours
 * in a test and every deadline, grace period and retention moves with it.
 */
export interface Clock {
  /** Epoch milliseconds: what is shown, and what processes tell each other. It may be set at any time. */
  now(): number;
  /**
   * Milliseconds since some moment, which only grow: durations and waits are measured by it.
   * @default what `now` says, as long as that grows
   */
  monotonic?(): number;
  /** Calls back once, after `ms` milliseconds (at most {@link MAX_TIMER_MS}). */
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
  /** Calls back after one pass of the event loop: I/O that is ready by now is handled before it. */
  nextPass(callback: () => void): void;
}

/** A clock that measures durations, too. */
export interface SteadyClock extends Clock {
  monotonic(): number;
}

/** For options that take a clock. */
export const clock: Kind<Clock> = (value, name, code) => {
  const given = METHODS(value, name, code);
  if (given.monotonic !== undefined) func()(given.monotonic, `${name}.monotonic`, code);
  return given;
};

const METHODS = methods<Clock>("a Clock", ["now", "setTimeout", "clearTimeout", "nextPass"]);

/** `setTimeout` fires at once for anything longer: its delay is a signed 32-bit number. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** As it was when this was loaded: fake timers hold time, and not what is ready by now. */
const pass = globalThis.setImmediate;

/** The clock of the machine. It looks its timers up at each call, so that fake ones reach it. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
  nextPass: (callback) => void pass(callback),
};

// Not enumerable: who spreads this clock, to bring a `now` of their own, has none beside it that goes another way.
Object.defineProperty(systemClock, "monotonic", { value: () => performance.now() });

/** A clock as the host brings it, which measures durations too. It is the same one for everybody. */
export function steady(clock: Clock): SteadyClock {
  if (clock.monotonic !== undefined) return clock as SteadyClock;
  const known = STEADY.get(clock) ?? measuring(clock);
  STEADY.set(clock, known);
  return known;
}

const STEADY = new WeakMap<Clock, SteadyClock>();

/** While the clock is set back no time passes, except that of the timers. */
function measuring(clock: Clock): SteadyClock {
  let [last, passed] = [clock.now(), 0];
  const monotonic = () => {
    const now = clock.now();
    passed += Math.max(0, now - last);
    last = now;
    return passed;
  };
  const setTimeout = (callback: () => void, ms: number) => {
    const due = monotonic() + ms;
    const fired = () => {
      passed = Math.max(monotonic(), due);
      callback();
    };
    return clock.setTimeout(fired, ms);
  };
  const clearTimeout = (handle: unknown) => clock.clearTimeout(handle);
  return {
    now: () => clock.now(),
    monotonic,
    setTimeout,
    clearTimeout,
    nextPass: (back) => clock.nextPass(back),
  };
}

/** A running timer of any length. */
export class Timer {
  readonly #clock: Clock;
  #handle: unknown;
  #isUnref = false;

  constructor(clock: Clock, callback: () => void, ms: number) {
    this.#clock = clock;
    this.#handle = ms <= MAX_TIMER_MS ? clock.setTimeout(callback, ms) : this.#chain(callback, ms);
  }

  clear(): void {
    this.#clock.clearTimeout(this.#handle);
  }

  /** Lets the process end although this timer is running. */
  unref(): this {
    this.#isUnref = true;
    (this.#handle as { unref?: () => void }).unref?.();
    return this;
  }

  #chain(callback: () => void, ms: number): unknown {
    const next = () => {
      const left = ms - MAX_TIMER_MS;
      this.#handle =
        left <= MAX_TIMER_MS ? this.#clock.setTimeout(callback, left) : this.#chain(callback, left);
      if (this.#isUnref) this.unref();
    };
    return this.#clock.setTimeout(next, MAX_TIMER_MS);
  }
}

/** A clock's timers in the form that p-timeout takes. */
export function timersOf(clock: Clock): {
  setTimeout: typeof globalThis.setTimeout;
  clearTimeout: typeof globalThis.clearTimeout;
} {
  return {
    setTimeout: ((callback: () => void, ms: number) =>
      clock.setTimeout(callback, ms)) as typeof globalThis.setTimeout,
    clearTimeout: (handle) => clock.clearTimeout(handle),
  };
}
