import type { StoreHint } from "../../core/model/store.ts";

export type HintListener = (hint: StoreHint) => void;

/** Those in this process who want to hear of writes. What one of them throws, now or later, harms nobody. */
export class HintListeners {
  readonly #listeners = new Set<HintListener>();

  get size(): number {
    return this.#listeners.size;
  }

  /** Returns how to stop listening; that returns whether this was the last. */
  add(listener: HintListener): () => boolean {
    const own: HintListener = (hint) => listener(hint);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own) && this.#listeners.size === 0;
  }

  tell(hint: StoreHint): void {
    for (const listener of this.#listeners) void callSafely(listener, { ...hint });
  }

  clear(): void {
    this.#listeners.clear();
  }
}

async function callSafely(listener: HintListener, hint: StoreHint): Promise<void> {
  try {
    await listener(hint);
  } catch {
    // A hint is no more than a hint.
  }
}
