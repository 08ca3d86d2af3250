import { type Clock, Timer } from "./clock.ts";

/** Does something again and again, as long as the manager is open, and never twice at a time. */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #beat: () => Promise<void>;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(clock: Clock, leaseMs: number, beat: () => Promise<void>) {
    this.#clock = clock;
    this.#everyMs = leaseMs / BEATS;
    this.#beat = beat;
    this.#next();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.clear();
  }

  #next(): void {
    if (!this.#isClosed) this.#timer = new Timer(this.#clock, () => void this.#run(), this.#everyMs).unref();
  }

  async #run(): Promise<void> {
    // What the store failed to do was made known; there is a next time.
    await this.#beat().catch(() => undefined);
    this.#next();
  }
}

/** Beats three times a lease: two may be missed. */
const BEATS = 3;
