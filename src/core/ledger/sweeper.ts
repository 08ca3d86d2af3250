import type { NewTaskEvent } from "../model/events.ts";
import type { RetentionLimits } from "../model/store.ts";
import { type Clock, Timer } from "../time/clock.ts";
import type { Notices } from "./notices.ts";
import type { StoreGateway } from "./store-gateway.ts";

/** Sees to it that finished tasks do not pile up: a sweep after each completion, and one now and then. */
export class Sweeper {
  readonly #clock: Clock;
  readonly #gateway: StoreGateway;
  readonly #notices: Notices;
  readonly #limits: RetentionLimits;
  #isSweeping = false;
  #isWanted = false;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(clock: Clock, gateway: StoreGateway, notices: Notices, limits: RetentionLimits) {
    this.#clock = clock;
    this.#gateway = gateway;
    this.#notices = notices;
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
      const sweep = await this.#gateway.ask("sweep", (store) => store.sweep(this.#limits, SWEEP_LIMIT));
      const dropped: NewTaskEvent = { at: this.#clock.now(), type: "follow_up.dropped", reason: "expired" };
      for (const record of sweep.expired) this.#notices.publish(record, [dropped]);
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

const SWEEP_LIMIT = 1_000;
/** Milliseconds between two sweeps while nothing finishes: what is too old goes then. */
const IDLE_SWEEP_MS = 60_000;
