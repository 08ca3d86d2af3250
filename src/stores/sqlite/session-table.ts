import type { SessionKey } from "../../core/model/session-claim.ts";
import type { Connection } from "./connection.ts";
import type { SessionState } from "./entry.ts";
import { DELAYED_UNTIL, INDEX, IS_DUE, OUTSTANDING_IN_SESSION, SESSIONS, TASKS, TASKS_BY } from "./names.ts";
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

export interface Claimed extends StoredSession {
  countsTurn: number;
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

  /** The session of a claim that has not lapsed. */
  claimed(token: string, now: number): Claimed | undefined {
    return this.#connection.get(CLAIMED, { token, now });
  }

  /** Gives back the follow-ups of claims that were not settled in time. */
  endLapsed(now: number): void {
    for (const session of this.#lapsed(now)) this.endClaim(session, now);
  }

  hasLapsed(now: number): boolean {
    return this.#lapsed(now).length > 0;
  }

  /** Its follow-ups wait for the end of the claim, those that come in the meantime too. */
  claim({ userId, session }: StoredSession, token: string, lease: ClaimLease, countsTurn: boolean): void {
    this.#connection.run(CLAIM, { userId, session, token, ...lease, countsTurn: countsTurn ? 1 : 0 });
    this.#connection.run(UNFILE, { userId, session });
  }

  prolong(token: string, lease: ClaimLease, now: number): boolean {
    return this.#connection.run(PROLONG, { ...lease, token, now }) > 0;
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

const IS_SESSION = "userId = :userId AND session = :session";

/** Its turns, and the token of its claim. */
const GET = statement<"userId" | "session", { turns: number; token: string | null }>(
  `SELECT turns, token FROM ${SESSIONS} WHERE ${IS_SESSION}`,
);

/** The session of a claim that is not over, and whether that counts a turn. */
const CLAIMED = statement<"token" | "now", Claimed>(
  `SELECT userId, session, countsTurn FROM ${SESSIONS} WHERE token = :token AND leaseEndsAt > :now`,
);

/** Sessions whose claim is over. */
const LAPSED = statement<"now" | "limit", StoredSession>(
  `SELECT userId, session FROM ${SESSIONS} WHERE token IS NOT NULL AND leaseEndsAt <= :now LIMIT :limit`,
);

const CLAIM = statement<"userId" | "session" | "token" | "leaseEndsAt" | "leaseMs" | "countsTurn">(
  `INSERT INTO ${SESSIONS} (userId, session, turns, countedAt, token, leaseEndsAt, leaseMs, countsTurn)
    VALUES (:userId, :session, 0, 0, :token, :leaseEndsAt, :leaseMs, :countsTurn) ON CONFLICT DO UPDATE SET
    token = excluded.token, leaseEndsAt = excluded.leaseEndsAt, leaseMs = excluded.leaseMs,
    countsTurn = excluded.countsTurn`,
);

const PROLONG = statement<"leaseEndsAt" | "leaseMs" | "token" | "now">(
  `UPDATE ${SESSIONS} SET leaseEndsAt = :leaseEndsAt, leaseMs = :leaseMs WHERE token = :token AND leaseEndsAt > :now`,
);

const END = statement<"userId" | "session">(`UPDATE ${SESSIONS} SET token = NULL WHERE ${IS_SESSION}`);

const COUNT_TURN = statement<"userId" | "session" | "now">(
  `UPDATE ${SESSIONS} SET turns = turns + 1, countedAt = :now WHERE ${IS_SESSION}`,
);

const RESET_TURNS = statement<"userId" | "session">(
  `UPDATE ${SESSIONS} SET turns = 0 WHERE ${IS_SESSION} AND turns > 0`,
);

/** Lets go of the row of a session that says nothing any more. */
const TIDY = statement<"userId" | "session">(
  `DELETE FROM ${SESSIONS} WHERE ${IS_SESSION} AND turns = 0 AND token IS NULL`,
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
