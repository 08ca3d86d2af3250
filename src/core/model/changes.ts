import type { FollowUpStatus } from "./follow-up.ts";
import type { TaskPlace, TaskStatus } from "./task.ts";

/** A task, and how far it is known. */
export interface KnownTask extends TaskPlace {
  id: string;
}

/** What somebody wants to know of one user's tasks. */
export interface ChangesQuery {
  userId: string;
  /** Tasks of which they know, each once. */
  known: readonly KnownTask[];
  /**
   * They want the user's other tasks too: all that may still change, as they have not ended or their follow-up is pending or
   * claimed, and those that have ended at this moment or later, by the store's clock. `null`: those that have ended
   * lately. Left out: only the known ones.
   */
  since?: number | null | undefined;
}

/** A task that is new, or further than it was known, and where it stands now. */
export interface ChangedTask extends KnownTask {
  sessionId: string | null;
  status: TaskStatus;
  followUp: FollowUpStatus;
  /** When it ended by the store's clock; `null`: it has not. */
  endedAt: number | null;
}

/** The answer to one query. */
export interface Changes {
  /** In no order. */
  tasks: ChangedTask[];
  /** Known tasks that are there no more, were set aside, or never were this user's. */
  gone: string[];
  /** There are more of the other tasks than the limit: ask again, with these among the known ones. */
  more: boolean;
  /** The `since` of the next query: nothing that ends after this answer ends before it. */
  next: number;
}

/**
 * Milliseconds that are lately. A write may take so long from the moment it notes to where it is seen, and a hint until it
 * is heard.
 */
export const LATELY_MS = 10_000;
