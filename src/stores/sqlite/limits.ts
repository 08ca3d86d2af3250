import type { LimitName, TaskLimits } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { Connection } from "./connection.ts";
import { IN_SESSION, IS_UNFINISHED, TASKS } from "./names.ts";
import { statement } from "./statement.ts";
import { encodeNullable, encodeText } from "./text.ts";

/** The conditions a task has to meet to come in, or to run. */
export class Limits {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The limit that keeps a new task out. */
  refuse(record: TaskRecord, limits: TaskLimits): LimitName | undefined {
    if (limits.exclusive && this.#hasUnfinished(record)) return "exclusive";
    if (record.status === "running") return this.refuseToRun(record, limits);
    return this.#mayQueue(record, limits) ? undefined : "queued_per_user";
  }

  /** The limit that keeps a task from running. */
  refuseToRun({ userId, sessionId }: TaskRecord, limits: TaskLimits): LimitName | undefined {
    const { runningPerUser, runningPerSession } = limits;
    const inSession = sessionId === null ? null : runningPerSession;
    if (runningPerUser === null && inSession === null) return undefined;
    const names = { userId: encodeText(userId), session: encodeNullable(sessionId) };
    const running = this.#connection.get(RUNNING, names);
    if (isMet(runningPerUser, running?.ofUser)) return "running_per_user";
    return isMet(inSession, running?.ofSession) ? "running_per_session" : undefined;
  }

  #hasUnfinished({ userId, sessionId }: TaskRecord): boolean {
    if (sessionId === null) return false;
    const names = { userId: encodeText(userId), session: encodeNullable(sessionId) };
    return this.#connection.get(HAS_UNFINISHED, names) !== undefined;
  }

  #mayQueue({ status, userId }: TaskRecord, { queuedPerUser }: TaskLimits): boolean {
    if (status !== "queued" || queuedPerUser === null) return true;
    const queued = this.#connection.get(QUEUED, { userId: encodeText(userId) });
    return !isMet(queuedPerUser, queued?.ofUser);
  }
}

/** A row if the session has one. The statuses are named because the index is sorted by them. */
const HAS_UNFINISHED = statement<"userId" | "session", object>(
  `SELECT 1 FROM ${TASKS} WHERE ${IN_SESSION} AND ${IS_UNFINISHED}
    AND status IN ('queued', 'running', 'input_required') LIMIT 1`,
);

/** How many tasks are queued. */
const QUEUED = statement<"userId", { ofUser: number }>(
  `SELECT count(*) AS ofUser FROM ${TASKS} WHERE userId = :userId AND status = 'queued' AND ${IS_UNFINISHED}`,
);

/** How many tasks run: all of the user's, and those of the session. */
const RUNNING = statement<"userId" | "session", { ofUser: number; ofSession: number }>(
  `SELECT count(*) AS ofUser, count(iif(session = :session, 1, NULL)) AS ofSession FROM ${TASKS}
    WHERE userId = :userId AND status = 'running' AND ${IS_UNFINISHED}`,
);

function isMet(limit: number | null, count = 0): boolean {
  return limit !== null && count >= limit;
}
