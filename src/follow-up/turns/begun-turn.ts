import pTimeout from "p-timeout";
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
    if (!this.awaited.isOver) this.leaveAll();
    this.#end();
    // A store that fails does not hold its host up: what is not given back by then is so later.
    await pTimeout(this.ended, { milliseconds: GIVEN_BACK_WITHIN_MS, message: false });
  }
}

const GIVEN_BACK_WITHIN_MS = 1_000;
