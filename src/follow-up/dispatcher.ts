import type { Notices } from "../core/ledger/notices.ts";
import { PUT_OFF_MS } from "../core/ledger/session-claims.ts";
import { partsOf } from "../core/manager.ts";
import { checkScope } from "../core/model/call.ts";
import type { ClaimFilter, SessionKey, Settlement } from "../core/model/session-claim.ts";
import type { TaskScope } from "../core/model/task.ts";
import { CLOSE, type CloseOptions } from "../core/options/ending-options.ts";
import type { InContext } from "../core/time/async-context.ts";
import { type SteadyClock, Timer } from "../core/time/clock.ts";
import { readArgument } from "../core/values/options.ts";
import { describeError } from "../core/values/summary.ts";
import { warn } from "../core/values/warn.ts";
import { Beat } from "./beat.ts";
import { BusySessions } from "./busy-sessions.ts";
import { type DeliveryHost, type DeliveryOutcome, DeliveryRun } from "./delivery.ts";
import {
  type Delivery,
  type DispatcherOptions,
  type DispatcherTerms,
  dispatcherTerms,
  tellerOf,
} from "./options.ts";
import { type Claimed, Outbox, sessionOf } from "./outbox.ts";
import { verdictOf } from "./verdict.ts";
import { WaitingSessions } from "./waiting-sessions.ts";

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
  readonly #notices: Notices;
  readonly #terms: DispatcherTerms;
  readonly #outbox: Outbox;
  readonly #host: DeliveryHost;
  readonly #beat: Beat;
  readonly #waiting: WaitingSessions;
  readonly #busy: BusySessions;
  readonly #runs = new Map<DeliveryRun, Promise<void>>();
  #isRunning = false;
  #looking: Promise<void> | undefined;
  #isWanted = false;
  /** A claim of any session is under way: it may become a run. */
  #isFilling = false;
  /** Claims of single sessions that are under way: each may become a run. */
  readonly #claiming = new Set<Promise<void>>();
  /** There was no room for somebody who waits. */
  #isBehind = false;
  #hasWarned = false;

  /** @throws `invalid_option`, naming the option and its value */
  constructor(options: DispatcherOptions) {
    this.#terms = dispatcherTerms(options);
    const parts = partsOf(this.#terms.tasks);
    this.#clock = parts.clock;
    this.#inContext = parts.keepContext();
    this.#notices = parts.notices;
    this.#outbox = new Outbox(parts, this.#terms);
    const { coalesceMs, deliverTimeoutMs } = this.#terms;
    this.#beat = new Beat(this.#clock, this.#terms, () => this.#inContext(() => this.#look()));
    const claim = (session: SessionKey) => this.#inContext(() => this.#claim(session));
    this.#waiting = new WaitingSessions(parts, coalesceMs, claim);
    this.#busy = new BusySessions(this.#clock);
    const deliver = (delivery: Delivery) => options.deliver(delivery);
    this.#host = { clock: this.#clock, deliverTimeoutMs, deliver, tell: tellerOf(this.#terms) };
  }

  /** Begins to deliver, first what is there already. Starting twice changes nothing. */
  start(): this {
    if (this.#isRunning) return this;
    this.#isRunning = true;
    this.#waiting.start();
    this.#beat.start();
    return this;
  }

  /**
   * Stops delivering. Turns that run may end within `drainMs`; after that their signal aborts, and their
   * follow-ups are delivered by whoever comes next.
   *
   * @param options.drainMs milliseconds; default 5_000
   * @throws `invalid_input`
   */
  async stop(options: CloseOptions = {}): Promise<void> {
    const { drainMs } = readArgument(CLOSE, options);
    this.#isRunning = false;
    this.#beat.stop();
    this.#waiting.stop();
    // It may be started again before this is over.
    const runs = [...this.#runs.keys()];
    const ended = Promise.all([this.#looking, ...this.#claiming, ...this.#runs.values()]);
    if (await this.#isWithin(drainMs, ended)) return;
    this.#inContext(() => {
      for (const run of runs) run.stop();
    });
    await this.#isWithin(GIVE_BACK_MS, ended);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * The user has said something in this session: its automatic turns are counted from 0 again.
   *
   * @throws `invalid_input`; `store_failed`
   */
  async userSpoke(scope: TaskScope): Promise<void> {
    checkScope(scope);
    await this.#outbox.resetTurns(sessionOf(scope));
    this.#inContext(() => this.#claim(sessionOf(scope)));
  }

  /**
   * The turn for which `deliver` has answered "busy" is over: what waits in its session is delivered now. It
   * resolves once that has begun.
   *
   * @throws `invalid_input`; `store_failed`
   */
  async turnEnded(scope: TaskScope): Promise<void> {
    checkScope(scope);
    if (this.#isRunning && this.#hasRoom()) await this.#inContext(() => this.#claimAnyAge(sessionOf(scope)));
  }

  #isWithin(ms: number, ended: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve) => {
      const limit = new Timer(this.#clock, () => resolve(false), ms);
      ended.then(() => {
        limit.clear();
        resolve(true);
      });
    });
  }

  /** Looks for whatever waits, in any session. */
  #look(): void {
    this.#isWanted = true;
    if (!this.#isRunning) return;
    this.#looking ??= this.#lookWhileWanted().finally(() => {
      this.#looking = undefined;
      if (this.#isWanted) this.#look();
    });
  }

  async #lookWhileWanted(): Promise<void> {
    while (this.#isWanted && this.#isRunning) {
      this.#isWanted = false;
      await this.#fill();
      this.#lookIfBehind();
    }
  }

  /** Claims while there is something, and room for it. A store that fails is asked again at the next beat. */
  async #fill(): Promise<void> {
    while (this.#isRunning && this.#hasRoom()) {
      this.#isFilling = true;
      const claimed = await this.#outbox.claim(this.#filter()).catch(() => undefined);
      const taken = claimed && this.#take(claimed);
      this.#isFilling = false;
      if (taken === undefined) return;
      await taken;
    }
    this.#isBehind = true;
  }

  /** Looks into one session, where something waits that is due by now. Of one in hand that is done when it is let go. */
  #claim(session: SessionKey): void {
    if (!this.#isRunning || this.#outbox.isHeld(session)) return;
    if (!this.#hasRoom()) {
      this.#isBehind = true;
      return;
    }
    const claiming = this.#claimSession(session).finally(() => this.#claiming.delete(claiming));
    this.#claiming.add(claiming);
  }

  async #claimSession(session: SessionKey): Promise<void> {
    const filter = { ...this.#filter(), session, onlyDue: true };
    const claimed = await this.#outbox.claim(filter).catch(() => undefined);
    if (claimed) await this.#take(claimed);
  }

  /** Who asks for it need not wait for others to complete. @throws `store_failed` */
  async #claimAnyAge(session: SessionKey): Promise<void> {
    const claimed = await this.#outbox.claim({ ...this.#filter(), minAgeMs: 0, session });
    if (claimed) await this.#take(claimed);
  }

  #hasRoom(): boolean {
    const claiming = this.#claiming.size + (this.#isFilling ? 1 : 0);
    return this.#runs.size + claiming < this.#terms.concurrency;
  }

  /** JSON has no Infinity, and some stores speak JSON. */
  #filter(): ClaimFilter {
    const { coalesceMs, maxConsecutiveTurns } = this.#terms;
    return { minAgeMs: coalesceMs, maxTurns: Math.min(maxConsecutiveTurns, Number.MAX_SAFE_INTEGER) };
  }

  /** What was claimed while the dispatcher stopped goes back. */
  async #take(claimed: Claimed): Promise<void> {
    if (claimed.followUps.length === 0) return;
    if (this.#isRunning) return this.#begin(claimed);
    await this.#settle(claimed, { type: "stopped" });
    this.#outbox.letGo(claimed);
  }

  #begin(claimed: Claimed): void {
    const run = new DeliveryRun(claimed, this.#host);
    const ended = this.#carryOut(run, claimed).finally(() => {
      this.#runs.delete(run);
      this.#lookIfBehind();
    });
    this.#runs.set(run, ended);
  }

  /** A place may be free: somebody may have waited for it. */
  #lookIfBehind(): void {
    if (!this.#isBehind || !this.#hasRoom()) return;
    this.#isBehind = false;
    this.#look();
  }

  async #carryOut(run: DeliveryRun, claimed: Claimed): Promise<void> {
    const outcome = await run.run();
    if (outcome.type === "failed") this.#tellFailed(claimed, outcome.error);
    const isSettled = await this.#settle(claimed, outcome);
    run.afterTurn(() => this.#inContext(() => this.#free(claimed, outcome)));
    const turns = claimed.claim.turns + 1;
    if (isSettled && outcome.type === "delivered" && turns >= this.#terms.maxConsecutiveTurns) {
      this.#notices.emit("session.held", { scope: claimed.scope, turns });
    }
  }

  /** The host has come back. What was broken off may have waited for that. */
  #free(claimed: Claimed, { type }: DeliveryOutcome): void {
    const { claim, followUps } = claimed;
    this.#outbox.letGo(claimed);
    if (!this.#isRunning) return;
    this.#waiting.freed(
      claim,
      followUps.map(({ id }) => id),
    );
    if (type !== "lost" && type !== "stopped") return;
    this.#claim(claim);
    this.#waiting.claimIn(claim, PUT_OFF_MS);
  }

  /** A store that fails until the manager is closed leaves them to the end of their lease. */
  async #settle(claimed: Claimed, outcome: DeliveryOutcome): Promise<boolean> {
    if (outcome.type === "lost") return false;
    const verdict = verdictOf(outcome, claimed.followUps, this.#terms, this.#busyMs(claimed, outcome));
    const isSettled = await this.#outbox.settle(claimed, verdict).catch(() => false);
    if (isSettled && this.#isRunning) this.#claimWhenDue(claimed.claim, claimed.followUps.map(verdict));
    return isSettled;
  }

  #busyMs({ claim }: Claimed, { type }: DeliveryOutcome): number {
    if (type === "busy") return this.#busy.busyMs(claim);
    this.#busy.free(claim);
    return 0;
  }

  #claimWhenDue({ userId, sessionId }: SessionKey, settlements: readonly Settlement[]): void {
    const delays = settlements.flatMap((settlement) => ("delayMs" in settlement ? settlement.delayMs : []));
    if (delays.length > 0) this.#waiting.claimIn({ userId, sessionId }, Math.min(...delays));
  }

  #tellFailed({ scope, followUps }: Claimed, error: unknown): void {
    const taskIds = followUps.map(({ id }) => id);
    if (this.#notices.emit("delivery.failed", { scope, taskIds, error }) || this.#hasWarned) return;
    // A wrong key, or a typo in `deliver`, would look as if no result ever came.
    this.#hasWarned = true;
    warn(
      `A delivery has failed, and is tried again: ${describeError(error)}`,
      'The manager\'s event "delivery.failed" tells of each; listen to it, and this is not printed.',
    );
  }
}

/** Milliseconds that `stop` waits for the store, beyond those for the turns. */
const GIVE_BACK_MS = 2_000;
