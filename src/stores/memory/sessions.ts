import { Chain } from "../../core/values/chain.ts";
import { byCompletion, type Entry } from "./entry.ts";

/** The sessions of one user: their pending follow-ups, and which of them somebody has, or waits for. Others are not kept. */
export class Sessions {
  readonly #sessions = new Map<string | null, Session>();

  get size(): number {
    return this.#sessions.size;
  }

  /** The first to end comes first. */
  pendingIn(sessionId: string | null): Entry[] {
    return [...(this.#sessions.get(sessionId) ?? [])].sort(byCompletion);
  }

  isTaken(sessionId: string | null): boolean {
    return this.#sessions.get(sessionId)?.isTaken ?? false;
  }

  setTaken(sessionId: string | null, isTaken: boolean): void {
    this.#at(sessionId).isTaken = isTaken;
    this.#tidy(sessionId);
  }

  add(entry: Entry): void {
    this.#at(entry.record.sessionId).add(entry);
  }

  delete(entry: Entry): void {
    const { sessionId } = entry.record;
    this.#sessions.get(sessionId)?.delete(entry);
    this.#tidy(sessionId);
  }

  #at(sessionId: string | null): Session {
    let session = this.#sessions.get(sessionId);
    if (session === undefined) {
      session = new Session();
      this.#sessions.set(sessionId, session);
    }
    return session;
  }

  #tidy(sessionId: string | null): void {
    const session = this.#sessions.get(sessionId);
    if (session?.size === 0 && !session.isTaken) this.#sessions.delete(sessionId);
  }
}

class Session extends Chain<Entry> {
  isTaken = false;
}
