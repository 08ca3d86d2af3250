import { type SessionKey, textOfSession } from "../core/model/session-claim.ts";
import type { SteadyClock } from "../core/time/clock.ts";

/** Since when sessions have been busy, as far as this dispatcher has asked. */
export class BusySessions {
  readonly #clock: SteadyClock;
  readonly #since = new Map<string, number>();

  constructor(clock: SteadyClock) {
    this.#clock = clock;
  }

  /** It is busy. Milliseconds since it was found so first. */
  busyMs(session: SessionKey): number {
    const key = textOfSession(session);
    const now = this.#clock.monotonic();
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    if (this.#since.size > MOST_SESSIONS) this.#forgetOldest();
    return now - since;
  }

  /** It was told, or is tried again for another reason. */
  free(session: SessionKey): void {
    this.#since.delete(textOfSession(session));
  }

  #forgetOldest(): void {
    const [oldest] = this.#since.keys();
    if (oldest !== undefined) this.#since.delete(oldest);
  }
}

/** Of more than that some are asked sooner again than they need be. */
const MOST_SESSIONS = 10_000;
