import type { Signal } from "./fetch.ts";
import { isHidden, onVisibility, type Page } from "./page.ts";
import type { Outgoing } from "./requests.ts";
import { onAbort } from "./waiting.ts";

/** How long a server is asked to wait for something new, in milliseconds. */
export const WAIT_MS = 20_000;
/** How long such a request may take. What dies on the way ends nothing by itself. */
export const LOOK_MS = 30_000;
/** Three heartbeats of a handler that was not told otherwise. */
const SILENT_MS = 45_000;

export type Terms = Pick<Outgoing, "signal" | "tries" | "onSend">;

/** One request that stays open: it ends when whoever asked leaves, when its page is hidden, and when nothing comes. */
export class Connection {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal as Signal;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether it ended since nothing ever came. */
  isHeldBack = false;

  constructor(signal: Signal | undefined, page: Page) {
    const end = () => this.end();
    onAbort(
      this.signal,
      onVisibility(page, () => isHidden(page) && end()),
    );
    onAbort(this.signal, onAbort(signal, end));
  }

  /** What a request has that is sent by way of it: something must come within so long, from when it is sent. */
  within(ms: number): Terms {
    return { signal: this.signal, tries: 1, onSend: () => this.#endIn(ms, true) };
  }

  heard(): void {
    this.#endIn(SILENT_MS, false);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }

  #endIn(ms: number, isFirst: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isHeldBack = isFirst;
      this.end();
    }, ms);
  }
}
