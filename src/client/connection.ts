import type { Signal } from "./fetch.ts";
import { onVisibility } from "./page.ts";
import { onAbort } from "./waiting.ts";

/** How long an open stream may stay silent. A stream begins with a line that is sent at once: what holds it back is a proxy. */
const FIRST_WITHIN_MS = 5_000;
/** Three heartbeats of a handler that was not told otherwise. */
const SILENT_MS = 45_000;

/** One request that stays open: it ends when whoever asked leaves, when its page is hidden, and when nothing comes. */
export class Connection {
  readonly #controller = new AbortController();
  readonly #stops: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasHeard = false;
  /** Whether it ended since nothing ever came. */
  isHeldBack = false;

  constructor(signal: Signal | undefined, closesHidden: boolean) {
    this.#stops.push(onAbort(signal, () => this.end()));
    if (closesHidden) this.#stops.push(onVisibility((isHidden) => isHidden && this.end()));
    this.#expect(FIRST_WITHIN_MS);
  }

  get signal(): Signal {
    return this.#controller.signal as Signal;
  }

  heard(): void {
    this.#hasHeard = true;
    this.#expect(SILENT_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
    this.#controller.abort();
  }

  #expect(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isHeldBack = !this.#hasHeard;
      this.end();
    }, ms);
  }
}
