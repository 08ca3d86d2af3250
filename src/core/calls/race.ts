import type { OffloadOutcome } from "../model/call.ts";
import type { TaskInfo } from "../model/task.ts";
import { here, type InContext, type KeepContext } from "../time/async-context.ts";
import { type Clock, Timer } from "../time/clock.ts";
import { abortReasonOf } from "../values/signals.ts";
import { deadlineError } from "./execution.ts";
import type { Follower, Outcome } from "./outcome.ts";
import type { RunningCall } from "./running-calls.ts";
import { type Turn, type TurnMember, turnOf } from "./turn.ts";

/**
 * One turn waiting for one tool call. It is closed exactly once: by the outcome, by the placeholder, by the
 * turn's abort, by the deadline, or by a refusal. This is the path of every call, so it allocates little.
 */
export class Race<R> implements Follower, TurnMember {
  readonly outcome: Promise<OffloadOutcome<R>>;
  older: TurnMember | undefined;
  newer: TurnMember | undefined;
  readonly #offloader: Offloader;
  readonly #terms: RaceTerms;
  readonly #signal: AbortSignal | undefined;
  #resolve!: (outcome: OffloadOutcome<R>) => void;
  #reject!: (error: unknown) => void;
  #call: RunningCall | undefined;
  #timer: Timer | undefined;
  #turn: Turn | undefined;
  #inContext: InContext | undefined;
  #isOpen = true;
  #isDue = false;

  constructor(offloader: Offloader, terms: RaceTerms, signal: AbortSignal | undefined) {
    this.#offloader = offloader;
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

  /** What it calls later, it calls in the async context of this moment. */
  keepContext(): InContext {
    this.#inContext ??= this.#offloader.keepContext();
    return this.#inContext;
  }

  /** Waits for a call, at most so long. */
  enter(call: RunningCall, timeoutMs: number): this {
    this.#call = call;
    call.turnCame();
    const { outcome } = call.execution;
    if (outcome !== undefined) this.settled(outcome);
    else this.#wait(call, timeoutMs);
    return this;
  }

  settled(outcome: Outcome): void {
    if (!this.#isOpen) return;
    this.#close();
    this.#call?.returned();
    if (outcome.ok) this.#resolve({ status: "completed", value: outcome.value as R });
    else this.#reject(outcome.error);
  }

  expired(): void {
    if (this.#call) this.refused(deadlineError(this.#call.execution));
  }

  refused(error: unknown): this {
    this.settled({ ok: false, error });
    return this;
  }

  adopted(): void {
    const task = this.#call?.task;
    if (this.#isDue && task) this.joined(task.info());
  }

  /** The call is a task: the turn goes on with the placeholder. */
  joined(task: TaskInfo): void {
    if (!this.#isOpen) return;
    this.#close();
    this.#call?.offloaded();
    const { placeholder } = this.#terms;
    const message = (this.#inContext ?? here)(() => placeholder(task));
    this.#resolve({ status: "offloaded", task, message });
  }

  /** The turn is over: it waits no longer, and what becomes of the tool is up to `onTurnAbort`. */
  abort(reason: unknown): void {
    if (!this.#isOpen) return;
    this.#close();
    this.#reject(reason);
    if (this.#call) this.#abandon(this.#call, reason);
  }

  #wait(call: RunningCall, timeoutMs: number): void {
    call.join(this);
    if (timeoutMs === 0) this.#timedOut();
    else if (timeoutMs !== Number.POSITIVE_INFINITY) {
      this.#timer = new Timer(this.#offloader.clock, () => this.#timedOut(), timeoutMs);
    }
    if (this.#signal?.aborted) this.abort(abortReasonOf(this.#signal));
    else this.watchTurn();
  }

  /** The timer's verdict is looked at again after two passes of the event loop: ready I/O counts. */
  #timedOut(): void {
    const { clock } = this.#offloader;
    clock.nextPass(() => clock.nextPass(() => this.#offload()));
  }

  #offload(): void {
    if (!this.#isOpen || this.#call === undefined) return;
    this.#isDue = true;
    // A timer fires in the async context in which it was made.
    this.#call.execution.inContext ??= this.keepContext();
    if (this.#call.task) this.adopted();
    else this.#offloader.handOver(this.#call, false);
  }

  /** A tool that has not stopped one pass later becomes a task, so that somebody can see it. */
  #abandon(call: RunningCall, reason: unknown): void {
    if (call.task !== undefined || call.isWaitedFor) return;
    const { clock } = this.#offloader;
    if (this.#terms.onTurnAbort === "cancel") call.turnAborted(clock.now(), reason);
    clock.nextPass(() => {
      if (call.execution.outcome === undefined) this.#offloader.handOver(call, true);
    });
  }

  #close(): void {
    this.#isOpen = false;
    this.#timer?.clear();
    this.#turn?.leave(this);
    if (this.#call === undefined) return;
    this.#call.turnLeft();
    this.#call.leave(this);
  }
}

/** What all races of a middleware have in common. */
export interface RaceTerms {
  readonly onTurnAbort: "cancel" | "offload";
  readonly placeholder: (task: TaskInfo) => string;
}

/** Makes tasks of slow calls. */
export interface Offloader {
  readonly clock: Clock;
  readonly keepContext: KeepContext;
  /** Until it has succeeded the call stays in the foreground. `isExempt`: whatever the limits. */
  handOver(call: RunningCall, isExempt: boolean): void;
}
