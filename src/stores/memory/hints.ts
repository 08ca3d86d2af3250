import { hintOf, type TaskHint } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";

/** Tells listeners of writes, soon after each and never in the middle of one. */
export class Hints {
  readonly #listeners = new Set<Listener>();
  #waiting: TaskHint[] = [];

  tell(record: TaskRecord, firstSeq: number): void {
    if (this.#listeners.size === 0) return;
    if (this.#waiting.length === 0) Promise.resolve().then(() => this.#flush());
    this.#waiting.push(hintOf(record, firstSeq));
  }

  /** Answers how to stop listening. */
  watch(listener: Listener): () => void {
    const own: Listener = (hint) => listener(hint);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  close(): void {
    this.#listeners.clear();
  }

  #flush(): void {
    const hints = this.#waiting;
    this.#waiting = [];
    for (const hint of hints) {
      for (const listener of this.#listeners) void callSafely(listener, { ...hint });
    }
  }
}

type Listener = (hint: TaskHint) => void;

/** What a listener throws, now or later, ends with it. */
async function callSafely(listener: Listener, hint: TaskHint): Promise<void> {
  try {
    await listener(hint);
  } catch {
    // It harms nobody.
  }
}
