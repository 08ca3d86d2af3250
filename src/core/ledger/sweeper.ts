import type { RetentionLimits } from "../model/store.ts";
import { type Clock, Timer } from "../time/clock.ts";
import type { Hub } from "./notices.ts";
import type { Journal } from "./store-gateway.ts";

const SWEEP_LIMIT = 1_000;
/** Milliseconds between two sweeps while nothing finishes: what is too old goes then. */
const IDLE_SWEEP_MS = 60_000;

/** Sees to it that finished tasks do not pile up: a sweep after each completion, and one now and then. */
export class Retention {
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #hub: Hub;
  readonly #limits: RetentionLimits;
  #isSweeping = false;
  #isWanted = false;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(clock: Clock, journal: Journal, hub: Hub, limits: RetentionLimits) {
    this.#clock = clock;
    this.#journal = journal;
    this.#hub = hub;
    this.#limits = limits;
  }

  /** Others may have left what is too old, and nothing need ever finish here. */
  begin(): void {
    this.#sweepLater();
  }

  /** A task has finished. */
  finished(): void {
    this.#isWanted = true;
    if (!this.#isSweeping && !this.#isClosed) void this.#sweep();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.clear();
  }

  async #sweep(): Promise<void> {
    this.#isSweeping = true;
    while (this.#isWanted && !this.#isClosed) {
      this.#isWanted = await this.#sweepOnce();
    }
    this.#isSweeping = false;
    this.#sweepLater();
  }

  async #sweepOnce(): Promise<boolean> {
    this.#isWanted = false;
    try {
      const sweep = await this.#journal.ask("sweep", (store) => store.sweep(this.#limits, SWEEP_LIMIT));
      const at = this.#clock.now();
      for (const record of sweep.expired) {
        this.#hub.publish(record, [{ at, type: "follow_up.dropped", reason: "expired" }]);
      }
      return sweep.more || this.#isWanted;
    } catch {
      return false;
    }
  }

  #sweepLater(): void {
    if (this.#isClosed || this.#timer) return;
    const sweep = () => {
      this.#timer = undefined;
      this.finished();
    };
    this.#timer = new Timer(this.#clock, sweep, IDLE_SWEEP_MS).unref();
  }
}
