import type { Notices } from "../core/ledger/notices.ts";
import { isFinished } from "../core/model/task.ts";
import { type Clock, Timer } from "../core/time/clock.ts";

/** Says when to look for follow-ups: a moment after a task has finished, and now and then in any case. */
export class Beat {
  readonly #clock: Clock;
  readonly #notices: Notices;
  readonly #terms: BeatTerms;
  readonly #look: () => void;
  readonly #coming = new Set<Timer>();
  #stopHints: () => void = () => undefined;
  #poll: Timer | undefined;
  /** The last of the looks that hints have asked for. */
  #lastAt = 0;

  constructor({ clock, notices }: BeatParts, terms: BeatTerms, look: () => void) {
    this.#clock = clock;
    this.#notices = notices;
    this.#terms = terms;
    this.#look = look;
  }

  start(): void {
    this.#stopHints = this.#notices.onHint(({ status }) => {
      if (isFinished(status)) this.#hinted();
    });
    this.#pollLater();
    // What has finished just before is old enough then.
    this.lookIn(this.#terms.coalesceMs);
  }

  stop(): void {
    this.#stopHints();
    this.#poll?.clear();
    for (const timer of this.#coming) timer.clear();
    this.#coming.clear();
    this.#lastAt = 0;
  }

  /**
   * Something will be due then. It keeps the process alive, so that a program that has done its work still
   * delivers it.
   */
  lookIn(ms: number): void {
    const look = () => {
      this.#coming.delete(timer);
      this.#look();
    };
    const timer = new Timer(this.#clock, look, ms + EARLY_MS);
    this.#coming.add(timer);
  }

  /** What has finished is old enough after `coalesceMs`, and no look before that would find it. */
  #hinted(): void {
    const { coalesceMs } = this.#terms;
    const now = this.#clock.now();
    if (now + coalesceMs <= this.#lastAt) return;
    this.#lastAt = Math.max(now + coalesceMs, this.#lastAt + coalesceMs / LOOKS);
    this.lookIn(this.#lastAt - now);
  }

  #pollLater(): void {
    const poll = () => {
      this.#pollLater();
      this.#look();
    };
    this.#poll = new Timer(this.#clock, poll, this.#terms.pollMs).unref();
  }
}

interface BeatParts {
  readonly clock: Clock;
  readonly notices: Notices;
}

interface BeatTerms {
  readonly coalesceMs: number;
  readonly pollMs: number;
}

/** However fast tasks finish, there are about so many looks within `coalesceMs`. */
const LOOKS = 4;

/** Timers may fire in the millisecond before theirs, when nothing is due yet. */
const EARLY_MS = 1;
