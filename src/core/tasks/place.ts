/** A place for one running task. It is held until the task that uses it has ended. */
export class Place {
  readonly #count: (change: number) => void;
  #isHeld = true;
  #isUsed = false;

  constructor(count: (change: number) => void) {
    this.#count = count;
    count(1);
  }

  /** A task runs here now. Where the place was given back meanwhile, it is taken whether there is one or not. */
  use(): void {
    if (!this.#isHeld) this.#count(1);
    this.#isHeld = true;
    this.#isUsed = true;
  }

  giveBackIfUnused(): void {
    if (this.#isUsed || !this.#isHeld) return;
    this.#isHeld = false;
    this.#count(-1);
  }
}
