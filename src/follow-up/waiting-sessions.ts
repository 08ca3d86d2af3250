import type { Notices } from "../core/ledger/notices.ts";
import { type SessionKey, textOfSession } from "../core/model/session-claim.ts";
import type { TaskHint } from "../core/model/store.ts";
import { isFinished } from "../core/model/task.ts";
import { type SteadyClock, Timer } from "../core/time/clock.ts";
import { DueTimer } from "./due-timer.ts";

/** Knows from hints which sessions have results that wait, and says when to claim one. */
export class WaitingSessions {
  readonly #clock: SteadyClock;
  readonly #notices: Notices;
  readonly #coalesceMs: number;
  readonly #claim: (session: SessionKey) => void;
  readonly #sessions = new Map<string, WaitingSession>();
  readonly #delays = new Set<DueTimer>();
  #stopHints: () => void = () => undefined;

  /** `coalesceMs`: what has ended is old enough then, and no claim before that would find it. */
  constructor({ clock, notices }: Parts, coalesceMs: number, claim: (session: SessionKey) => void) {
    this.#clock = clock;
    this.#notices = notices;
    this.#coalesceMs = coalesceMs;
    this.#claim = claim;
  }

  start(): void {
    this.#stopHints = this.#notices.onHint((hint) => this.#hinted(hint));
  }

  stop(): void {
    this.#stopHints();
    for (const { timer, freed } of this.#sessions.values()) {
      timer?.clear();
      freed?.clear();
    }
    for (const timer of this.#delays) timer.clear();
    this.#sessions.clear();
    this.#delays.clear();
  }

  /** A delay is over then. Until it is the process stays alive, so that a program that has done its work still delivers. */
  claimIn(session: SessionKey, ms: number): void {
    const due = () => {
      this.#delays.delete(timer);
      this.#claim(session);
    };
    const timer = new DueTimer(this.#clock, due, ms + EARLY_MS);
    this.#delays.add(timer);
  }

  /** The session is free: what waits there beside these is claimed, once it is old enough. */
  freed(session: SessionKey, told: readonly string[]): void {
    const { dueAt = new Map<string, number>() } = this.#sessions.get(textOfSession(session)) ?? {};
    const known = new Set(told);
    const others = [...dueAt].filter(([id]) => !known.has(id));
    if (others.some(([, at]) => at <= this.#clock.monotonic())) this.#claim(session);
  }

  #hinted({ id, userId, sessionId, status, followUp }: TaskHint): void {
    if (!isFinished(status)) return;
    const session = { userId, sessionId };
    if (followUp === "pending") this.#waits(session, id);
    else this.#waitsNoLonger(session, id, followUp !== "claimed");
  }

  #waits(session: SessionKey, id: string): void {
    const waiting = this.#at(session);
    waiting.over.delete(id);
    waiting.dueAt.set(id, this.#clock.monotonic() + this.#coalesceMs);
    if (waiting.timer === undefined) this.#schedule(session, waiting);
  }

  #waitsNoLonger(session: SessionKey, id: string, isSettled: boolean): void {
    const waiting = this.#sessions.get(textOfSession(session));
    if (waiting === undefined) return;
    // Anybody may have said so: what has not had its claim yet keeps it.
    const isAhead = (waiting.dueAt.get(id) ?? 0) >= this.#clock.monotonic();
    if (isAhead) waiting.over.add(id);
    else if (waiting.dueAt.delete(id)) waiting.over.delete(id);
    if (waiting.dueAt.size === 0) {
      waiting.timer?.clear();
      waiting.freed?.clear();
      this.#sessions.delete(textOfSession(session));
    } else if (isSettled && waiting.freed === undefined) {
      // A claim is settled task by task: once is enough for all of them.
      waiting.freed = new Timer(this.#clock, () => this.#freed(session, waiting), 0);
    }
  }

  #freed(session: SessionKey, waiting: WaitingSession): void {
    waiting.freed = undefined;
    this.freed(session, []);
  }

  /** For the next that becomes old enough. What is older by then has had its claim, or comes along. */
  #schedule(session: SessionKey, waiting: WaitingSession): void {
    const now = this.#clock.monotonic();
    const next = Math.min(...[...waiting.dueAt.values()].filter((at) => at >= now));
    if (next === Number.POSITIVE_INFINITY) return;
    const due = () => {
      waiting.timer = undefined;
      this.#claim(session);
      for (const id of waiting.over) this.#waitsNoLonger(session, id, false);
      this.#schedule(session, waiting);
    };
    waiting.timer = new DueTimer(this.#clock, due, next - now + EARLY_MS);
  }

  #at(session: SessionKey): WaitingSession {
    const key = textOfSession(session);
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const waiting: WaitingSession = { dueAt: new Map(), over: new Set(), timer: undefined, freed: undefined };
    this.#sessions.set(key, waiting);
    if (this.#sessions.size > MOST_SESSIONS) this.#forgetOne();
    return waiting;
  }

  /**
   * The oldest, if nobody is to claim it now, since its turns are used up, say: a look around finds it when that has
   * changed. One that has its claim before it comes to the end, and the next time another is looked at.
   */
  #forgetOne(): void {
    for (const [key, waiting] of this.#sessions) {
      this.#sessions.delete(key);
      if (waiting.timer !== undefined) this.#sessions.set(key, waiting);
      return;
    }
  }
}

interface Parts {
  readonly clock: SteadyClock;
  readonly notices: Notices;
}

interface WaitingSession {
  /** The tasks whose follow-up is said to be pending, and when each is old enough, by the monotonic clock. */
  readonly dueAt: Map<string, number>;
  /** Those of them that were said to wait no longer, before their claim. */
  readonly over: Set<string>;
  timer: DueTimer | undefined;
  /** Runs while the session has just been settled. */
  freed: Timer | undefined;
}

/** The store's clock may be in the millisecond before. */
const EARLY_MS = 1;
const MOST_SESSIONS = 10_000;
