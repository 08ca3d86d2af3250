import { shared } from "../core/copies.ts";

/** Turns in which a model has asked for outcomes in vain. */
const IN_VAIN = shared("asked-in-vain", () => new WeakSet<object>());

/**
 * Notes that a model has asked in vain. Whether it had done so before within this turn.
 *
 * @param turn what is one for each turn; `undefined`: nobody knows which turn it is
 */
export function asksInVainAgain(turn: object | undefined): boolean {
  if (turn === undefined) return false;
  const again = IN_VAIN.has(turn);
  IN_VAIN.add(turn);
  return again;
}

/** What it is told then. */
export const END_YOUR_TURN =
  "You have asked in vain before in this turn, and what you ask for has not ended yet. Do not ask again: each outcome arrives by " +
  "itself in a later message. Do other work that does not depend on it, or tell the user what is still running and end " +
  "your turn.";
