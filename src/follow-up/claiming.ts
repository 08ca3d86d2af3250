import type { Notices } from "../core/ledger/notices.ts";
import type { ClaimFilter, SessionKey, Settlement } from "../core/model/session-claim.ts";
import type { InContext } from "../core/time/async-context.ts";
import type { SteadyClock } from "../core/time/clock.ts";
import { Beat } from "./beat.ts";
import type { DispatcherTerms } from "./options.ts";
import type { Claimed, Outbox } from "./outbox.ts";
import { WaitingSessions } from "./waiting-sessions.ts";

/** Claims the sessions in which results wait, while there is room for their turns. */
export class Claiming {
  readonly #parts: ClaimingParts;
  readonly #beat: Beat;
  readonly #waiting: WaitingSessions;
  #isRunning = false;
  #looking: Promise<void> | undefined;
  #isWanted = false;
  /** A claim of any session is under way: it may become a turn. */
  #isFilling = false;
  /** Claims of single sessions that are under way: each may become a turn. */
  readonly #claiming = new Set<Promise<void>>();
  /** There was no room for somebody who waits. */
  #isBehind = false;

  constructor(parts: ClaimingParts) {
    const { clock, terms, inContext } = parts;
    this.#parts = parts;
    this.#beat = new Beat(clock, terms, () => inContext(() => this.#look()));
    const claim = (session: SessionKey) => inContext(() => this.claim(session));
    this.#waiting = new WaitingSessions(parts, terms.coalesceMs, claim);
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#waiting.start();
    this.#beat.start();
  }

  /** Resolves when no claim is under way any more. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#beat.stop();
    this.#waiting.stop();
    await Promise.all([this.#looking, ...this.#claiming]);
  }

  /** Looks into one session, where something waits that is due by now. Of one in hand that is done when it is let go. */
  claim(session: SessionKey): void {
    if (!this.#isRunning || this.#parts.outbox.isHeld(session)) return;
    if (!this.#hasRoom()) {
      this.#isBehind = true;
      return;
    }
    const claiming = this.#claimSession(session).finally(() => this.#claiming.delete(claiming));
    this.#claiming.add(claiming);
  }

  /** Who asks for it need not wait for others to complete. @throws `store_failed` */
  async claimAnyAge(session: SessionKey): Promise<void> {
    if (!this.#isRunning || !this.#hasRoom()) return;
    const claimed = await this.#parts.outbox.claim({ ...this.#filter(), minAgeMs: 0, session });
    if (claimed) await this.#take(claimed);
  }

  /** What was told there is told, and its session is free: others may wait in it. */
  freed(session: SessionKey, told: readonly string[]): void {
    if (this.#isRunning) this.#waiting.freed(session, told);
  }

  claimWhenDue({ userId, sessionId }: SessionKey, settlements: readonly Settlement[]): void {
    const delays = settlements.flatMap((settlement) => ("delayMs" in settlement ? settlement.delayMs : []));
    if (delays.length > 0) this.claimIn({ userId, sessionId }, Math.min(...delays));
  }

  claimIn(session: SessionKey, ms: number): void {
    if (this.#isRunning) this.#waiting.claimIn(session, ms);
  }

  /** A place may be free: somebody may have waited for it. */
  lookIfBehind(): void {
    if (!this.#isBehind || !this.#hasRoom()) return;
    this.#isBehind = false;
    this.#look();
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
      this.lookIfBehind();
    }
  }

  /** Claims while there is something, and room for it. A store that fails is asked again at the next beat. */
  async #fill(): Promise<void> {
    while (this.#isRunning && this.#hasRoom()) {
      this.#isFilling = true;
      const claimed = await this.#parts.outbox.claim(this.#filter()).catch(() => undefined);
      const taken = claimed && this.#take(claimed);
      this.#isFilling = false;
      if (taken === undefined) return;
      await taken;
    }
    this.#isBehind = true;
  }

  async #claimSession(session: SessionKey): Promise<void> {
    const filter = { ...this.#filter(), session, onlyDue: true };
    const claimed = await this.#parts.outbox.claim(filter).catch(() => undefined);
    if (claimed) await this.#take(claimed);
  }

  #hasRoom(): boolean {
    const claiming = this.#claiming.size + (this.#isFilling ? 1 : 0);
    return this.#parts.running() + claiming < this.#parts.terms.concurrency;
  }

  /** JSON has no Infinity, and some stores speak JSON. */
  #filter(): ClaimFilter {
    const { coalesceMs, maxConsecutiveTurns } = this.#parts.terms;
    return { minAgeMs: coalesceMs, maxTurns: Math.min(maxConsecutiveTurns, Number.MAX_SAFE_INTEGER) };
  }

  /** What was claimed while it stopped goes back. */
  async #take(claimed: Claimed): Promise<void> {
    const { outbox, begin } = this.#parts;
    if (claimed.followUps.length === 0) return;
    if (this.#isRunning) begin(claimed);
    else await outbox.close(claimed, () => ({ type: "defer", delayMs: 0 })).catch(() => false);
  }
}

interface ClaimingParts {
  readonly clock: SteadyClock;
  readonly notices: Notices;
  readonly inContext: InContext;
  readonly outbox: Outbox;
  readonly terms: DispatcherTerms;
  /** Begins a turn. */
  readonly begin: (claimed: Claimed) => void;
  /** How many automatic turns run. */
  readonly running: () => number;
}
