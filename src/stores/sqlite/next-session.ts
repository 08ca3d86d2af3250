import type { FollowUpMode } from "../../core/model/follow-up.ts";
import type { ClaimFilter, SessionKey } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { WAKING } from "../shared/follow-ups.ts";
import type { Connection } from "./connection.ts";
import { type KeptRow, toRecord } from "./entry.ts";
import { DELAYED_UNTIL, INDEX, IS_DUE, OUTSTANDING_IN_SESSION, TASKS, TASKS_BY } from "./names.ts";
import { type SessionTable, storedSession } from "./session-table.ts";
import { statement } from "./statement.ts";

/** Finds the session to claim next. */
export class NextSession {
  readonly #connection: Connection;
  readonly #sessions: SessionTable;
  readonly #now: () => number;

  constructor(connection: Connection, sessions: SessionTable, now: () => number) {
    this.#connection = connection;
    this.#sessions = sessions;
    this.#now = now;
  }

  /** The session of the oldest follow-up that gives reason to claim: if that one is too young, all are. */
  find(filter: ClaimFilter): SessionKey | undefined {
    const oldest = filter.session ? this.#oldestIn(filter.session, filter) : this.#oldestDue(filter);
    const { minAgeMs = 0 } = filter;
    if (oldest === undefined || this.#ageOf(oldest) < minAgeMs) return undefined;
    return { userId: oldest.userId, sessionId: oldest.sessionId };
  }

  /** It may have ended by a clock that is ahead of this one. */
  #ageOf({ completedAt }: TaskRecord): number {
    return Math.max(0, this.#now() - (completedAt ?? 0));
  }

  #oldestIn(session: SessionKey, filter: ClaimFilter): TaskRecord | undefined {
    const { modes = WAKING, maxTurns, onlyDue = false } = filter;
    if (onlyDue) this.#endDelays();
    const stored = storedSession(session);
    const { turns, isClaimed } = this.#sessions.state(stored);
    if (isClaimed || turns >= (maxTurns ?? Number.POSITIVE_INFINITY)) return undefined;
    const oldest = onlyDue ? OLDEST_DUE_IN_SESSION : OLDEST_PENDING_IN_SESSION;
    const row = this.#connection.get(oldest, { ...stored, modes: JSON.stringify(modes) });
    return row && toRecord(row);
  }

  #oldestDue({ modes = WAKING, maxTurns }: ClaimFilter): TaskRecord | undefined {
    this.#endDelays();
    const oldest = modes.flatMap((mode) => [...this.#oldestOf(mode, maxTurns)]);
    const [first] = oldest.sort((one, other) => one.completedAt - other.completedAt);
    return first && toRecord(first);
  }

  /** There are as many as sessions differ in their turns: few. */
  *#oldestOf(mode: FollowUpMode, maxTurns = Number.POSITIVE_INFINITY): Generator<OldestRow> {
    const next = (turns: number) => this.#connection.get(NEXT_OLDEST, { mode, turns });
    for (let row = next(-1); row && row.turns < maxTurns; row = next(row.turns)) yield row;
  }

  #endDelays(): void {
    this.#connection.run(END_DELAYS, { now: this.#now() });
  }
}

interface OldestRow extends KeptRow {
  turns: number;
  completedAt: number;
}

/** The oldest due follow-up of a session that has had more turns, but fewest of those. */
const NEXT_OLDEST = statement<"mode" | "turns", OldestRow>(
  `SELECT turns, completedAt, kept FROM ${TASKS_BY.due}
    WHERE ${IS_DUE} = 1 AND mode = :mode AND turns > :turns ORDER BY turns, completedAt LIMIT 1`,
);

/** The oldest pending follow-up of a session, of modes that are given as JSON. */
const OLDEST_PENDING_IN_SESSION = statement<"userId" | "session" | "modes", KeptRow>(
  `SELECT kept FROM ${TASKS_BY.outstanding} WHERE ${OUTSTANDING_IN_SESSION}
    AND ${INDEX} = 'pending' AND mode IN (SELECT value FROM json_each(:modes))
    ORDER BY completedAt, id LIMIT 1`,
);

/** The oldest due one. */
const OLDEST_DUE_IN_SESSION = statement<"userId" | "session" | "modes", KeptRow>(
  `SELECT kept FROM ${TASKS_BY.outstanding} WHERE ${OUTSTANDING_IN_SESSION}
    AND ${INDEX} = 'pending' AND ${IS_DUE} = 1 AND mode IN (SELECT value FROM json_each(:modes))
    ORDER BY completedAt, id LIMIT 1`,
);

/** Those are due whose moment has come. */
const END_DELAYS = statement<"now">(
  `UPDATE ${TASKS} SET ${IS_DUE} = 1, ${DELAYED_UNTIL} = NULL WHERE ${DELAYED_UNTIL} <= :now`,
);
