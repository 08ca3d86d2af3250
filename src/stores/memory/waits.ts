import { type SessionKey, textOfSession } from "../../core/model/session-claim.ts";
import { SortedList } from "../../core/values/sorted-list.ts";

/** Who waits for which session, and until when: nobody else is to be quicker. */
export class Waits {
  /** Those of a session by claimant, in the order in which they came. */
  readonly #bySession = new Map<string, Map<string, Wait>>();
  readonly #byEnd = new SortedList<Wait, Wait>(byEnd);
  #begun = 0;

  has(session: SessionKey): boolean {
    return this.#bySession.has(textOfSession(session));
  }

  /** The claimant who has waited longest. */
  first(session: SessionKey): string | undefined {
    return this.#bySession.get(textOfSession(session))?.keys().next().value;
  }

  /** One that is begun again keeps its place. */
  begin(session: SessionKey, claimant: string, endsAt: number): void {
    const wait = { session, claimant, endsAt, order: ++this.#begun };
    const key = textOfSession(session);
    const waiting = this.#bySession.get(key) ?? new Map<string, Wait>();
    const before = waiting.get(claimant);
    if (before !== undefined) this.#byEnd.delete(before);
    this.#bySession.set(key, waiting.set(claimant, wait));
    this.#byEnd.add(wait);
  }

  end(session: SessionKey, claimant: string): void {
    const key = textOfSession(session);
    const waiting = this.#bySession.get(key);
    const wait = waiting?.get(claimant);
    if (waiting === undefined || wait === undefined) return;
    this.#byEnd.delete(wait);
    waiting.delete(claimant);
    if (waiting.size === 0) this.#bySession.delete(key);
  }

  /** Ends those that are over, and returns their sessions. */
  endOver(now: number): SessionKey[] {
    const over: SessionKey[] = [];
    let wait = this.#byEnd.first();
    for (; wait !== undefined && wait.endsAt <= now; wait = this.#byEnd.first()) {
      over.push(wait.session);
      this.end(wait.session, wait.claimant);
    }
    return over;
  }
}

interface Wait {
  readonly session: SessionKey;
  readonly claimant: string;
  /** By the monotonic clock. */
  readonly endsAt: number;
  readonly order: number;
}

function byEnd(one: Wait, other: Wait): number {
  return one.endsAt - other.endsAt || one.order - other.order;
}
