import type { Notices } from "../../core/ledger/notices.ts";
import { warn } from "../../core/values/warn.ts";
import type { Claimed } from "../outbox.ts";
import { type Footing, HeldTurn, openTurn, type TurnTools } from "./held-turn.ts";
import { type RunningTurnParts, RunningTurns } from "./running-turns.ts";
import type { TurnSettling } from "./settling.ts";
import { isStreaming } from "./streaming.ts";
import type { Delivery } from "./turn.ts";
import type { TurnOutcome, TurnRun } from "./turn-run.ts";

/** The turns that begin by themselves, since results have come. */
export class AutomaticTurns {
  readonly #parts: AutomaticTurnParts;
  readonly #running: RunningTurns;
  readonly #warned = new Set<string>();

  constructor(parts: AutomaticTurnParts) {
    this.#parts = parts;
    this.#running = new RunningTurns(parts);
  }

  /** How many run. */
  get size(): number {
    return this.#running.size;
  }

  /** Resolves when those that run now have ended. */
  get ended(): Promise<unknown> {
    return this.#running.ended;
  }

  begin(claimed: Claimed): void {
    const { tools } = this.#parts;
    const { scope, claim } = claimed;
    const letGo = () => tools.outbox.letGo(claimed);
    const footing = { scope, by: "library", number: claim.number, waiting: () => 0, claimed, letGo } as const;
    const turn = this.#open(footing, claimed);
    if (turn === undefined) return;
    const end = (outcome: TurnOutcome) => this.#end(turn, claimed, outcome);
    const ended = this.#running.begin(turn, () => this.#deliver(turn), end);
    void ended.finally(() => this.#parts.ended());
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
    return this.#running.runs;
  }

  async #end(turn: HeldTurn, claimed: Claimed, outcome: TurnOutcome): Promise<void> {
    const { settling, maxConsecutiveTurns, notices } = this.#parts;
    if (outcome.type === "failed") settling.tellFailed(claimed, outcome.error);
    const isSettled = await this.#parts.settle(turn, claimed, outcome);
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
    const answer = await this.#parts.deliver(turn as Delivery);
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

interface AutomaticTurnParts extends RunningTurnParts {
  readonly notices: Notices;
  readonly tools: TurnTools;
  readonly settling: TurnSettling;
  readonly maxConsecutiveTurns: number;
  deliver(turn: Delivery): unknown;
  /** Settles what a turn has left open, and lets go of its session. */
  settle(turn: HeldTurn, claimed: Claimed, outcome: TurnOutcome): Promise<boolean>;
  /** There is room for another. */
  ended(): void;
}
