import type { Notices } from "../core/ledger/notices.ts";
import { PUT_OFF_MS, type SessionClaims } from "../core/ledger/session-claims.ts";
import { partsOf } from "../core/manager.ts";
import { checkScope } from "../core/model/call.ts";
import { type Settlement, textOfSession } from "../core/model/session-claim.ts";
import type { TaskScope } from "../core/model/task.ts";
import { CLOSE, type CloseOptions } from "../core/options/ending-options.ts";
import type { InContext } from "../core/time/async-context.ts";
import type { SteadyClock } from "../core/time/clock.ts";
import { readArgument } from "../core/values/options.ts";
import { cleanReason } from "../core/values/summary.ts";
import { invalidInput, invalidOption } from "../core/values/validate.ts";
import { warn } from "../core/values/warn.ts";
import { Claiming } from "./claiming.ts";
import { type DispatcherOptions, type DispatcherTerms, dispatcherTerms, tellerOf } from "./options.ts";
import { type Claimed, Outbox, sessionOf } from "./outbox.ts";
import { AutomaticTurns } from "./turns/automatic-turns.ts";
import type { HeldTurn } from "./turns/held-turn.ts";
import { HostTurns } from "./turns/host-turns.ts";
import { TurnSettling } from "./turns/settling.ts";
import { ABORTED_MS } from "./turns/stopping.ts";
import type { BegunTurn, Delivery, Turn } from "./turns/turn.ts";
import { TurnHints } from "./turns/turn-hints.ts";
import { type TurnOptions, turnTerms } from "./turns/turn-options.ts";
import type { TurnOutcome } from "./turns/turn-run.ts";
import { isWithin } from "./within.ts";

/**
 * Brings late results back into their conversations: it runs a turn of the agent for each session that has
 * some, one turn for all of a session's. Any number of them, in any number of processes, share the work.
 *
 * @example
 * ```ts
 * import { BackgroundTaskManager } from "tool-offload";
 * import { FollowUpDispatcher } from "tool-offload/follow-up";
 *
 * const tasks = new BackgroundTaskManager();
 * const dispatcher = new FollowUpDispatcher({
 *   tasks,
 *   deliver: async ({ scope, message }) => console.log(scope.sessionId, message.text),
 * });
 * dispatcher.start();
 * await tasks.start({ toolName: "add", input: [1, 2], scope: { userId: "ada", sessionId: "s1" } }, () => 3);
 * ```
 */
export class FollowUpDispatcher {
  readonly #clock: SteadyClock;
  /** In the async context of who made it, whatever has woken it: frameworks keep their runs there. */
  readonly #inContext: InContext;
  readonly #claims: SessionClaims;
  readonly #terms: DispatcherTerms;
  readonly #outbox: Outbox;
  readonly #settling: TurnSettling;
  readonly #turns: AutomaticTurns;
  readonly #hostTurns: HostTurns;
  readonly #claiming: Claiming;

