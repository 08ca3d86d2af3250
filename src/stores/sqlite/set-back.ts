import type { Connection } from "./connection.ts";
import {
  DELAYED_UNTIL,
  ENDED_AT,
  INDEX,
  IS_DUE,
  IS_UNFINISHED,
  SESSIONS,
  TASKS,
  TASKS_BY,
  WAITS,
} from "./names.ts";
import type { SessionTable, StoredSession } from "./session-table.ts";
import { statement } from "./statement.ts";

/**
 * The clock was set back. What lies further ahead than it was long from its beginning would last until the clock has
 * caught up: a delay is over then, a lease, a claim and a wait too, and what has ended is old enough to be told.
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
    for (const session of this.#connection.all(CLAIMS, { now })) this.#sessions.endClaim(session, now);
    this.#connection.run(END_DELAYS, { now });
    this.#connection.run(END_LEASES, { now });
    this.#connection.run(END_WAITS, { now });
    this.#connection.run(MOVE_ENDS, { now, byMs });
    this.#connection.run(MOVE_TURNS, { now, byMs });
  }
}

/** Sessions whose claim is longer than it was made. */
const CLAIMS = statement<"now", StoredSession>(
  `SELECT userId, session FROM ${SESSIONS} WHERE token IS NOT NULL AND leaseEndsAt > :now + leaseMs`,
);

const END_DELAYS = statement<"now">(
  `UPDATE ${TASKS} SET ${IS_DUE} = 1, ${DELAYED_UNTIL} = NULL, dueAt = :now WHERE ${DELAYED_UNTIL} > :now + delayMs`,
);

const END_LEASES = statement<"now">(
  `UPDATE ${TASKS_BY.lease} SET leaseEndsAt = :now WHERE ${IS_UNFINISHED}
    AND leaseEndsAt > :now
    AND leaseEndsAt > :now + iif(json_valid(kept), json_extract(kept, '$.leaseMs'), 0)`,
);

const END_WAITS = statement<"now">(`DELETE FROM ${WAITS} WHERE until > :now AND until > :now + waitMs`);

/** For how long somebody may have waited for others to complete, in milliseconds. */
const MOMENT_MS = 1_000;

/** Their order stays. */
const MOVE_ENDS = statement<"now" | "byMs">(
  `UPDATE ${TASKS_BY.end} SET ${ENDED_AT} = min(:now, ${ENDED_AT} - :byMs) - ${MOMENT_MS}
    WHERE ${INDEX} IN ('pending', 'claimed', 'done') AND ${ENDED_AT} > :now`,
);

const MOVE_TURNS = statement<"now" | "byMs">(
  `UPDATE ${SESSIONS} SET countedAt = min(:now, countedAt - :byMs) WHERE turns > 0 AND countedAt > :now`,
);
