import type { TaskHint } from "../../core/model/store.ts";

export type HintListener = (hint: TaskHint) => void;

/** Those in this process who listen. */
export class Hints {
  readonly #listeners = new Set<HintListener>();

  /** Answers how to stop listening. */
  watch(listener: HintListener): () => void {
    const own: HintListener = (hint) => listener(hint);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  tell(hint: TaskHint): void {
    for (const listener of this.#listeners) void callSafely(listener, { ...hint });
  }

  close(): void {
    this.#listeners.clear();
  }
}

/** What a listener throws, now or later, ends with it. */
async function callSafely(listener: HintListener, hint: TaskHint): Promise<void> {
  try {
    await listener(hint);
  } catch {
    // It harms nobody.
  }
}
