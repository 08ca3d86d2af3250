import type { SessionKey, TurnBy } from "../../core/model/session-claim.ts";
import type { Connection } from "./connection.ts";
import type { SessionState } from "./entry.ts";
import {
  DELAYED_UNTIL,
  IN_SESSION,
  INDEX,
  IS_DUE,
  isAwaited,
  META,
  OUTSTANDING_IN_SESSION,
  SESSIONS,
  TASKS,
  TASKS_BY,
  WAITS,
} from "./names.ts";
import { statement } from "./statement.ts";
import { encodeNullable, encodeText } from "./text.ts";

/** A session as it is kept. */
export interface StoredSession {
  userId: string;
  session: string;
}

/** When a claim ends, and how long that was from its beginning, or from when it was prolonged. */
export interface ClaimLease {
  leaseEndsAt: number;
  leaseMs: number;
}

/** What a claim begins with. */
export interface NewClaim extends ClaimLease {
  token: string;
  heldBy: TurnBy;
  countsTurn: 0 | 1;
}

export interface Claimed extends StoredSession {
  heldBy: TurnBy;
  /** 0 too if the turn has been counted already. */
  countsTurn: number;
  /** Whether somebody waits for the session. */
  isAwaited: number;
}

/** Sessions that are claimed, and the turns of each, by which its outstanding follow-ups are filed. */
export class SessionTable {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  state({ userId, session }: StoredSession): SessionState {
    const row = this.#connection.get(GET, { userId, session });
    return { turns: row?.turns ?? 0, isClaimed: row !== undefined && row.token !== null };
  }

  /** Who has a session. */
  heldBy({ userId, session }: StoredSession): TurnBy | undefined {
    return this.#connection.get(HELD_BY, { userId, session })?.heldBy;
  }

  /** The session of a claim that has not lapsed. */
  claimed(token: string, now: number): Claimed | undefined {
    return this.#connection.get(CLAIMED, { token, now });
  }

