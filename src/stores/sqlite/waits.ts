import type { Connection } from "./connection.ts";
import { WAITS } from "./names.ts";
import type { StoredSession } from "./session-table.ts";
import { statement } from "./statement.ts";

/** Who waits for which session, and until when: nobody else is to be quicker. To be called in a transaction. */
export class Waits {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** For so many milliseconds; 0 ends it. */
  wait({ userId, session }: StoredSession, claimant: string, waitMs: number, now: number): void {
    if (waitMs === 0) this.#connection.run(END, { userId, session, claimant });
    else this.#connection.run(WAIT, { userId, session, claimant, until: now + waitMs, waitMs });
  }

  dropLapsed(now: number): void {
    this.#connection.run(DROP_LAPSED, { now });
  }
}

const WAIT = statement<"userId" | "session" | "claimant" | "until" | "waitMs">(
  `INSERT OR REPLACE INTO ${WAITS} (userId, session, claimant, until, waitMs)
    VALUES (:userId, :session, :claimant, :until, :waitMs)`,
);

const END = statement<"userId" | "session" | "claimant">(
  `DELETE FROM ${WAITS} WHERE userId = :userId AND session = :session AND claimant = :claimant`,
);

const DROP_LAPSED = statement<"now">(`DELETE FROM ${WAITS} WHERE until <= :now`);
