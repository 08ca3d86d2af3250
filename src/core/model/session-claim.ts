import type { FollowUpDropReason, FollowUpMode } from "./follow-up.ts";
import type { TaskRecord } from "./task.ts";

/** A session of a user; `null`: the user's tasks without one. */
export interface SessionKey {
  userId: string;
  sessionId: string | null;
}

/** A session as one text, for those who keep something of each. */
export function textOfSession({ userId, sessionId }: SessionKey): string {
  return JSON.stringify([userId, sessionId]);
}

/** Who has begun a turn: the user, who has said something; the host; or the library, since results have come. */
export type TurnBy = "user" | "host" | "library";

/** Names a claim. */
export interface ClaimKey extends SessionKey {
  token: string;
}

/** One session leased, with the follow-ups that came along. */
export interface SessionClaim extends ClaimKey {
  /**
   * Greater than that of any claim of this session before, whoever has made it: the greater of one more than the last
   * and the store's time in milliseconds, so that a store may forget it.
   */
  number: number;
  tasks: TaskRecord[];
  /** Turns that counted, see {@link ClaimFilter.maxTurns}, since they were last reset. */
  turns: number;
}

/**
 * Which session to claim. Once one is found, every follow-up comes along that is due there, or was deferred,
 * whatever its mode: what waits for a busy session need not wait longer than the rest. One that somebody waits for,
 * see {@link Hold.waitMs}, is passed over.
 */
export interface ClaimFilter {
  /** This one alone, with all that is outstanding there: a delay concerns whom nobody has asked. */
  session?: SessionKey;
  /** Of `session`, only what is due, as if nobody had asked for it by name. @default false */
  onlyDue?: boolean;
  /** Only where a follow-up of one of these modes is due. @default ["when_idle", "interrupt"] */
  modes?: readonly FollowUpMode[];
  /**
   * Only where one of them has been complete for so long, by the store's clock: a moment for others to complete
   * too. @default 0
   */
  minAgeMs?: number;
  /**
   * Only with fewer turns than this. A claim of which anything is acknowledged counts one, even if somebody has
   * dropped it in the meantime: the turn was run. Without this nothing is counted.
   */
  maxTurns?: number;
}

/** A turn that is to have its session whether or not anything waits there. */
export interface Hold {
  by: "user" | "host";
  /** Whether what is pending comes along, whatever its mode and its delay. */
  take: boolean;
  /**
   * What was taken into so many holds that failed, or died, does not come along. Taking costs no attempt; it counts a
   * hold, which `defer` takes back.
   */
  maxHolds: number;
  /**
   * Milliseconds for which no `claim` gets the session, nor any claimant who has come later, where it cannot be had now.
   * Asking again before that keeps the place among those who wait. 0: it does not wait, or not any more.
   */
  waitMs: number;
}

/** The session cannot be had. */
export interface Held {
  /** Who has it. `null`: it is free, and another claimant has waited longer for it. */
  heldBy: TurnBy | null;
}

/** How a claim stands whose lease has begun anew. */
export interface Prolonged {
  /** Why its turn is asked to stop; `null`: it is not. */
  stop: string | null;
}

/**
 * What became of a claimed follow-up. `release`: it failed, and is due again after `delayMs`. `defer`: it was
 * not tried; what the claim has cost it is given back, and it is due after `delayMs`, or before that
 * if something else of its session is claimed.
 */
export type Settlement =
  | { type: "acknowledge" }
  | { type: "release"; delayMs: number }
  | { type: "defer"; delayMs: number }
  | { type: "drop"; reason: FollowUpDropReason };

/** What becomes of each follow-up of a claim, by its task's id. */
export type Settlements = Readonly<Record<string, Settlement>>;

/** "Look at this session": it is free, and somebody waits for it; or its turn was asked to stop. */
export interface SessionHint extends SessionKey {
  turn: "free" | "stop";
}
