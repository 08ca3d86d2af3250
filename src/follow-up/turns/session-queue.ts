import { nanoid } from "nanoid";
import { TaskOffloadError } from "../../core/errors.ts";
import type { SessionClaims } from "../../core/ledger/session-claims.ts";
import type { ClaimKey, Held, SessionKey } from "../../core/model/session-claim.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import { type Claimed, MAX_HOLDS, type Outbox } from "../outbox.ts";
import { Bell } from "./bell.ts";
import { Lines, type Place } from "./lines.ts";
import { PREEMPTED } from "./stopping.ts";
import type { TurnHints } from "./turn-hints.ts";
import type { TurnTerms } from "./turn-options.ts";

/** A session that is held in this process alone, since the store could not be asked. */
export interface Unguarded {
  readonly key: ClaimKey;
  readonly error: unknown;
}

/**
 * Gets sessions for the turns that a host begins: in the order of arrival in this process, and before any automatic
 * turn in any.
 */
export class SessionQueue {
  readonly #parts: QueueParts;
  readonly #lines = new Lines();

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** How many wait for a session. */
  waiting(session: SessionKey): number {
    return this.#lines.length(session);
  }

  /** Waits until the session is free, and takes it. @throws `busy`; `store_failed`; the signal's reason */
  async take(session: SessionKey, terms: TurnTerms, signal: AbortSignal): Promise<Claimed | Unguarded> {
    signal.throwIfAborted();
    const { clock, hints } = this.#parts;
    const bell = new Bell();
    const stop = hints.listen(session, (hint) => void (hint === "free" && bell.ring()));
    const place = this.#lines.enter(session);
    const wait: Wait = { session, terms, signal, bell, deadlineAt: clock.monotonic() + terms.maxWaitMs };
    try {
      await this.#becomeFirst(place, wait);
      return await this.#takeFirst(wait);
    } finally {
      place.leave();
      stop();
    }
  }

  async #becomeFirst(place: Place, wait: Wait): Promise<void> {
    if (!place.isFirst && wait.terms.whenBusy === "refuse") throw busyError("others wait for it");
    while (!place.isFirst) await place.bell.wait(this.#parts.clock, this.#left(wait), wait.signal);
  }

  async #takeFirst(wait: Wait): Promise<Claimed | Unguarded> {
    const { clock, pollMs } = this.#parts;
    for (;;) {
      wait.bell.reset();
      const answer = await this.#ask(wait);
      if (!("heldBy" in answer)) return this.#orGivenBack(answer, wait.signal);
      if (wait.terms.whenBusy === "refuse") throw busyError(`it has a turn by the ${answer.heldBy}`);
      if (wait.terms.whenBusy === "preempt") await this.#preempt(wait.session, answer);
      await wait.bell.wait(clock, Math.min(pollMs, this.#left(wait)), wait.signal);
    }
  }

  async #ask({ session, terms }: Wait): Promise<Claimed | Held | Unguarded> {
    const { outbox, pollMs } = this.#parts;
    const { by, take, whenBusy, whenStoreFails = by === "user" ? "run" : "refuse" } = terms;
    const waitMs = whenBusy === "refuse" ? 0 : pollMs * POLLS_PER_WAIT;
    try {
      return await outbox.hold(session, { by, take: take === "all", maxHolds: MAX_HOLDS, waitMs });
    } catch (error) {
      if (whenStoreFails === "refuse" || !isStoreFailure(error)) throw error;
      const key = { ...session, token: nanoid() };
      return this.#parts.claims.holdUnasked(key, by) ? { key, error } : { heldBy: by };
    }
  }

  /** Whoever has asked may have gone by now. */
  #orGivenBack(taken: Claimed | Unguarded, signal: AbortSignal): Claimed | Unguarded {
    if (!signal.aborted) return taken;
    const { claims, outbox } = this.#parts;
    if ("key" in taken) claims.letGo(taken.key);
    else outbox.close(taken, () => ({ type: "defer", delayMs: 0 })).catch(() => false);
    throw signal.reason;
  }

  async #preempt(session: SessionKey, { heldBy }: Held): Promise<void> {
    if (heldBy !== "library") return;
    // A store that fails now is asked again soon.
    await this.#parts.claims.stopTurn(session, PREEMPTED, "library").catch(() => undefined);
  }

  /** @throws `busy` when the time is up */
  #left({ deadlineAt, terms }: Wait): number {
    const left = deadlineAt - this.#parts.clock.monotonic();
    if (left > 0) return left;
    throw busyError(`it was still so after ${terms.maxWaitMs} ms`);
  }
}

interface Wait {
  readonly session: SessionKey;
  readonly terms: TurnTerms;
  readonly signal: AbortSignal;
  /** Rings when the session may be free. */
  readonly bell: Bell;
  /** By the monotonic clock. */
  readonly deadlineAt: number;
}

/** So many times in a row a process may be late before it is no longer waited for. */
const POLLS_PER_WAIT = 4;

function busyError(why: string): TaskOffloadError {
  return new TaskOffloadError("busy", `The session is busy: ${why}.`);
}

function isStoreFailure(error: unknown): boolean {
  return TaskOffloadError.isInstance(error) && error.code === "store_failed";
}

interface QueueParts {
  readonly clock: SteadyClock;
  readonly claims: SessionClaims;
  readonly outbox: Outbox;
  readonly hints: TurnHints;
  /** Milliseconds after which a session is looked at again that no hint has told of. */
  readonly pollMs: number;
}
