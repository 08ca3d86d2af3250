import type { OffloadOutcome } from "../model/call.ts";
import type { TaskInfo } from "../model/task.ts";
import { type Clock, Timer } from "../time/clock.ts";
import { deadlineError, type Execution } from "./execution.ts";
import type { Follower, Outcome } from "./follower.ts";
import { type Turn, type TurnMember, turnOf } from "./turn.ts";

/** What all races of a middleware have in common. */
export interface RaceTerms {
  readonly onTurnAbort: "cancel" | "offload";
  readonly placeholder: (task: TaskInfo) => string;
}

/** Where a race turns when its tool is slow. */
export interface BackgroundDesk {
  readonly clock: Clock;
  /**
   * Makes a task of a running execution; until that has succeeded the call stays in the foreground.
   * `isExempt`: whatever the limits.
   */
  handOver(execution: Execution, isExempt: boolean): void;
}

/**
 * One turn waiting for one tool call. It is closed exactly once: by the outcome, by the placeholder, by the
 * turn's abort, by the deadline, or by a refusal. This is the path of every call, so it allocates little.
 */
export class Race<R> implements Follower, TurnMember {
  readonly outcome: Promise<OffloadOutcome<R>>;
  readonly #desk: BackgroundDesk;
  readonly #terms: RaceTerms;
  readonly #signal: AbortSignal | undefined;
  #resolve!: (outcome: OffloadOutcome<R>) => void;
  #reject!: (error: unknown) => void;
  #execution: Execution | undefined;
  #timer: Timer | undefined;
  #turn: Turn | undefined;
  #isOpen = true;
  #isDue = false;

  constructor(desk: BackgroundDesk, terms: RaceTerms, signal: AbortSignal | undefined) {
    this.#desk = desk;
    this.#terms = terms;
    this.#signal = signal;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Ends when the turn is aborted. */
  watchTurn(): this {
    const signal = this.#signal;
    if (signal === undefined || this.#turn !== undefined || !this.#isOpen) return this;
    this.#turn = turnOf(signal);
    this.#turn.join(this);
    return this;
  }

  /** Waits for an execution, at most so long. */
  enter(execution: Execution, timeoutMs: number): this {
    this.#execution = execution;
    execution.waiting += 1;
    if (execution.outcome !== undefined) this.settled(execution.outcome);
    else this.#wait(execution, timeoutMs);
    return this;
  }

  settled(outcome: Outcome): void {
    if (!this.#isOpen) return;
    this.#close();
    if (this.#execution) this.#execution.wasReturned = true;
    if (outcome.ok) this.#resolve({ status: "completed", value: outcome.value as R });
    else this.#reject(outcome.error);
  }

  expired(): void {
    if (this.#execution) this.refused(deadlineError(this.#execution));
  }

  refused(error: unknown): this {
    this.settled({ ok: false, error });
    return this;
  }

  adopted(): void {
    const task = this.#execution?.task;
    if (this.#isDue && task) this.joined(task.info());
  }

  /** The call is a task: the turn goes on with the placeholder. */
  joined(task: TaskInfo): void {
    if (!this.#isOpen) return;
    this.#close();
    if (this.#execution) this.#execution.wasOffloaded = true;
    this.#resolve({ status: "offloaded", task, message: this.#terms.placeholder(task) });
  }

  /** The turn is over: it waits no longer, and what becomes of the tool is up to `onTurnAbort`. */
  abort(reason: unknown): void {
    if (!this.#isOpen) return;
    this.#close();
    this.#reject(reason);
    if (this.#execution) this.#abandon(this.#execution, reason);
  }

  #wait(execution: Execution, timeoutMs: number): void {
    execution.join(this);
    if (timeoutMs === 0) this.#timedOut();
    else if (timeoutMs !== Number.POSITIVE_INFINITY) {
      this.#timer = new Timer(this.#desk.clock, () => this.#timedOut(), timeoutMs);
    }
    if (this.#signal?.aborted) this.abort(this.#signal.reason);
    else this.watchTurn();
  }

  /** The timer's verdict is looked at again after two passes of the event loop: ready I/O counts. */
  #timedOut(): void {
    const { clock } = this.#desk;
    clock.nextPass(() => clock.nextPass(() => this.#offload()));
  }

  #offload(): void {
    if (!this.#isOpen || this.#execution === undefined) return;
    this.#isDue = true;
    if (this.#execution.task) this.adopted();
    else this.#desk.handOver(this.#execution, false);
  }

  /** A tool that has not stopped one pass later becomes a task, so that somebody can see it. */
  #abandon(execution: Execution, reason: unknown): void {
    if (execution.task !== undefined || execution.waiting > 0) return;
    if (this.#terms.onTurnAbort === "cancel") {
      execution.turnAbort = { at: this.#desk.clock.now(), reason };
      execution.abort(reason);
    }
    this.#desk.clock.nextPass(() => {
      if (execution.outcome === undefined) this.#desk.handOver(execution, true);
    });
  }

  #close(): void {
    this.#isOpen = false;
    this.#timer?.clear();
    this.#turn?.leave(this);
    if (this.#execution === undefined) return;
    this.#execution.waiting -= 1;
    this.#execution.leave(this);
  }
}
