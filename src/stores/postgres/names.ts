/**
 * What the statements are made of, by the names that the migrations have given. Databases that were made with older
 * words keep them, so this is where they end: whatever is built of these names speaks of an index.
 */
export interface Names {
  /** That of the schema, in quotes. */
  schema: string;
  tasks: string;
  events: string;
  results: string;
  payloads: string;
  claims: string;
  /** The moment of the statement. */
  now: string;
  /** The key of the lock that those who listen share. */
  watchLock: string;
}

/** The names in a schema, given its own in quotes. */
export function namesIn(schema: string): Names {
  return {
    schema,
    tasks: `${schema}.tasks`,
    events: `${schema}.events`,
    results: `${schema}.results`,
    payloads: `${schema}.payloads`,
    claims: `${schema}.claims`,
    now: `(SELECT ${schema}.now_ms())`,
    watchLock: `hashtextextended('${schema} watch', 0)`,
  };
}

/** The index that a task is filed in: its status, the mode of its follow-up while that is outstanding, or "done". */
export const INDEX = "shelf";
/** By what it is sorted there: the end of its lease, or when it ended, by the clock of the database. */
export const SORTED_BY = "shelf_at";
/** The index of the user alone: the other's name, a space, and the user's key. */
export const USER_INDEX = "user_shelf";
/** Apart in their indexes are follow-ups whose session was found to have had its turns, by how many; else this is 0. */
export const TURNS = "held";

/** The index of what was set aside: nobody looks there. */
export const DAMAGED = "damaged";

/** The indexes of the unfinished tasks, which are their statuses. */
export const UNFINISHED = "('queued', 'running', 'input_required')";
