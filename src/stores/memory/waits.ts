import { type SessionKey, textOfSession } from "../../core/model/session-claim.ts";
import type { SteadyClock } from "../../core/time/clock.ts";

/** Who waits for which session, and until when: nobody else is to be quicker. */
export class Waits {
  readonly #clock: SteadyClock;
  readonly #bySession = new Map<string, Map<string, number>>();

  constructor(clock: SteadyClock) {
    this.#clock = clock;
  }

  has(session: SessionKey): boolean {
    const waiting = this.#bySession.size === 0 ? undefined : this.#bySession.get(textOfSession(session));
    if (waiting === undefined) return false;
    const now = this.#clock.monotonic();
    for (const [claimant, until] of waiting) if (until <= now) this.end(session, claimant);
    return waiting.size > 0;
  }

  /** For so many milliseconds; 0 ends it. */
  wait(session: SessionKey, claimant: string, waitMs: number): void {
    if (waitMs === 0) {
      this.end(session, claimant);
      return;
    }
    const key = textOfSession(session);
    const waiting = this.#bySession.get(key) ?? new Map<string, number>();
    waiting.set(claimant, this.#clock.monotonic() + waitMs);
    this.#bySession.set(key, waiting);
  }

  end(session: SessionKey, claimant: string): void {
    if (this.#bySession.size === 0) return;
    const waiting = this.#bySession.get(textOfSession(session));
    waiting?.delete(claimant);
    if (waiting?.size === 0) this.#bySession.delete(textOfSession(session));
  }
}
