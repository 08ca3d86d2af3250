import type { SessionKey } from "../../core/model/store.ts";
import type { Connection } from "./connection.ts";
import type { SessionState } from "./entry.ts";
import { DELAYED_UNTIL, INDEX, IS_DUE, OUTSTANDING_IN_SESSION, SESSIONS, TASKS, TASKS_BY } from "./names.ts";
import { encodeNullable, encodeText } from "./text.ts";

/** A session as it is kept. */
export interface StoredSession {
  userId: string;
  session: string;
}

/** When a claim ends, and how long that was from its beginning, or from when it was prolonged. */
export interface ClaimLease {
  endsAt: number;
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
    const row = this.#connection.get<{ turns: number; token: string | null }>(GET, userId, session);
    return { turns: row?.turns ?? 0, isClaimed: row !== undefined && row.token !== null };
  }

  /** The session of a claim that has not lapsed. */
  claimed(token: string, now: number): Claimed | undefined {
    return this.#connection.get(CLAIMED, token, now);
  }

  /** Gives back the follow-ups of claims that were not settled in time. */
  endLapsed(now: number): void {
    for (const session of this.#lapsed(now)) this.free(session, now);
  }

  hasLapsed(now: number): boolean {
    return this.#lapsed(now).length > 0;
  }

  /** Its follow-ups wait for the end of the claim, those that come in the meantime too. */
  claim({ userId, session }: StoredSession, token: string, lease: ClaimLease, countsTurn: boolean): void {
    const { endsAt, leaseMs } = lease;
    this.#connection.run(CLAIM, userId, session, token, endsAt, leaseMs, countsTurn ? 1 : 0);
    this.#connection.run(UNFILE, userId, session);
  }

  prolong(token: string, { endsAt, leaseMs }: ClaimLease, now: number): boolean {
    return this.#connection.run(PROLONG, endsAt, leaseMs, token, now) > 0;
  }

  free({ userId, session }: StoredSession, now: number): void {
    this.#connection.run(GIVE_BACK, now, now, userId, session);
    this.#connection.run(END, userId, session);
    this.#connection.run(TIDY, userId, session);
  }

  countTurn({ userId, session }: StoredSession, now: number): void {
    this.#connection.run(COUNT_TURN, now, userId, session);
    this.#connection.run(REFILE, userId, session);
  }

  resetTurns({ userId, session }: StoredSession): void {
    if (this.#connection.run(RESET_TURNS, userId, session) === 0) return;
    this.#connection.run(REFILE, userId, session);
    this.#connection.run(TIDY, userId, session);
  }

  /** Sessions of which no turn has been counted since. */
  countedUntil(instant: number, limit: number): StoredSession[] {
    return this.#connection.all(COUNTED_UNTIL, instant, limit);
  }

  #lapsed(now: number): StoredSession[] {
    return this.#connection.all(LAPSED, now, MOST_LAPSED);
  }
}

export function storedSession({ userId, sessionId }: SessionKey): StoredSession {
  return { userId: encodeText(userId), session: encodeNullable(sessionId) };
}

/** Claims ended in one go; what is left has its turn the next time. */
const MOST_LAPSED = 1_000;

/** ? user, ? session. Returns its turns, and the token of its claim. */
const GET = `SELECT turns, token FROM ${SESSIONS} WHERE userId = ? AND session = ?`;

/** ? token, ? now. Returns the session, and whether the claim counts a turn. */
const CLAIMED = `SELECT userId, session, countsTurn FROM ${SESSIONS} WHERE token = ? AND leaseEndsAt > ?`;

/** ? now, ? limit. Returns sessions whose claim is over. */
const LAPSED = `SELECT userId, session FROM ${SESSIONS} WHERE token IS NOT NULL AND leaseEndsAt <= ? LIMIT ?`;

/** ? user, ? session, ? token, ? end of the claim, ? its length, ? whether it counts a turn. */
const CLAIM = `INSERT INTO ${SESSIONS} (userId, session, turns, countedAt, token, leaseEndsAt, leaseMs, countsTurn)
  VALUES (?, ?, 0, 0, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
  token = excluded.token, leaseEndsAt = excluded.leaseEndsAt, leaseMs = excluded.leaseMs, countsTurn = excluded.countsTurn`;

/** ? end of the claim, ? its length, ? token, ? now. */
const PROLONG = `UPDATE ${SESSIONS} SET leaseEndsAt = ?, leaseMs = ? WHERE token = ? AND leaseEndsAt > ?`;

/** ? user, ? session. */
const END = `UPDATE ${SESSIONS} SET token = NULL WHERE userId = ? AND session = ?`;

/** ? now, ? user, ? session. */
const COUNT_TURN = `UPDATE ${SESSIONS} SET turns = turns + 1, countedAt = ? WHERE userId = ? AND session = ?`;

/** ? user, ? session. */
const RESET_TURNS = `UPDATE ${SESSIONS} SET turns = 0 WHERE userId = ? AND session = ? AND turns > 0`;

/** ? user, ? session. */
const TIDY = `DELETE FROM ${SESSIONS} WHERE userId = ? AND session = ? AND turns = 0 AND token IS NULL`;

/** ? instant, ? limit. Returns sessions that have had turns, the last of them before that. */
const COUNTED_UNTIL = `SELECT userId, session FROM ${SESSIONS} WHERE turns > 0 AND countedAt <= ? LIMIT ?`;

/** ? user, ? session. Nothing of a session that is claimed is found as due or delayed. */
const UNFILE = `UPDATE ${TASKS_BY.outstanding} SET ${IS_DUE} = NULL, ${DELAYED_UNTIL} = NULL
  WHERE ${OUTSTANDING_IN_SESSION}`;

/** ? now, ? now, ? user, ? session. What was claimed is pending again, and all of it due or delayed. */
const GIVE_BACK = `UPDATE ${TASKS_BY.outstanding} SET ${INDEX} = 'pending',
  ${IS_DUE} = iif(dueAt <= ?, 1, NULL), ${DELAYED_UNTIL} = iif(dueAt <= ?, NULL, dueAt)
  WHERE ${OUTSTANDING_IN_SESSION}`;

/** ? user, ? session. Its follow-ups are filed by the turns it has had by now. */
const REFILE = `UPDATE ${TASKS_BY.outstanding} SET turns = (
    SELECT turns FROM ${SESSIONS} AS s WHERE s.userId = ${TASKS}.userId AND s.session = ${TASKS}.session
  ) WHERE ${OUTSTANDING_IN_SESSION}`;
