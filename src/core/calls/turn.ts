import { shared } from "../copies.ts";
import { Chain, type Link } from "../values/chain.ts";
import { abortReasonOf, onAbort } from "../values/signals.ts";

/** Somebody who wants to know when a turn is aborted. */
export interface TurnMember extends Link<TurnMember> {
  abort(reason: unknown): void;
}

/** The turn behind a signal. */
export function turnOf(signal: AbortSignal): Turn {
  let turn = TURNS.get(signal);
  if (turn === undefined) {
    turn = new Turn(signal);
    TURNS.set(signal, turn);
  }
  return turn;
}

/**
 * The calls that one turn waits for, behind one listener on its signal, since Node warns of more than ten.
 * The listener is there only while somebody waits: a turn's signal may live long.
 */
export class Turn {
  readonly #signal: AbortSignal;
  readonly #members = new Chain<TurnMember>();
  readonly #listener = () => {
    const reason = abortReasonOf(this.#signal);
    for (const member of [...this.#members].reverse()) member.abort(reason);
  };

  #stopListening: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  join(member: TurnMember): void {
    if (this.#members.size === 0) this.#stopListening = onAbort(this.#signal, this.#listener);
    this.#members.add(member);
  }

  leave(member: TurnMember): void {
    if (this.#members.delete(member) && this.#members.size === 0) this.#stopListening();
  }
}

/** One listener for all copies, too. */
const TURNS = shared("turns", () => new WeakMap<AbortSignal, Turn>());
