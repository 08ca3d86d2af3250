import type { SessionClaims } from "../../core/ledger/session-claims.ts";
import { textOfSession } from "../../core/model/session-claim.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import { sessionOf } from "../outbox.ts";
import type { HeldTurn } from "./held-turn.ts";
import { putInHand } from "./in-hand.ts";
import { runWithin } from "./own-turn.ts";
import type { TurnHints } from "./turn-hints.ts";
import { type TurnOutcome, TurnRun } from "./turn-run.ts";

/** Turns that run: hooks find them, they hear when they are asked to stop, and know what runs within them. */
export class RunningTurns {
  readonly #parts: RunningTurnParts;
  readonly #runs = new Map<TurnRun, Promise<void>>();

  constructor(parts: RunningTurnParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#runs.size;
  }

  get runs(): readonly TurnRun[] {
    return [...this.#runs.keys()];
  }

  /** Resolves when those that run now have ended. */
  get ended(): Promise<unknown> {
    return Promise.all(this.#runs.values());
  }

  /** Begins `work`, unless the turn is lost already. Resolves when `end` has done what is to be done after it. */
  begin(turn: HeldTurn, work: () => unknown, end: (outcome: TurnOutcome) => Promise<void>): Promise<void> {
    const { tasks, claims, hints } = this.#parts;
    const session = sessionOf(turn.scope);
    const run = new TurnRun(turn, this.#parts);
    const takeOut = putInHand(claims, session, turn);
    const stopHints = hints.listen(session, (hint) => void (hint === "stop" && turn.claimed?.lease.look()));
    const own = { tasks, session: textOfSession(session), turn };
    const running = run.run(() => runWithin(own, work));
    const ended = running.then(end).finally(() => {
      stopHints();
      takeOut();
      this.#runs.delete(run);
    });
    this.#runs.set(run, ended);
    return ended;
  }
}

export interface RunningTurnParts {
  readonly tasks: object;
  readonly clock: SteadyClock;
  readonly claims: SessionClaims;
  readonly hints: TurnHints;
  readonly leaseMs: number;
  /** Milliseconds after which the signal of a turn aborts. */
  readonly maxMs: number;
}
