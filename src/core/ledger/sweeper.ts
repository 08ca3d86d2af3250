import type { NewTaskEvent } from "../model/events.ts";
import type { RetentionLimits } from "../model/store.ts";
import type { InContext } from "../time/async-context.ts";
import { type SteadyClock, Timer } from "../time/clock.ts";
import type { Notices } from "./notices.ts";
import type { StoreGateway } from "./store-gateway.ts";

/**
 * Sees to it that finished tasks do not pile up: a sweep for many completions, or a moment after the first of a few,
 * and one now and then. A sweep for each would cost as much as the task.
 */
export class Sweeper {
  readonly #clock: SteadyClock;
  readonly #gateway: StoreGateway;
  readonly #notices: Notices;
  readonly #inContext: InContext;
  readonly #limits: RetentionLimits;
  #finished = 0;
  #isSweeping = false;
  #timer: Timer | undefined;
  #timerEndsAt = 0;
  #isClosed = false;

  constructor({ clock, gateway, notices, inOwnContext }: SweeperParts, limits: RetentionLimits) {
    this.#clock = clock;
    this.#gateway = gateway;
    this.#notices = notices;
    this.#inContext = inOwnContext;
    this.#limits = limits;
  }

  /** Others may have left what is too old, and nothing need ever finish here. */
  begin(): void {
    this.#sweepIn(IDLE_SWEEP_MS);
  }

  /** A task has finished. */
  finished(): void {
    this.#finished += 1;
    if (this.#finished >= SWEPT_TOGETHER) this.#sweep();
    else this.#sweepIn(SOON_MS);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.clear();
  }

  #sweep(): void {
    if (this.#isSweeping || this.#isClosed) return;
    this.#isSweeping = true;
    void this.#inContext(() => this.#sweepAll()).finally(() => {
      this.#isSweeping = false;
      this.#sweepIn(this.#finished > 0 ? SOON_MS : IDLE_SWEEP_MS);
    });
  }

  /** A store that fails is asked again with the next sweep. */
  async #sweepAll(): Promise<void> {
    for (let isMore = true; isMore && !this.#isClosed; ) {
      this.#finished = 0;
      isMore = await this.#sweepOnce().catch(() => false);
    }
  }

  async #sweepOnce(): Promise<boolean> {
    const sweep = await this.#gateway.ask("sweep", (store) => store.sweep(this.#limits, SWEEP_LIMIT));
    const dropped: NewTaskEvent = { at: this.#clock.now(), type: "follow_up.dropped", reason: "expired" };
    for (const record of sweep.expired) this.#notices.publish(record, [dropped]);
    return sweep.more;
  }

  /** Unless one comes before that. */
  #sweepIn(ms: number): void {
    const endsAt = this.#clock.monotonic() + ms;
    if (this.#isClosed || (this.#timer !== undefined && this.#timerEndsAt <= endsAt)) return;
    const sweep = () => {
      this.#timer = undefined;
      this.#sweep();
    };
    this.#timer?.clear();
    this.#timer = new Timer(this.#clock, sweep, ms).unref();
    this.#timerEndsAt = endsAt;
  }
}

interface SweeperParts {
  readonly clock: SteadyClock;
  readonly gateway: StoreGateway;
  readonly notices: Notices;
  readonly inOwnContext: InContext;
}

const SWEEP_LIMIT = 1_000;
/** Completions after which a sweep does not wait. */
const SWEPT_TOGETHER = 100;
/** Milliseconds between a completion and the sweep for it, where few finish. */
const SOON_MS = 500;
/** Milliseconds between two sweeps while nothing finishes: what is too old goes then. */
const IDLE_SWEEP_MS = 60_000;
