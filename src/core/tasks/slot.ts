/** A place for one running task, held until that has ended. */
export class Slot {
  readonly #count: (change: number) => void;
  #isHeld = true;
  #isUsed = false;

  constructor(count: (change: number) => void) {
    this.#count = count;
    count(1);
  }

  /** A task runs here now. Where the slot was released meanwhile, it is taken again whether there is one or not. */
  use(): void {
    if (!this.#isHeld) this.#count(1);
    this.#isHeld = true;
    this.#isUsed = true;
  }

  releaseIfUnused(): void {
    if (!this.#isUsed) this.release();
  }

  release(): void {
    if (this.#isHeld) this.#count(-1);
    this.#isHeld = false;
  }
}
