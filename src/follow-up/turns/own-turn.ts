import { AsyncLocalStorage } from "node:async_hooks";
import type { HeldTurn } from "./held-turn.ts";

/** Knows within which turns the code that calls runs, so that nobody waits for a turn that waits for them. */
const OWN = new AsyncLocalStorage<readonly OwnTurn[]>();

interface OwnTurn {
  /** Of which manager. */
  readonly tasks: object;
  readonly session: string;
  readonly turn: HeldTurn;
}

export function runWithin<T>(own: OwnTurn, work: () => T): T {
  const outer = (OWN.getStore() ?? []).filter(({ turn }) => !turn.awaited.isOver);
  return OWN.run([...outer, own], work);
}

/** Whether the caller is part of a turn of this session that has not ended. */
export function isWithin(tasks: object, session: string): boolean {
  const turns = OWN.getStore() ?? [];
  return turns.some((own) => own.tasks === tasks && own.session === session && !own.turn.awaited.isOver);
}
