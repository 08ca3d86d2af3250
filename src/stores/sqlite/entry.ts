import { type FollowUpMode, isOutstanding } from "../../core/model/follow-up.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import { modeOf } from "../shared/follow-ups.ts";
import { CONTENT, CONTENTS, DELAYED_UNTIL, ENDED_AT, INDEX, IS_DUE, TASKS } from "./names.ts";

/** The index that a task is filed in, and its place there: see the schema. */
export interface Place {
  index: "unfinished" | "pending" | "claimed" | "done";
  mode: FollowUpMode | null;
  turns: number;
  isDue: 1 | null;
  delayedUntil: number | null;
}

/** What is kept of a task as JSON: nothing is found by it. */
export interface Kept {
  record: TaskRecord;
  leaseMs: number;
  /** Whether it may have an input and a checkpoint. */
  hasPayload: boolean;
  oldestSeq: number;
  logChars: number;
  /** Whether there must be a result. Earlier versions did not say. */
  hasResult: boolean;
}

/** One task as this store keeps it. */
export interface Entry extends Kept, Place {
  key: number;
  /** When it ended, by the time of the file; 0: it has not. */
  endedAt: number;
  /** When a new lease ends; `null`: the old one goes on. */
  leaseEndsAt: number | null;
}

/** What it takes to read a record. */
export interface RecordRow {
  key: number;
  id: string;
  userId: string;
  session: string;
  kept: string;
  index: Place["index"] | "damaged";
}

/** The place of an unfinished task need not be read: there is but one. */
export type EntryRow = RecordRow &
  Partial<Omit<Place, "index">> & { endedAt?: number; isWithoutResult?: number };

/** The columns of a {@link RecordRow}. */
export const RECORD = `key, id, userId, session, kept, ifnull(${INDEX}, 'unfinished') AS "index"`;

/** The columns of an {@link EntryRow}. */
export const ENTRY = `${RECORD}, ${ENDED_AT} AS endedAt, mode, turns, ${IS_DUE} AS isDue,
  ${DELAYED_UNTIL} AS delayedUntil,
  NOT EXISTS (SELECT 1 FROM ${CONTENTS} WHERE task = ${TASKS}.key AND ${CONTENT} = 0) AS isWithoutResult`;

export const UNFINISHED: Place = {
  index: "unfinished",
  mode: null,
  turns: 0,
  isDue: null,
  delayedUntil: null,
};

/** What a session is to a follow-up that becomes outstanding in it. */
export interface SessionState {
  turns: number;
  isClaimed: boolean;
}

export function toJson({ record, leaseMs, hasPayload, oldestSeq, logChars, hasResult }: Kept): string {
  return JSON.stringify({ record, leaseMs, hasPayload, oldestSeq, logChars, hasResult });
}

/** Where a task is filed after a write. */
export function placeOf(entry: Entry, session: () => SessionState): Place {
  const { record } = entry;
  if (!isFinished(record.status)) return UNFINISHED;
  if (!isOutstanding(record.followUp)) return { ...UNFINISHED, index: "done" };
  const mode = modeOf(record.followUp);
  if (entry.mode === null) return arrival(mode, session());
  const { index, turns, isDue, delayedUntil } = entry;
  return { index, mode, turns, isDue, delayedUntil };
}

function arrival(mode: FollowUpMode, { turns, isClaimed }: SessionState): Place {
  return { index: "pending", mode, turns, isDue: isClaimed ? null : 1, delayedUntil: null };
}
