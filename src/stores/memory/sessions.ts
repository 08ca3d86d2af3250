import { SortedList } from "../../core/values/sorted-list.ts";
import { byCompletion, type Completed, type Entry } from "./entry.ts";

/** The sessions of one user: their pending follow-ups, and to which of them somebody delivers. Others are not kept. */
export class Sessions {
  readonly #sessions = new Map<string | null, Session>();

  get size(): number {
    return this.#sessions.size;
  }

  /** The first to end comes first. */
  pendingIn(sessionId: string | null): Entry[] {
    return [...(this.#sessions.get(sessionId)?.pending ?? [])];
  }

  isClaimed(sessionId: string | null): boolean {
    return this.#sessions.get(sessionId)?.isClaimed ?? false;
  }

  setClaimed(sessionId: string | null, isClaimed: boolean): void {
    this.#change(sessionId, (session) => {
      session.isClaimed = isClaimed;
    });
  }

  add(entry: Entry): void {
    this.#change(entry.record.sessionId, ({ pending }) => pending.add(entry));
  }

  delete(entry: Entry): void {
    this.#change(entry.record.sessionId, ({ pending }) => pending.delete(entry));
  }

  #change(sessionId: string | null, write: (session: Session) => void): void {
    const session = this.#sessions.get(sessionId) ?? new Session();
    write(session);
    if (session.isClaimed || session.pending.size > 0) this.#sessions.set(sessionId, session);
    else this.#sessions.delete(sessionId);
  }
}

class Session {
  readonly pending = new SortedList<Completed, Entry>(byCompletion);
  isClaimed = false;
}
