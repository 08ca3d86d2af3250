import type { Notices } from "../../core/ledger/notices.ts";
import type { SessionClaims } from "../../core/ledger/session-claims.ts";
import { type SessionHint, type SessionKey, textOfSession } from "../../core/model/session-claim.ts";

type TurnHint = SessionHint["turn"];

/** Hears what happens to the turns of single sessions, in any process, while somebody wants to. */
export class TurnHints {
  readonly #notices: Notices;
  readonly #claims: SessionClaims;
  readonly #listeners = new Map<string, Set<(hint: TurnHint) => void>>();
  #stop: (() => void) | undefined;

  constructor({ notices, claims }: Parts) {
    this.#notices = notices;
    this.#claims = claims;
  }

  /** Returns how to stop listening. */
  listen(session: SessionKey, listener: (hint: TurnHint) => void): () => void {
    this.#stop ??= this.#begin();
    const key = textOfSession(session);
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#forget(key, listeners);
    };
  }

  /** A session may be free here later than in the store, or sooner. */
  #begin(): () => void {
    const stopHints = this.#notices.onTurnHint((hint) => this.#tell(hint));
    const stopFree = this.#claims.onFree((session) => this.#tell({ ...session, turn: "free" }));
    return () => {
      stopHints();
      stopFree();
    };
  }

  #tell(hint: SessionHint): void {
    for (const listener of [...(this.#listeners.get(textOfSession(hint)) ?? [])]) listener(hint.turn);
  }

  #forget(key: string, listeners: Set<unknown>): void {
    if (this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    if (this.#listeners.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }
}

interface Parts {
  readonly notices: Notices;
  readonly claims: SessionClaims;
}
