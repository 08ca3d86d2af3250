/**
 * What is kept where, by the names that the schema has given: see schema.ts. Files that were made with older words
 * keep them, so this is where they end: whatever is built of these names speaks of an index, of follow-ups that are
 * due or delayed, and of contents.
 */
export const META = "offload_meta";
export const TASKS = "offload_tasks";
/** How many tasks of each user an index has. */
export const INDEX_COUNTS = "offload_shelves";
export const CONTENTS = "offload_parts";
export const SESSIONS = "offload_sessions";
export const WAITS = "offload_waits";
/** Why which tasks are set aside. */
export const DAMAGED = "offload_damaged";
export const HINTS = "offload_hints";
export const WATCHERS = "offload_watchers";

/** The index that a task is filed in; NULL: that of the unfinished ones. */
export const INDEX = "shelf";
/** The duplicate key of a task, while it has not ended and no cancel was asked for. */
export const DUPLICATE_KEY = "liveKey";
/** 1: the follow-up is due, and its session is free. */
export const IS_DUE = "ready";
/** Until when the follow-up is delayed, where its session is free. */
export const DELAYED_UNTIL = "wakesAt";
/** When the task has ended, by the time of the file; what its process says of that is in its record. */
export const ENDED_AT = "completedAt";
/** Which of a task's contents it is. */
export const CONTENT = "part";

/** Where tasks are found: by which of SQLite's indexes. */
export const TASKS_BY = {
  user: `${TASKS} INDEXED BY offload_tasks_of_user`,
  session: `${TASKS} INDEXED BY offload_tasks_of_session`,
  unfinished: `${TASKS} INDEXED BY offload_tasks_unfinished`,
  lease: `${TASKS} INDEXED BY offload_tasks_leased`,
  end: `${TASKS} INDEXED BY offload_tasks_ended`,
  endOfDone: `${TASKS} INDEXED BY offload_tasks_done`,
  outstanding: `${TASKS} INDEXED BY offload_tasks_outstanding`,
  due: `${TASKS} INDEXED BY offload_tasks_ready`,
};

/** Nothing leads to a damaged task but its id. */
export const IS_NOT_ASIDE = `${INDEX} IS NOT 'damaged'`;

export const IS_UNFINISHED = `${INDEX} IS NULL`;

export const IN_SESSION = "userId = :userId AND session = :session";

/** The tasks of a session whose follow-up is outstanding, that is pending or claimed. */
export const OUTSTANDING_IN_SESSION = `${IN_SESSION} AND mode IS NOT NULL`;

/** A condition: somebody waits for the session of a row. */
export function isAwaited(row: string): string {
  return `EXISTS (SELECT 1 FROM ${WAITS} AS w
    WHERE w.userId = ${row}.userId AND w.session = ${row}.session AND w.until > :now)`;
}
