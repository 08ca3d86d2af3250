import { type Footing, HeldTurn, type TurnTools } from "./held-turn.ts";
import type { BegunTurn } from "./turn.ts";

/** A turn that its host ends by hand. */
export class HandledTurn extends HeldTurn implements BegunTurn {
  /** What it goes on for, until it is ended. */
  readonly untilEnd: Promise<void>;
  /** Everything that it goes on for has settled, and what it left open too. */
  ended: Promise<void> = Promise.resolve();
  #end: () => void = () => undefined;

  constructor(footing: Footing, tools: TurnTools) {
    super(footing, tools);
    this.untilEnd = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async end(): Promise<void> {
    this.#end();
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What cannot be given back now comes again when its lease is over.
    if (!this.awaited.isOver) await this.giveBack().catch(() => false);
    await this.end();
  }
}
