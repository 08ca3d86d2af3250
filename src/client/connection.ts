import type { Signal } from "./fetch.ts";
import { isHidden, onVisibility, type Page } from "./page.ts";
import { onAbort } from "./waiting.ts";

/** Three heartbeats of a handler that was not told otherwise. */
const SILENT_MS = 45_000;

/** One request that stays open: it ends when whoever asked leaves, when its page is hidden, and when nothing comes. */
export class Connection {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal as Signal;
  readonly #stops: (() => void)[];
  #timer: ReturnType<typeof setTimeout>;
  /** Whether it ended since nothing ever came. */
  isHeldBack = false;

  constructor(signal: Signal, page: Page, firstWithinMs: number) {
    const end = () => this.end();
    this.#timer = setTimeout(() => {
      this.isHeldBack = true;
      end();
    }, firstWithinMs);
    this.#stops = [onVisibility(page, () => isHidden(page) && end())];
    this.#stops.push(onAbort(signal, end));
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.end(), SILENT_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
    this.#controller.abort();
  }
}
