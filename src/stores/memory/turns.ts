import { type SessionKey, textOfSession } from "../../core/model/session-claim.ts";

/** The turns of each session. They outlive its tasks, and its user. */
export class Turns {
  /** The one that was counted last comes last. */
  readonly #counts = new Map<string, Count>();

  of(session: SessionKey): number {
    // Each task asks, and most stores count none.
    return this.#counts.size === 0 ? 0 : (this.#counts.get(textOfSession(session))?.turns ?? 0);
  }

  count(session: SessionKey, now: number): void {
    const { userId, sessionId } = session;
    const turns = this.of(session) + 1;
    this.reset(session);
    this.#counts.set(textOfSession(session), { session: { userId, sessionId }, turns, countedAt: now });
  }

  reset(session: SessionKey): void {
    this.#counts.delete(textOfSession(session));
  }

  /** Sessions of which nothing has been counted since. */
  *countedUntil(instant: number): Generator<SessionKey> {
    for (const { session, countedAt } of this.#counts.values()) {
      if (countedAt > instant) return;
      yield session;
    }
  }
}

interface Count {
  session: SessionKey;
  turns: number;
  countedAt: number;
}
