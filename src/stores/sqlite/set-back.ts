import type { Connection } from "./connection.ts";
import { DELAYED_UNTIL, ENDED_AT, INDEX, IS_DUE, IS_UNFINISHED, SESSIONS, TASKS, TASKS_BY } from "./names.ts";
import type { SessionTable, StoredSession } from "./session-table.ts";

/**
 * The clock was set back. What lies further ahead than it was long from its beginning would last until the clock has
 * caught up: a delay is over then, a lease and a claim too, and what has ended is old enough to be told.
 */
export class SetBack {
  readonly #connection: Connection;
  readonly #sessions: SessionTable;

  constructor(connection: Connection, sessions: SessionTable) {
    this.#connection = connection;
    this.#sessions = sessions;
  }

  /** By so many milliseconds or more. To be called in a transaction. */
  to(now: number, byMs: number): void {
    for (const session of this.#connection.all<StoredSession>(CLAIMS, now)) this.#sessions.free(session, now);
    this.#connection.run(END_DELAYS, now, now);
    this.#connection.run(END_LEASES, now, now, now);
    this.#connection.run(MOVE_ENDS, now, byMs, now);
    this.#connection.run(MOVE_TURNS, now, byMs, now);
  }
}

/** ? now. Returns sessions whose claim is longer than it was made. */
const CLAIMS = `SELECT userId, session FROM ${SESSIONS} WHERE token IS NOT NULL AND leaseEndsAt > ? + leaseMs`;

/** ? now, ? now. */
const END_DELAYS = `UPDATE ${TASKS} SET ${IS_DUE} = 1, ${DELAYED_UNTIL} = NULL, dueAt = ?
  WHERE ${DELAYED_UNTIL} > ? + delayMs`;

/** ? now, ? now, ? now. */
const END_LEASES = `UPDATE ${TASKS_BY.lease} SET leaseEndsAt = ?
  WHERE ${IS_UNFINISHED} AND leaseEndsAt > ? AND leaseEndsAt > ? + json_extract(kept, '$.leaseMs')`;

/** For how long somebody may have waited for others to complete, in milliseconds. */
const MOMENT_MS = 1_000;

/** ? now, ? milliseconds, ? now. Their order stays. */
const MOVE_ENDS = `UPDATE ${TASKS_BY.end} SET ${ENDED_AT} = min(?, ${ENDED_AT} - ?) - ${MOMENT_MS}
  WHERE ${INDEX} IN ('pending', 'claimed', 'done') AND ${ENDED_AT} > ?`;

/** ? now, ? milliseconds, ? now. */
const MOVE_TURNS = `UPDATE ${SESSIONS} SET countedAt = min(?, countedAt - ?) WHERE turns > 0 AND countedAt > ?`;
