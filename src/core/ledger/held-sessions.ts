import { type ClaimKey, type SessionKey, type TurnBy, textOfSession } from "../model/session-claim.ts";
import type { SteadyClock } from "../time/clock.ts";

/**
 * The sessions that this process has in hand. A lease may have lapsed, since the machine has slept, say: whoever tells
 * the session has not stopped by that, and nobody else is to begin beside them here.
 */
export class HeldSessions {
  readonly #clock: SteadyClock;
  readonly #holds = new Map<string, Hold>();
  readonly #freed = new Set<(session: SessionKey) => void>();

  constructor(clock: SteadyClock) {
    this.#clock = clock;
  }

  has(session: SessionKey): boolean {
    return this.heldBy(session) !== undefined;
  }

  heldBy(session: SessionKey): TurnBy | undefined {
    return this.holdOf(session)?.by;
  }

  holdOf(session: SessionKey): Hold | undefined {
    const hold = this.#holds.get(textOfSession(session));
    return hold !== undefined && this.#clock.monotonic() < hold.endsAt ? hold : undefined;
  }

  /** Until it is let go of, and for so many milliseconds at most. */
  hold(claim: ClaimKey, by: TurnBy, holdMs: number): void {
    const now = this.#clock.monotonic();
    this.#forgetOver(now);
    this.#holds.set(textOfSession(claim), { token: claim.token, by, endsAt: now + holdMs });
  }

  /** Another claim, which has taken its place when its time was over, stays. */
  letGo(claim: ClaimKey): void {
    const key = textOfSession(claim);
    if (this.#holds.get(key)?.token !== claim.token) return;
    this.#holds.delete(key);
    for (const freed of [...this.#freed]) freed(claim);
  }

  /** Calls back whenever one is let go of. Returns how to stop. */
  onFree(freed: (session: SessionKey) => void): () => void {
    this.#freed.add(freed);
    return () => void this.#freed.delete(freed);
  }

  /** Of some that are over nobody ever says so. */
  #forgetOver(now: number): void {
    for (const [key, { endsAt }] of this.#holds) {
      if (endsAt > now) return;
      this.#holds.delete(key);
    }
  }
}

interface Hold {
  readonly token: string;
  readonly by: TurnBy;
  /** By the monotonic clock. */
  readonly endsAt: number;
}
