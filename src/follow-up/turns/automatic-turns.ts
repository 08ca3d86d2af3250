import type { Notices } from "../../core/ledger/notices.ts";
import type { SessionClaims } from "../../core/ledger/session-claims.ts";
import { textOfSession } from "../../core/model/session-claim.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import { warn } from "../../core/values/warn.ts";
import { type Claimed, sessionOf } from "../outbox.ts";
import { type Footing, HeldTurn, openTurn, type TurnTools } from "./held-turn.ts";
import { putInHand } from "./in-hand.ts";
import { runWithin } from "./own-turn.ts";
import type { TurnSettling } from "./settling.ts";
import { isStreaming } from "./streaming.ts";
import type { Delivery } from "./turn.ts";
import type { TurnHints } from "./turn-hints.ts";
import { type TurnOutcome, TurnRun } from "./turn-run.ts";

/** The turns that begin by themselves, since results have come. */
export class AutomaticTurns {
  readonly #parts: AutomaticTurnParts;
  readonly #runs = new Map<TurnRun, Promise<void>>();
  readonly #warned = new Set<string>();

  constructor(parts: AutomaticTurnParts) {
    this.#parts = parts;
  }

  /** How many run. */
  get size(): number {
    return this.#runs.size;
  }

  /** Resolves when those that run now have ended. */
  get ended(): Promise<unknown> {
    return Promise.all(this.#runs.values());
  }

  begin(claimed: Claimed): void {
    const { clock, claims, leaseMs, maxMs, hints, tools } = this.#parts;
    const { scope, claim, lease } = claimed;
    const letGo = () => tools.outbox.letGo(claimed);
    const footing = { scope, by: "library", number: claim.number, waiting: () => 0, claimed, letGo } as const;
    const turn = this.#open(footing, claimed);
    if (turn === undefined) return;
    const run = new TurnRun(turn, { clock, leaseMs, maxMs });
    const takeOut = putInHand(claims, claim, turn);
    const stopHints = hints.listen(claim, (hint) => void (hint === "stop" && lease.look()));
    const ended = this.#carryOut(run, claimed).finally(() => {
      stopHints();
      takeOut();
      this.#runs.delete(run);
      this.#parts.ended();
    });
    this.#runs.set(run, ended);
  }

  #open(footing: Footing, claimed: Claimed): HeldTurn | undefined {
    try {
      return openTurn(HeldTurn, footing, this.#parts.tools);
    } catch (error) {
      this.#parts.settling.tellFailed(claimed, error);
      return undefined;
    }
  }

  /** Those that run. */
  get runs(): readonly TurnRun[] {
    return [...this.#runs.keys()];
  }

  async #carryOut(run: TurnRun, claimed: Claimed): Promise<void> {
    const { settling, maxConsecutiveTurns, notices } = this.#parts;
    const outcome = await run.run(() => this.#deliver(run.turn));
    if (outcome.type === "failed") settling.tellFailed(claimed, outcome.error);
    const isSettled = await this.#parts.settle(run.turn, claimed, outcome);
    const turns = claimed.claim.turns + 1;
    if (!isSettled || outcome.type !== "delivered" || turns < maxConsecutiveTurns) return;
    if (notices.emit("session.held", { scope: claimed.scope, turns })) return;
    this.#warn(
      `A session has had its ${turns} automatic turns, and what completes now stays pending until its user speaks.`,
      'Begin the user\'s turns by dispatcher.turn, or call userSpoke. The event "session.held" tells of each; listen to it, and this is not printed.',
    );
  }

  async #deliver(turn: HeldTurn): Promise<void> {
    // A claim without follow-ups begins no turn.
    const own = { tasks: this.#parts.tasks, session: textOfSession(sessionOf(turn.scope)), turn };
    const answer = await runWithin(own, () => this.#parts.deliver(turn as Delivery));
    if (answer === "busy") turn.busy();
    else if (answer === "gone") turn.gone();
    else if (typeof answer === "string") {
      this.#warn(
        `"deliver" has returned ${JSON.stringify(answer.slice(0, 60))}, which means nothing: the turn counts as delivered.`,
        'Of all texts only "busy" and "gone" mean something; turn.busy() and turn.gone() say the same.',
      );
    } else if (isStreaming(answer) && !turn.awaited.isProlonged) {
      this.#warn(
        '"deliver" has returned a stream that the turn does not wait for: it counts as delivered, even if the stream fails.',
        "Read the stream to its end in deliver, or give turn.waitUntil a promise that settles with it.",
      );
    }
  }

  /** Once for each kind. */
  #warn(message: string, detail: string): void {
    if (this.#warned.has(detail)) return;
    this.#warned.add(detail);
    warn(message, detail);
  }
}

interface AutomaticTurnParts {
  readonly tasks: object;
  readonly clock: SteadyClock;
  readonly claims: SessionClaims;
  readonly notices: Notices;
  readonly hints: TurnHints;
  readonly tools: TurnTools;
  readonly settling: TurnSettling;
  readonly leaseMs: number;
  /** Milliseconds after which the signal of a turn aborts. */
  readonly maxMs: number;
  readonly maxConsecutiveTurns: number;
  deliver(turn: Delivery): unknown;
  /** Settles what a turn has left open, and lets go of its session. */
  settle(turn: HeldTurn, claimed: Claimed, outcome: TurnOutcome): Promise<boolean>;
  /** There is room for another. */
  ended(): void;
}
