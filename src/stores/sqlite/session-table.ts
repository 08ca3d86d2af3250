import type { SessionKey } from "../../core/model/store.ts";
import type { Connection } from "./connection.ts";
import type { SessionState } from "./entry.ts";
import { encodeNullable, encodeText } from "./text.ts";

/** A session as it is kept. */
export interface StoredSession {
  userId: string;
  session: string;
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
  claim({ userId, session }: StoredSession, token: string, leaseEndsAt: number, countsTurn: boolean): void {
    this.#connection.run(CLAIM, userId, session, token, leaseEndsAt, countsTurn ? 1 : 0);
    this.#connection.run(HOLD, userId, session);
  }

  prolong(token: string, leaseEndsAt: number, now: number): boolean {
    return this.#connection.run(PROLONG, leaseEndsAt, token, now) > 0;
  }

  free({ userId, session }: StoredSession, now: number): void {
    this.#connection.run(GIVE_BACK, now, now, userId, session);
    this.#connection.run(FREE, userId, session);
    this.#connection.run(TIDY, userId, session);
  }

  countTurn({ userId, session }: StoredSession, now: number): void {
    this.#connection.run(COUNT, now, userId, session);
    this.#connection.run(REFILE, userId, session);
  }

  resetTurns({ userId, session }: StoredSession): void {
    if (this.#connection.run(RESET, userId, session) === 0) return;
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

const GET = "SELECT turns, token FROM offload_sessions WHERE userId = ? AND session = ?";
const CLAIMED =
  "SELECT userId, session, countsTurn FROM offload_sessions WHERE token = ? AND leaseEndsAt > ?";
const LAPSED =
  "SELECT userId, session FROM offload_sessions WHERE token IS NOT NULL AND leaseEndsAt <= ? LIMIT ?";
const CLAIM = `INSERT INTO offload_sessions (userId, session, turns, countedAt, token, leaseEndsAt, countsTurn)
  VALUES (?, ?, 0, 0, ?, ?, ?) ON CONFLICT DO UPDATE SET
  token = excluded.token, leaseEndsAt = excluded.leaseEndsAt, countsTurn = excluded.countsTurn`;
const PROLONG = "UPDATE offload_sessions SET leaseEndsAt = ? WHERE token = ? AND leaseEndsAt > ?";
const FREE = "UPDATE offload_sessions SET token = NULL WHERE userId = ? AND session = ?";
const COUNT = "UPDATE offload_sessions SET turns = turns + 1, countedAt = ? WHERE userId = ? AND session = ?";
const RESET = "UPDATE offload_sessions SET turns = 0 WHERE userId = ? AND session = ? AND turns > 0";
const TIDY = "DELETE FROM offload_sessions WHERE userId = ? AND session = ? AND turns = 0 AND token IS NULL";
const COUNTED_UNTIL =
  "SELECT userId, session FROM offload_sessions WHERE turns > 0 AND countedAt <= ? LIMIT ?";

const TASKS = "offload_tasks INDEXED BY offload_tasks_outstanding";
const OUTSTANDING = "WHERE userId = ? AND session = ? AND mode IS NOT NULL";
const HOLD = `UPDATE ${TASKS} SET ready = NULL, wakesAt = NULL ${OUTSTANDING}`;
const GIVE_BACK = `UPDATE ${TASKS} SET shelf = 'pending', ready = iif(dueAt <= ?, 1, NULL),
  wakesAt = iif(dueAt <= ?, NULL, dueAt) ${OUTSTANDING}`;
const REFILE = `UPDATE ${TASKS} SET turns = (
  SELECT turns FROM offload_sessions AS s WHERE s.userId = offload_tasks.userId AND s.session = offload_tasks.session
) ${OUTSTANDING}`;
