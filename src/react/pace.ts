/** What comes often is shown twenty times a second. */
export class Pace {
  readonly #show: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(show: () => void) {
    this.#show = show;
  }

  /** Shows it soon. */
  soon(): void {
    this.#timer ??= setTimeout(() => this.now(), EVERY_MS);
  }

  now(): void {
    this.stop();
    this.#show();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

const EVERY_MS = 50;
