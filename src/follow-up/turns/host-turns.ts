import { setMaxListeners } from "node:events";
import { closedError, TaskOffloadError } from "../../core/errors.ts";
import type { Notices } from "../../core/ledger/notices.ts";
import { type SessionKey, textOfSession } from "../../core/model/session-claim.ts";
import type { TaskScope } from "../../core/model/task.ts";
import { type Claimed, scopeOf, sessionOf } from "../outbox.ts";
import { HandledTurn } from "./begun-turn.ts";
import { type Footing, HeldTurn, openTurn, type TurnTools } from "./held-turn.ts";
import { joined } from "./joined-signal.ts";
import { isWithin } from "./own-turn.ts";
import { type RunningTurnParts, RunningTurns } from "./running-turns.ts";
import { msLeft, type QueueTerms, SessionQueue, type Unguarded } from "./session-queue.ts";
import type { Turn } from "./turn.ts";
import type { TurnTerms } from "./turn-options.ts";
import type { TurnOutcome, TurnRun } from "./turn-run.ts";

/** The turns that a host begins: its user has spoken, or it has a reason of its own. */
export class HostTurns {
  readonly #parts: HostTurnParts;
  readonly #queue: SessionQueue;
  readonly #running: RunningTurns;
  /** Sessions that are waited for, or asked for. */
  readonly #taking = new Set<Promise<unknown>>();
  #closing = closable();
  /** The last number that a store has given, and when, by the monotonic clock. */
  #lastNumber: { number: number; at: number } | undefined;

  constructor(parts: HostTurnParts) {
    const { outbox } = parts.tools;
    this.#parts = parts;
    this.#running = new RunningTurns(parts);
    this.#queue = new SessionQueue({ ...parts, outbox, pollMs: Math.min(MOST_POLL_MS, parts.leaseMs / 3) });
  }

  /** Settles as `work` does. */
  async turn<T>(scope: TaskScope, work: (turn: Turn) => T, terms: TurnTerms): Promise<Awaited<T>> {
    const { result } = await this.#begin(HeldTurn, scope, work, terms);
    return result;
  }

  async begin(scope: TaskScope, terms: TurnTerms): Promise<HandledTurn> {
    const { turn, ended } = await this.#begin(HandledTurn, scope, (turn) => turn.untilEnd, terms);
    turn.ended = ended;
    return turn;
  }

