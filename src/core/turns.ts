/** Somebody who wants to know when a turn is aborted. */
export interface TurnMember {
  abort(reason: unknown): void;
}

/** The calls that a turn waits for, behind its one listener: Node warns of more than ten on a signal. */
interface Turn {
  readonly members: Set<TurnMember>;
  readonly listener: () => void;
}

const TURNS = new WeakMap<AbortSignal, Turn>();

/** Tells `member` when `signal` aborts, until it leaves. */
export function joinTurn(signal: AbortSignal, member: TurnMember): void {
  let turn = TURNS.get(signal);
  if (turn === undefined) {
    turn = newTurn(signal);
    TURNS.set(signal, turn);
  }
  if (turn.members.size === 0) signal.addEventListener("abort", turn.listener);
  turn.members.add(member);
}

export function leaveTurn(signal: AbortSignal, member: TurnMember): void {
  const turn = TURNS.get(signal);
  if (turn?.members.delete(member) && turn.members.size === 0) {
    signal.removeEventListener("abort", turn.listener);
  }
}

function newTurn(signal: AbortSignal): Turn {
  const members = new Set<TurnMember>();
  const listener = () => {
    for (const member of [...members]) member.abort(signal.reason);
  };
  return { members, listener };
}
