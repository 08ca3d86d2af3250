import type { Connection } from "./connection.ts";
import { IN_SESSION, WAITS } from "./names.ts";
import type { StoredSession } from "./session-table.ts";
import { statement } from "./statement.ts";

/** Who waits for which session, and until when: nobody else is to be quicker. To be called in a transaction. */
export class Waits {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The claimant who has waited longest. */
  first({ userId, session }: StoredSession, now: number): string | undefined {
    return this.#connection.get(FIRST, { userId, session, now })?.claimant;
  }

  /** For so many milliseconds; 0 ends it. One that is not over keeps its place. */
  wait({ userId, session }: StoredSession, claimant: string, waitMs: number, now: number): void {
    if (waitMs === 0) this.#connection.run(END, { userId, session, claimant });
    else this.#connection.run(WAIT, { userId, session, claimant, until: now + waitMs, waitMs, now });
  }

  dropLapsed(now: number): void {
    this.#connection.run(DROP_LAPSED, { now });
  }
}

const FIRST = statement<"userId" | "session" | "now", { claimant: string }>(
  `SELECT claimant FROM ${WAITS} WHERE ${IN_SESSION} AND until > :now ORDER BY since LIMIT 1`,
);

/** Its place is behind all that have one. */
const WAIT = statement<"userId" | "session" | "claimant" | "until" | "waitMs" | "now">(
  `INSERT INTO ${WAITS} (userId, session, claimant, since, until, waitMs)
    VALUES (:userId, :session, :claimant,
      (SELECT ifnull(max(since), 0) + 1 FROM ${WAITS} WHERE ${IN_SESSION}), :until, :waitMs)
    ON CONFLICT DO UPDATE SET since = iif(until > :now, since, excluded.since),
      until = excluded.until, waitMs = excluded.waitMs`,
);

const END = statement<"userId" | "session" | "claimant">(
  `DELETE FROM ${WAITS} WHERE ${IN_SESSION} AND claimant = :claimant`,
);

const DROP_LAPSED = statement<"now">(`DELETE FROM ${WAITS} WHERE until <= :now`);