  /** @throws `invalid_option`, naming the option and its value */
  constructor(options: DispatcherOptions) {
    this.#terms = dispatcherTerms(options);
    const parts = partsOf(this.#terms.tasks);
    this.#clock = parts.clock;
    this.#claims = parts.claims;
    this.#inContext = parts.keepContext();
    // A turn has its session until it has ended, however long that takes.
    this.#outbox = new Outbox(parts, { ...this.#terms, holdMs: Number.POSITIVE_INFINITY });
    this.#settling = new TurnSettling(this.#outbox, parts, this.#terms);
    const shared = { ...this.#turnParts(parts), settling: this.#settling };
    this.#turns = new AutomaticTurns({
      ...shared,
      maxMs: this.#terms.deliverTimeoutMs,
      maxConsecutiveTurns: this.#terms.maxConsecutiveTurns,
      deliver: (turn: Delivery) => options.deliver?.(turn),
      settle: (turn, claimed, outcome) => this.#settle(turn, claimed, outcome),
      ended: () => this.#claiming.lookIfBehind(),
    });
    this.#hostTurns = new HostTurns({
      ...shared,
      isAccepting: () => parts.isAccepting,
      maxMs: this.#terms.holdMs,
      settle: (turn, outcome) => this.#settleHosts(turn, outcome),
    });
    this.#claiming = new Claiming({
      ...shared,
      inContext: this.#inContext,
      outbox: this.#outbox,
      terms: this.#terms,
      begin: (claimed) => this.#turns.begin(claimed),
      running: () => this.#turns.size,
    });
  }

  /**
   * Begins to deliver, first what is there already. Starting twice changes nothing.
   *
   * @throws `invalid_option` without `deliver`
   */
  start(): this {
    if (this.#terms.deliver === undefined) throw invalidOption("deliver", "a function", undefined);
    const { dispatchers } = this.#claims;
    if (dispatchers.size > 0 && !dispatchers.has(this)) warnOfSecond();
    dispatchers.add(this);
    this.#hostTurns.open();
    this.#claiming.start();
    return this;
  }

  /**
   * Stops: no turn begins any more. Those that run may end within `drainMs`; after that their signals abort. What they
   * were handed and have not told is delivered by whoever comes next.
   *
   * @param options.drainMs milliseconds; default 5_000
   * @throws `invalid_input`
   */
  async stop(options: CloseOptions = {}): Promise<void> {
    const { drainMs } = readArgument(CLOSE, options);
    this.#claims.dispatchers.delete(this);
    // It may be started again before this is over.
    const runs = [...this.#turns.runs, ...this.#hostTurns.runs];
    const ended = Promise.all([this.#claiming.stop(), this.#turns.ended, this.#hostTurns.close()]);
    if (await isWithin(this.#clock, drainMs, ended)) return;
    this.#inContext(() => {
      for (const run of runs) run.stop(STOPPED);
    });
    if (await isWithin(this.#clock, GIVE_BACK_MS, ended)) return;
    for (const run of runs) run.leave();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * Runs a turn of the agent in which the user, or the host, has something to say. It waits for the session, has it
   * alone until the turn has ended, in any process, and is handed everything that waited there. Settles as `run` does.
   *
   * @throws `busy` where the session was not free in time; `conflict` within a turn of the same session; `closed` once
   * the dispatcher was stopped; `invalid_input`; `store_failed` where the options say so; the signal's reason
   * @example
   * ```ts
   * import { BackgroundTaskManager } from "tool-offload";
   * import { FollowUpDispatcher, type Turn } from "tool-offload/follow-up";
   *
   * const takeTurn = async ({ message }: Turn, text?: string) => console.log(message?.text, text);
   * const tasks = new BackgroundTaskManager();
   * const dispatcher = new FollowUpDispatcher({ tasks, deliver: (turn) => takeTurn(turn) }).start();
   * await dispatcher.turn({ userId: "ada", sessionId: "s1" }, (turn) => takeTurn(turn, "Hello"));
   * await dispatcher.stop();
   * await tasks.close();
   * ```
   */
  async turn<T>(scope: TaskScope, run: (turn: Turn) => T, options?: TurnOptions): Promise<Awaited<T>> {
    checkScope(scope);
    if (typeof run !== "function") throw invalidInput("run", "a function", run);
    return this.#hostTurns.turn(scope, run, turnTerms(options));
  }

  /** The same, for a host that ends the turn by hand. @throws as `turn` does */
  async begin(scope: TaskScope, options?: TurnOptions): Promise<BegunTurn> {
    checkScope(scope);
    return this.#hostTurns.begin(scope, turnTerms(options));
  }

  /**
   * Asks the turn of a session to stop, whoever has begun it and whichever process has it: its signal aborts. What it
   * has not told comes with the user's next turn, or after a minute. False: there is none.
   *
   * @param reason what the signal's reason says: one line, secrets masked
   * @throws `invalid_input`; `store_failed`
   */
  async abortTurn(scope: TaskScope, reason: string = ABORTED): Promise<boolean> {
    checkScope(scope);
    if (typeof reason !== "string") throw invalidInput("reason", "a text", reason);
    const session = textOfSession(sessionOf(scope));
    const runs = [...this.#turns.runs, ...this.#hostTurns.runs];
    const here = runs.find(({ turn }) => textOfSession(sessionOf(turn.scope)) === session);
    const cleaned = cleanReason(reason);
    here?.stop(cleaned, ABORTED_MS);
    return here !== undefined || this.#claims.stopTurn(sessionOf(scope), cleaned, null);
  }

  /**
   * The user has said something in this session, in a turn that is not the library's: its automatic turns are counted
   * from 0 again.
   *
   * @throws `invalid_input`; `store_failed`
   */
  async userSpoke(scope: TaskScope): Promise<void> {
    checkScope(scope);
    await this.#outbox.resetTurns(sessionOf(scope));
    this.#inContext(() => this.#claiming.claim(sessionOf(scope)));
  }

  /**
   * The turn for which `deliver` has answered "busy" is over: what waits in its session is delivered now. It
   * resolves once that has begun.
   *
   * @throws `invalid_input`; `store_failed`
   */
  async turnEnded(scope: TaskScope): Promise<void> {
    checkScope(scope);
    await this.#inContext(() => this.#claiming.claimAnyAge(sessionOf(scope)));
  }

  #turnParts({ notices, claims }: { notices: Notices; claims: SessionClaims }) {
    return {
      clock: this.#clock,
      claims,
      notices,
      leaseMs: this.#terms.leaseMs,
      hints: new TurnHints({ notices, claims }),
      tasks: this.#terms.tasks,
      tools: { outbox: this.#outbox, tell: tellerOf(this.#terms), giveBackMs: this.#terms.busyRetryMs },
    };
  }

  async #settleHosts(turn: HeldTurn, outcome: TurnOutcome): Promise<void> {
    if (turn.claimed === undefined) turn.letGo();
    else await this.#settle(turn, turn.claimed, outcome);
  }

  async #settle(turn: HeldTurn, claimed: Claimed, outcome: TurnOutcome): Promise<boolean> {
    const settled = (settlements: Settlement[]) => this.#claiming.claimWhenDue(claimed.claim, settlements);
    // The store has the session for this turn still; here another may begin, whatever becomes of that.
    const retrying = () => this.#outbox.letGo(claimed);
    try {
      return await this.#settling.settle(turn, claimed, outcome, { settled, retrying });
    } finally {
      this.#inContext(() => this.#free(claimed, outcome));
    }
  }

  /** The turn has ended. What was broken off may have waited for that. */
  #free(claimed: Claimed, outcome: TurnOutcome): void {
    const { claim, followUps } = claimed;
    this.#outbox.letGo(claimed);
    this.#claiming.freed(
      claim,
      followUps.map(({ id }) => id),
    );
    if (outcome.type !== "lost" && (outcome.type !== "stopped" || outcome.delayMs > 0)) return;
    this.#claiming.claim(claim);
    this.#claiming.claimIn(claim, PUT_OFF_MS);
  }
}

const ABORTED = "The turn was aborted.";
const STOPPED = "The dispatcher was stopped.";
/** Milliseconds that `stop` waits for the store, beyond those for the turns. */
const GIVE_BACK_MS = 2_000;

function warnOfSecond(): void {
  warn(
    "A second dispatcher is started on one manager: each late result goes to the one or the other.",
    "Start one, and let its `deliver` tell sessions apart; or stop the first before you start the second.",
  );
}