  /** The time for turns has come again. */
  open(): void {
    if (this.#closing.signal.aborted) this.#closing = closable();
  }

  /** Nobody waits any more, and nobody comes. Resolves when those that run have ended. */
  async close(): Promise<void> {
    this.#closing.abort(closedError());
    await Promise.all([this.#running.ended, this.#left()]);
  }

  async #left(): Promise<void> {
    await Promise.allSettled(this.#taking);
    await this.#queue.settled;
  }

  /** Those that run. */
  get runs(): readonly TurnRun[] {
    return this.#running.runs;
  }

  /** One that is lost before it could begin is asked for again. */
  async #begin<Kind extends HeldTurn, T>(
    Kind: new (footing: Footing, tools: TurnTools) => Kind,
    scope: TaskScope,
    work: (turn: Kind) => T,
    terms: TurnTerms,
  ): Promise<Begun<Kind, Awaited<T>>> {
    const { clock, tools } = this.#parts;
    const queueTerms = { ...terms, deadlineAt: clock.monotonic() + terms.maxWaitMs };
    for (;;) {
      const turn = openTurn(Kind, await this.#take(scope, queueTerms), tools);
      const { result, ended } = this.#run(turn, work);
      if (result !== undefined) return { turn, result, ended };
      await ended;
      msLeft(queueTerms, clock);
    }
  }

  async #take(scope: TaskScope, terms: QueueTerms): Promise<Footing> {
    const session = sessionOf(scope);
    if (isWithin(this.#parts.tasks, textOfSession(session))) throw withinError();
    if (!this.#parts.isAccepting()) throw closedError();
    const { signal, leave } = joined(this.#closing.signal, terms.signal);
    const taking = this.#queue.take(session, terms, signal);
    this.#taking.add(taking);
    try {
      return this.#footingOf(session, terms, await taking);
    } finally {
      this.#taking.delete(taking);
      leave();
    }
  }

  #footingOf(session: SessionKey, { by }: TurnTerms, taken: Claimed | Unguarded): Footing {
    const scope = scopeOf(session);
    const waiting = () => this.#queue.waiting(session);
    if ("claim" in taken) {
      const { number } = taken.claim;
      this.#lastNumber = { number, at: this.#parts.clock.monotonic() };
      return {
        scope,
        by,
        number,
        waiting,
        claimed: taken,
        letGo: () => this.#parts.tools.outbox.letGo(taken),
      };
    }
    this.#parts.notices.emit("turn.unguarded", { scope, error: taken.error });
    const letGo = () => this.#parts.claims.letGo(taken.key);
    return { scope, by, number: this.#numberUnasked(), waiting, claimed: undefined, letGo };
  }

  /** Stores number by their time, too: a host that fences its writes takes those of this turn, and of the next. */
  #numberUnasked(): number {
    const { clock } = this.#parts;
    if (this.#lastNumber === undefined) return Math.floor(clock.now());
    const { number, at } = this.#lastNumber;
    this.#lastNumber = {
      number: number + Math.max(1, Math.floor(clock.monotonic() - at)),
      at: clock.monotonic(),
    };
    return this.#lastNumber.number;
  }

  /** `result` is `undefined` if it was lost before it could begin. */
  #run<Kind extends HeldTurn, T>(turn: Kind, work: (turn: Kind) => T): Running<Awaited<T>> {
    const told: unknown[] = [];
    let result: Promise<Awaited<T>> | undefined;
    const begin = () => {
      result = promiseOf(() => work(turn));
      result.catch((error: unknown) => told.push(error));
      return result;
    };
    const ended = this.#running.begin(turn, begin, (outcome) =>
      result === undefined ? this.#giveBack(turn) : this.#end(turn, outcome, told),
    );
    return { result, ended };
  }

  /** Nobody has seen what it was handed. A store that fails is not waited for. */
  async #giveBack({ claimed }: HeldTurn): Promise<void> {
    if (claimed === undefined) return;
    const { outbox } = this.#parts.tools;
    await new Promise<void>((resolve) => {
      const givenBack = outbox.settle(claimed, () => ({ type: "defer", delayMs: 0 }), resolve);
      givenBack.catch(() => false).finally(resolve);
    });
    outbox.letGo(claimed);
  }

  /** `told`: with what the turn's own function has failed, which whoever has begun the turn knows. */
  async #end(turn: HeldTurn, outcome: TurnOutcome, told: readonly unknown[]): Promise<void> {
    const { scope } = turn;
    if (outcome.type === "failed" && !told.includes(outcome.error)) {
      this.#parts.notices.emit("turn.failed", { scope, error: outcome.error });
    }
    turn.leaveUnread();
    await this.#parts.settle(turn, outcome);
  }
}

/** Many wait at a time, and each listens. */
function closable(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

interface HostTurnParts extends RunningTurnParts {
  readonly notices: Notices;
  readonly tools: TurnTools;
  /** Whether the manager is open. */
  isAccepting(): boolean;
  /** What is to be done with what a turn has left open, and lets go of its session. */
  settle(turn: HeldTurn, outcome: TurnOutcome): Promise<void>;
}

interface Running<T> {
  readonly result: Promise<T> | undefined;
  readonly ended: Promise<void>;
}

interface Begun<Kind extends HeldTurn, T> extends Running<T> {
  readonly turn: Kind;
  readonly result: Promise<T>;
}

const MOST_POLL_MS = 1_000;

function withinError(): TaskOffloadError {
  return new TaskOffloadError(
    "conflict",
    "A turn of this session runs, and would wait for itself: it is the caller's own.",
  );
}

async function promiseOf<T>(work: () => T): Promise<Awaited<T>> {
  return await work();
}
