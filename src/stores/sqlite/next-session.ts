import type { FollowUpMode } from "../../core/model/follow-up.ts";
import type { ClaimFilter, SessionKey } from "../../core/model/session-claim.ts";
import { WAKING } from "../shared/follow-ups.ts";
import type { Connection } from "./connection.ts";
import type { FileTime } from "./file-time.ts";
import {
  DELAYED_UNTIL,
  ENDED_AT,
  INDEX,
  IS_DUE,
  isAwaited,
  OUTSTANDING_IN_SESSION,
  TASKS,
  TASKS_BY,
} from "./names.ts";
import { type SessionTable, type StoredSession, storedSession } from "./session-table.ts";
import { statement } from "./statement.ts";

/** Finds the session to claim next. */
export class NextSession {
  readonly #connection: Connection;
  readonly #sessions: SessionTable;
  readonly #time: FileTime;

  constructor(connection: Connection, sessions: SessionTable, time: FileTime) {
    this.#connection = connection;
    this.#sessions = sessions;
    this.#time = time;
  }

  /**
   * The session of the oldest follow-up that gives reason to claim, and that nobody waits for: if that one is too
   * young, all are.
   */
  find(filter: ClaimFilter): FoundSession | undefined {
    const oldest = filter.session ? this.#oldestIn(filter.session, filter) : this.#oldestDue(filter);
    const { minAgeMs = 0 } = filter;
    // The process in which it has ended may be a moment ahead.
    if (oldest === undefined || Math.max(0, this.#time.now() - oldest.endedAt) < minAgeMs) return undefined;
    return oldest;
  }

  #oldestIn(session: SessionKey, filter: ClaimFilter): EndedRow | undefined {
    const { modes = WAKING, maxTurns, onlyDue = false } = filter;
    if (onlyDue) this.#endDelays();
    const stored = storedSession(session);
    const { turns, isClaimed } = this.#sessions.state(stored);
    if (isClaimed || turns >= (maxTurns ?? Number.POSITIVE_INFINITY)) return undefined;
    const oldest = onlyDue ? OLDEST_DUE_IN_SESSION : OLDEST_PENDING_IN_SESSION;
    return this.#connection.get(oldest, { ...stored, modes: JSON.stringify(modes), now: this.#time.now() });
  }

  #oldestDue({ modes = WAKING, maxTurns }: ClaimFilter): EndedRow | undefined {
    this.#endDelays();
    const oldest = modes.flatMap((mode) => [...this.#oldestOf(mode, maxTurns)]);
    return oldest.sort((one, other) => one.endedAt - other.endedAt)[0];
  }

  /** There are as many as sessions differ in their turns: few. */
  *#oldestOf(mode: FollowUpMode, maxTurns = Number.POSITIVE_INFINITY): Generator<EndedRow> {
    const now = this.#time.now();
    const next = (turns: number) => this.#connection.get(NEXT_OLDEST, { mode, turns, now });
    for (let row = next(-1); row && row.turns < maxTurns; row = next(row.turns)) yield row;
  }

  #endDelays(): void {
    this.#connection.run(END_DELAYS, { now: this.#time.now() });
  }
}

/** A session, and the follow-up by which it was found. */
export interface FoundSession extends StoredSession {
  key: number;
}

interface EndedRow extends FoundSession {
  endedAt: number;
}

/** The oldest due follow-up of a session that has had more turns, but fewest of those. */
const NEXT_OLDEST = statement<"mode" | "turns" | "now", EndedRow & { turns: number }>(
  `SELECT turns, ${ENDED_AT} AS endedAt, key, userId, session FROM ${TASKS_BY.due}
    WHERE ${IS_DUE} = 1 AND mode = :mode AND turns > :turns AND NOT ${isAwaited(TASKS)} ORDER BY turns, ${ENDED_AT} LIMIT 1`,
);

/** The oldest pending follow-up of a session, of modes that are given as JSON. */
const OLDEST_PENDING_IN_SESSION = statement<"userId" | "session" | "modes" | "now", EndedRow>(
  `SELECT ${ENDED_AT} AS endedAt, key, userId, session FROM ${TASKS_BY.outstanding} WHERE ${OUTSTANDING_IN_SESSION}
    AND ${INDEX} = 'pending' AND mode IN (SELECT value FROM json_each(:modes)) AND NOT ${isAwaited(TASKS)}
    ORDER BY ${ENDED_AT}, id LIMIT 1`,
);

/** The oldest due one. */
const OLDEST_DUE_IN_SESSION = statement<"userId" | "session" | "modes" | "now", EndedRow>(
  `SELECT ${ENDED_AT} AS endedAt, key, userId, session FROM ${TASKS_BY.outstanding} WHERE ${OUTSTANDING_IN_SESSION}
    AND ${INDEX} = 'pending' AND ${IS_DUE} = 1 AND mode IN (SELECT value FROM json_each(:modes))
    AND NOT ${isAwaited(TASKS)}
    ORDER BY ${ENDED_AT}, id LIMIT 1`,
);

/** Those are due whose moment has come. */
const END_DELAYS = statement<"now">(
  `UPDATE ${TASKS} SET ${IS_DUE} = 1, ${DELAYED_UNTIL} = NULL WHERE ${DELAYED_UNTIL} <= :now`,
);
