import type { Notices } from "../../core/ledger/notices.ts";
import type { SessionKey, Settlement } from "../../core/model/session-claim.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import { describeError } from "../../core/values/summary.ts";
import { BusySessions } from "../busy-sessions.ts";
import type { Claimed, Outbox } from "../outbox.ts";
import { type VerdictTerms, verdictOf } from "../verdict.ts";
import type { HeldTurn } from "./held-turn.ts";
import type { TurnOutcome } from "./turn-run.ts";

/** Settles what a turn has left open when it has ended, and tells of what went wrong. */
export class TurnSettling {
  readonly #outbox: Outbox;
  readonly #notices: Notices;
  readonly #terms: VerdictTerms;
  readonly #busy: BusySessions;

  constructor(outbox: Outbox, { notices, clock }: Parts, terms: VerdictTerms) {
    this.#outbox = outbox;
    this.#notices = notices;
    this.#terms = terms;
    this.#busy = new BusySessions(clock);
  }

  /**
   * False: nothing was settled, since others may have the session, or the manager was closed first, and it is left to
   * the end of its lease.
   */
  async settle(
    { by }: HeldTurn,
    claimed: Claimed,
    outcome: TurnOutcome,
    { settled, retrying }: Told,
  ): Promise<boolean> {
    const busyMs = this.#busyMs(claimed.claim, outcome);
    if (outcome.type === "lost") return false;
    const open = [...claimed.open.values()];
    const verdict = verdictOf(outcome, open, { ...this.#terms, spendsAttempts: by === "library" }, busyMs);
    const settlements = open.map(verdict);
    const isSettled = await this.#outbox.settle(claimed, verdict, retrying).catch(() => false);
    if (isSettled) settled(settlements);
    return isSettled;
  }

  /** A delivery has failed, and is tried again. */
  tellFailed({ scope, followUps }: Claimed, error: unknown): void {
    const taskIds = followUps.map(({ id }) => id);
    // A wrong key, or a typo in `deliver`, would look as if no result ever came.
    const say = () => `A delivery has failed, and is tried again: ${describeError(error)}`;
    this.#notices.emitOrWarn("delivery.failed", { scope, taskIds, error }, say);
  }

  #busyMs(session: SessionKey, { type }: TurnOutcome): number {
    if (type === "busy") return this.#busy.busyMs(session);
    this.#busy.free(session);
    return 0;
  }
}

interface Told {
  /** What became of each. */
  settled(settlements: Settlement[]): void;
  /** The store has failed, and is asked again until it answers. */
  retrying(): void;
}

interface Parts {
  readonly clock: SteadyClock;
  readonly notices: Notices;
}
