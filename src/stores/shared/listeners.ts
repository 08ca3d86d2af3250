import type { Damage, StoreHint } from "../../core/model/store.ts";

export type HintListener = (hint: StoreHint) => void;
export type DamageListener = (damage: Damage) => void;

/** Those in this process who want to hear of something. What one of them throws, now or later, harms nobody. */
export class Listeners<Told extends object> {
  readonly #listeners = new Set<(told: Told) => void>();

  get size(): number {
    return this.#listeners.size;
  }

  /** Returns how to stop listening; that returns whether this was the last. */
  add(listener: (told: Told) => void): () => boolean {
    const own = (told: Told) => listener(told);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own) && this.#listeners.size === 0;
  }

  tell(told: Told): void {
    for (const listener of this.#listeners) void callSafely(listener, { ...told });
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/** Those who want hints, and to know when some may have been missed. */
export class HintListeners extends Listeners<StoreHint> {
  readonly #missed = new Listeners<object>();

  /** Returns how to stop listening; that returns whether this was the last. */
  watch(listener: HintListener, missed?: () => void): () => boolean {
    const stop = this.add(listener);
    const stopMissed = missed && this.#missed.add(() => missed());
    return () => {
      stopMissed?.();
      return stop();
    };
  }

  tellMissed(): void {
    this.#missed.tell({});
  }

  override clear(): void {
    super.clear();
    this.#missed.clear();
  }
}

async function callSafely<Told>(listener: (told: Told) => void, told: Told): Promise<void> {
  try {
    await listener(told);
  } catch {
    // Whoever is told is told, and no more than that.
  }
}
