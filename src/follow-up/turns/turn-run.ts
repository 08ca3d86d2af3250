import { TaskOffloadError } from "../../core/errors.ts";
import { type SteadyClock, Timer } from "../../core/time/clock.ts";
import { warn } from "../../core/values/warn.ts";
import type { HeldTurn } from "./held-turn.ts";
import { ABORTED_MS, PREEMPTED } from "./stopping.ts";

/** How a turn went. `stopped`: it was asked to stop, and its follow-ups are as they were, and due after a delay. */
export type TurnOutcome =
  | { type: "delivered" | "busy" | "gone" | "lost" }
  | { type: "stopped"; delayMs: number }
  | { type: "failed"; error: unknown };

/** For how long a turn may go on. */
export interface RunTerms {
  readonly clock: SteadyClock;
  /** Milliseconds after which its signal aborts. */
  readonly maxMs: number;
  /** Milliseconds that it has to end after that, before its session is left to its lease. */
  readonly leaseMs: number;
}

/** One turn from its beginning to its end, and what cuts it short. */
export class TurnRun {
  readonly turn: HeldTurn;
  readonly #terms: RunTerms;
  readonly #timers: Timer[] = [];
  #brokenOff: TurnOutcome | undefined;

  constructor(turn: HeldTurn, terms: RunTerms) {
    this.turn = turn;
    this.#terms = terms;
  }

  /** Resolves when the turn has ended: `work`, and everything that it waits for, has settled. */
  async run(work: () => unknown): Promise<TurnOutcome> {
    const { turn } = this;
    const { awaited } = turn;
    this.#watch();
    if (this.#brokenOff === undefined) awaited.add(asPromise(work));
    else awaited.add(Promise.resolve());
    await awaited.over;
    this.#clearTimers();
    if (this.#brokenOff !== undefined) return this.#brokenOff;
    if (awaited.failure !== undefined) return { type: "failed", error: awaited.failure.error };
    return { type: turn.answer ?? "delivered" };
  }

  /** Asks the turn to stop. It has its session until it has ended. */
  stop(reason: string, delayMs = 0): void {
    this.#breakOff({ type: "stopped", delayMs }, new DOMException(reason, "AbortError"));
  }

  /** It is waited for no longer: its session is left to the end of its lease. */
  leave(): void {
    this.turn.claimed?.lease.end();
    this.#clearTimers();
  }

  #watch(): void {
    const { maxMs } = this.#terms;
    if (Number.isFinite(maxMs)) this.#in(maxMs, () => this.#tookTooLong(maxMs));
    const lease = this.turn.claimed?.lease;
    // Who makes room for somebody is told again as soon as may be; whom the user has stopped is not.
    lease?.onStop((reason) => this.stop(reason, reason === PREEMPTED ? 0 : ABORTED_MS));
    lease?.onLost(() =>
      this.#breakOff(
        { type: "lost" },
        new DOMException("Another process may have taken the session over.", "AbortError"),
      ),
    );
  }

  #tookTooLong(maxMs: number): void {
    const error = new TaskOffloadError("deadline_exceeded", `The turn did not end within ${maxMs} ms.`);
    this.#breakOff({ type: "failed", error }, error);
  }

  #breakOff(outcome: TurnOutcome, reason: unknown): void {
    if (this.#brokenOff !== undefined || this.turn.awaited.isOver) return;
    this.#brokenOff = outcome;
    this.turn.abort(reason);
    this.#in(this.#terms.leaseMs, () => this.#isDeaf());
  }

  /** It is never given back before it has ended: another turn would run beside it. */
  #isDeaf(): void {
    this.leave();
    const { userId, sessionId } = this.turn.scope;
    warn(
      `A turn goes on although its signal has aborted: user ${JSON.stringify(userId)}, session ${JSON.stringify(sessionId ?? null)}.`,
      "Its session is left to other processes now; in this one no other turn of it begins before this one ends. Hand turn.signal on to whatever the turn waits for.",
    );
  }

  #clearTimers(): void {
    for (const timer of this.#timers) timer.clear();
  }

  #in(ms: number, then: () => void): void {
    this.#timers.push(new Timer(this.#terms.clock, then, ms).unref());
  }
}

async function asPromise(work: () => unknown): Promise<unknown> {
  return work();
}
