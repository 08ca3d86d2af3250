import { nanoid } from "nanoid";
import { TaskOffloadError } from "../../core/errors.ts";
import type { SessionClaims } from "../../core/ledger/session-claims.ts";
import {
  type ClaimKey,
  type Held,
  type Hold,
  type SessionKey,
  textOfSession,
} from "../../core/model/session-claim.ts";
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
  /** Sessions that the store keeps for this process. */
  readonly #kept = new Set<string>();
  readonly #leaving = new Set<Promise<void>>();

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** How many wait for a session. */
  waiting(session: SessionKey): number {
    return this.#lines.length(session);
  }

  /** Resolves when the store knows of all who have left by now. */
  get settled(): Promise<unknown> {
    return Promise.all(this.#leaving);
  }

  /** Waits until the session is free, and takes it. @throws `busy`; `store_failed`; the signal's reason */
  async take(session: SessionKey, terms: QueueTerms, signal: AbortSignal): Promise<Claimed | Unguarded> {
    signal.throwIfAborted();
    const bell = new Bell();
    const stop = this.#parts.hints.listen(session, (hint) => void (hint === "free" && bell.ring()));
    const place = this.#lines.enter(session);
    const wait: Wait = { session, terms, signal, bell };
    try {
      await this.#becomeFirst(place, wait);
      return await this.#takeFirst(wait);
    } finally {
      stop();
      this.#leave(place, session);
    }
  }

  /** Where nobody else waits here, others need not let this process have the session first. */
  #leave(place: Place, session: SessionKey): void {
    if (place.isAlone && this.#kept.delete(textOfSession(session))) {
      this.#see(this.#giveUp(session).finally(() => place.leave()));
    } else {
      place.leave();
    }
  }

  #see(leaving: Promise<void>): void {
    const seen = leaving.finally(() => this.#leaving.delete(seen));
    this.#leaving.add(seen);
  }

  /** A store that fails is not told: it is soon over all the same. */
  async #giveUp(session: SessionKey): Promise<void> {
    const { outbox } = this.#parts;
    const answer = await outbox.hold(session, NOTHING).catch(() => undefined);
    if (answer !== undefined && !("heldBy" in answer)) await this.#giveBack(answer);
  }

  async #becomeFirst(place: Place, wait: Wait): Promise<void> {
    if (!place.isFirst && wait.terms.whenBusy === "refuse") throw busyError("others wait for it");
    const { clock } = this.#parts;
    while (!place.isFirst) await place.bell.wait(clock, msLeft(wait.terms, clock), wait.signal);
  }

  async #takeFirst(wait: Wait): Promise<Claimed | Unguarded> {
    const { clock, pollMs } = this.#parts;
    for (;;) {
      wait.bell.reset();
      const answer = await this.#ask(wait);
      this.#note(wait, answer);
      if (!("heldBy" in answer)) return this.#orGivenBack(answer, wait.signal);
      if (wait.terms.whenBusy === "refuse") throw busyError(whyBusy(answer));
      if (wait.terms.whenBusy === "preempt") await this.#preempt(wait.session, answer);
      await wait.bell.wait(clock, Math.min(pollMs, msLeft(wait.terms, clock)), wait.signal);
    }
  }

  #note({ session, terms }: Wait, answer: Claimed | Held | Unguarded): void {
    const key = textOfSession(session);
    if ("heldBy" in answer && terms.whenBusy !== "refuse") this.#kept.add(key);
    else this.#kept.delete(key);
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
    if ("key" in taken) this.#parts.claims.letGo(taken.key);
    else this.#see(this.#giveBack(taken));
    throw signal.reason;
  }

  async #giveBack(taken: Claimed): Promise<void> {
    await this.#parts.outbox.close(taken, () => ({ type: "defer", delayMs: 0 })).catch(() => false);
  }

  async #preempt(session: SessionKey, { heldBy }: Held): Promise<void> {
    if (heldBy !== "library") return;
    // A store that fails now is asked again soon.
    await this.#parts.claims.stopTurn(session, PREEMPTED, "library").catch(() => undefined);
  }
}

/** How long it may still wait. @throws `busy` when the time is up */
export function msLeft({ deadlineAt, maxWaitMs }: QueueTerms, clock: SteadyClock): number {
  const left = deadlineAt - clock.monotonic();
  if (left > 0) return left;
  throw busyError(`it was still so after ${maxWaitMs} ms`);
}

export interface QueueTerms extends TurnTerms {
  /** By the monotonic clock. */
  readonly deadlineAt: number;
}

interface Wait {
  readonly session: SessionKey;
  readonly terms: QueueTerms;
  readonly signal: AbortSignal;
  /** Rings when the session may be free. */
  readonly bell: Bell;
}

/** So many times in a row a process may be late before it is no longer waited for. */
const POLLS_PER_WAIT = 4;

/** What ends the wait of a process. */
const NOTHING: Hold = { by: "host", take: false, maxHolds: 0, waitMs: 0 };

function whyBusy({ heldBy }: Held): string {
  return heldBy === null ? "others have waited longer" : `it has a turn by the ${heldBy}`;
}

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
