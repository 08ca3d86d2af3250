import { shared } from "../../core/copies.ts";
import { type SessionKey, textOfSession } from "../../core/model/session-claim.ts";
import type { HeldTurn } from "./held-turn.ts";

/** The turns that each manager has in hand, for those who know only a session: the hooks of frameworks. */
const IN_HAND = shared("turns", () => new WeakMap<object, Map<string, HeldTurn>>());

/** `manager`: what is one for each manager. Returns how to take it out again. */
export function putInHand(manager: object, session: SessionKey, turn: HeldTurn): () => void {
  const turns = IN_HAND.get(manager) ?? new Map<string, HeldTurn>();
  const key = textOfSession(session);
  IN_HAND.set(manager, turns.set(key, turn));
  return () => {
    if (turns.get(key) === turn) turns.delete(key);
  };
}

export function turnInHand(manager: object, session: SessionKey): HeldTurn | undefined {
  return IN_HAND.get(manager)?.get(textOfSession(session));
}
