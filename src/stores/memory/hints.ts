import type { SessionHint, SessionKey } from "../../core/model/session-claim.ts";
import { hintOf, type StoreHint } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { type HintListener, Listeners } from "../shared/listeners.ts";

/** Tells listeners of writes, soon after each and never in the middle of one. */
export class Hints {
  readonly #listeners = new Listeners<StoreHint>();
  #untold: StoreHint[] = [];

  tell(record: TaskRecord, firstSeq: number): void {
    if (this.#listeners.size > 0) this.#tellSoon(hintOf(record, firstSeq));
  }

  tellTurn({ userId, sessionId }: SessionKey, turn: SessionHint["turn"]): void {
    if (this.#listeners.size > 0) this.#tellSoon({ userId, sessionId, turn });
  }

  /** Returns how to stop listening. */
  watch(listener: HintListener): () => void {
    return this.#listeners.add(listener);
  }

  close(): void {
    this.#listeners.clear();
  }

  #tellSoon(hint: StoreHint): void {
    if (this.#untold.length === 0) Promise.resolve().then(() => this.#flush());
    this.#untold.push(hint);
  }

  #flush(): void {
    const hints = this.#untold;
    this.#untold = [];
    for (const hint of hints) this.#listeners.tell(hint);
  }
}