  /** Gives back the follow-ups of claims that were not settled in time. */
  endLapsed(now: number): void {
    for (const session of this.#lapsed(now)) this.endClaim(session, now);
  }

  /** Whether there are such claims, or somebody waits no longer. */
  hasLapsed(now: number): boolean {
    return this.#connection.get(HAS_LAPSED, { now }) !== undefined;
  }

  /**
   * Its follow-ups wait for the end of the claim, those that come in the meantime too. Returns the turns it has had.
   */
  claim({ userId, session }: StoredSession, claim: NewClaim): number {
    const row = this.#connection.get(CLAIM, { userId, session, ...claim });
    this.#connection.run(UNFILE, { userId, session });
    return row?.turns ?? 0;
  }

  /** The number of a new claim: one counter for all sessions, so that none has to be kept for its own. */
  nextNumber(now: number): number {
    const instant = Math.ceil(now);
    return this.#connection.get(NEXT_NUMBER, { instant })?.number ?? instant;
  }

  /** Why the turn is asked to stop. `undefined`: the claim had lapsed. */
  prolong(token: string, lease: ClaimLease, now: number): { stop: string | null } | undefined {
    return this.#connection.get(PROLONG, { ...lease, token, now });
  }

  /** Asks whoever has a session to stop, if it is a turn of that kind. */
  stop({ userId, session }: StoredSession, reason: string, only: TurnBy | null, now: number): boolean {
    return this.#connection.run(STOP, { userId, session, reason, only, now }) > 0;
  }

  /** Gives back the follow-ups that were not settled. */
  endClaim({ userId, session }: StoredSession, now: number): void {
    this.#connection.run(GIVE_BACK, { userId, session, now });
    this.#connection.run(END, { userId, session });
    this.#connection.run(TIDY, { userId, session });
  }

  countTurn({ userId, session }: StoredSession, now: number): void {
    this.#connection.run(COUNT_TURN, { userId, session, now });
    this.#connection.run(REFILE, { userId, session });
  }

  resetTurns({ userId, session }: StoredSession): void {
    if (this.#connection.run(RESET_TURNS, { userId, session }) === 0) return;
    this.#connection.run(REFILE, { userId, session });
    this.#connection.run(TIDY, { userId, session });
  }

  /** Sessions of which no turn has been counted since. */
  countedUntil(instant: number, limit: number): StoredSession[] {
    return this.#connection.all(COUNTED_UNTIL, { instant, limit });
  }

  #lapsed(now: number): StoredSession[] {
    return this.#connection.all(LAPSED, { now, limit: MOST_LAPSED });
  }
}

export function storedSession({ userId, sessionId }: SessionKey): StoredSession {
  return { userId: encodeText(userId), session: encodeNullable(sessionId) };
}

/** Claims ended in one go; what is left has its turn the next time. */
const MOST_LAPSED = 1_000;

/** Its turns, and the token of its claim. */
const GET = statement<"userId" | "session", { turns: number; token: string | null }>(
  `SELECT turns, token FROM ${SESSIONS} WHERE ${IN_SESSION}`,
);

const HELD_BY = statement<"userId" | "session", { heldBy: TurnBy }>(
  `SELECT heldBy FROM ${SESSIONS} WHERE ${IN_SESSION} AND token IS NOT NULL`,
);

/** The session of a claim that is not over, with what it is. */
const CLAIMED = statement<"token" | "now", Claimed>(
  `SELECT userId, session, heldBy, countsTurn, ${isAwaited("s")} AS isAwaited FROM ${SESSIONS} AS s
    WHERE token = :token AND leaseEndsAt > :now`,
);

/** Sessions whose claim is over. */
const LAPSED = statement<"now" | "limit", StoredSession>(
  `SELECT userId, session FROM ${SESSIONS} WHERE token IS NOT NULL AND leaseEndsAt <= :now LIMIT :limit`,
);

/** A row if a claim, or somebody's waiting, is over. */
const HAS_LAPSED = statement<"now", object>(
  `SELECT 1 FROM ${SESSIONS} WHERE token IS NOT NULL AND leaseEndsAt <= :now
    UNION ALL SELECT 1 FROM ${WAITS} WHERE until <= :now LIMIT 1`,
);

const CLAIM = statement<"userId" | "session" | keyof NewClaim, { turns: number }>(
  `INSERT INTO ${SESSIONS} (userId, session, turns, countedAt, token, leaseEndsAt, leaseMs, heldBy, countsTurn)
    VALUES (:userId, :session, 0, 0, :token, :leaseEndsAt, :leaseMs, :heldBy, :countsTurn) ON CONFLICT DO UPDATE SET
    token = excluded.token, leaseEndsAt = excluded.leaseEndsAt, leaseMs = excluded.leaseMs,
    heldBy = excluded.heldBy, countsTurn = excluded.countsTurn, stop = NULL RETURNING turns`,
);

/** One more than the last, or the time in milliseconds, whichever is greater. */
const NEXT_NUMBER = statement<"instant", { number: number }>(
  `INSERT INTO ${META} VALUES ('turn', :instant)
    ON CONFLICT DO UPDATE SET value = max(value + 1, excluded.value) RETURNING value AS number`,
);

const PROLONG = statement<"leaseEndsAt" | "leaseMs" | "token" | "now", { stop: string | null }>(
  `UPDATE ${SESSIONS} SET leaseEndsAt = :leaseEndsAt, leaseMs = :leaseMs
    WHERE token = :token AND leaseEndsAt > :now RETURNING stop`,
);

const STOP = statement<"userId" | "session" | "reason" | "only" | "now">(
  `UPDATE ${SESSIONS} SET stop = :reason WHERE ${IN_SESSION} AND token IS NOT NULL AND leaseEndsAt > :now
    AND heldBy = ifnull(:only, heldBy)`,
);

const END = statement<"userId" | "session">(`UPDATE ${SESSIONS} SET token = NULL WHERE ${IN_SESSION}`);

/** A claim counts once. */
const COUNT_TURN = statement<"userId" | "session" | "now">(
  `UPDATE ${SESSIONS} SET turns = turns + 1, countedAt = :now, countsTurn = 0 WHERE ${IN_SESSION}`,
);

const RESET_TURNS = statement<"userId" | "session">(
  `UPDATE ${SESSIONS} SET turns = 0 WHERE ${IN_SESSION} AND turns > 0`,
);

/** Lets go of the row of a session that says nothing any more. */
const TIDY = statement<"userId" | "session">(
  `DELETE FROM ${SESSIONS} WHERE ${IN_SESSION} AND turns = 0 AND token IS NULL`,
);

/** Sessions that have had turns, the last of them until then. */
const COUNTED_UNTIL = statement<"instant" | "limit", StoredSession>(
  `SELECT userId, session FROM ${SESSIONS} WHERE turns > 0 AND countedAt <= :instant LIMIT :limit`,
);

/** Nothing of a session that is claimed is found as due or delayed. */
const UNFILE = statement<"userId" | "session">(
  `UPDATE ${TASKS_BY.outstanding} SET ${IS_DUE} = NULL, ${DELAYED_UNTIL} = NULL WHERE ${OUTSTANDING_IN_SESSION}`,
);

/** What was claimed is pending again, and all of it due or delayed. */
const GIVE_BACK = statement<"userId" | "session" | "now">(
  `UPDATE ${TASKS_BY.outstanding} SET ${INDEX} = 'pending',
    ${IS_DUE} = iif(dueAt <= :now, 1, NULL), ${DELAYED_UNTIL} = iif(dueAt <= :now, NULL, dueAt)
    WHERE ${OUTSTANDING_IN_SESSION}`,
);

/** Its follow-ups are filed by the turns it has had by now. */
const REFILE = statement<"userId" | "session">(
  `UPDATE ${TASKS_BY.outstanding} SET turns = (
      SELECT turns FROM ${SESSIONS} AS s WHERE s.userId = ${TASKS}.userId AND s.session = ${TASKS}.session
    ) WHERE ${OUTSTANDING_IN_SESSION}`,
);
