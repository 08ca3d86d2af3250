import { type FollowUpMode, isOutstanding } from "../../core/model/follow-up.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import { modeOf } from "../shared/follow-ups.ts";
import { DELAYED_UNTIL, ENDED_AT, INDEX, IS_DUE } from "./names.ts";

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
}

/** One task as this store keeps it. */
export interface Entry extends Kept, Place {
  key: number;
  /** When it ended, by the time of the file; 0: it has not. */
  endedAt: number;
  /** When a new lease ends; `null`: the old one goes on. */
  leaseEndsAt: number | null;
}

export interface KeptRow {
  kept: string;
}

/** The place of an unfinished task need not be read: there is but one. */
export type EntryRow = KeptRow & { key: number; endedAt?: number } & Partial<Place>;

/** The columns of an {@link EntryRow}. */
export const ENTRY = `key, kept, ${ENDED_AT} AS endedAt, ifnull(${INDEX}, 'unfinished') AS "index", mode, turns,
  ${IS_DUE} AS isDue, ${DELAYED_UNTIL} AS delayedUntil`;

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

export function toEntry(row: EntryRow): Entry {
  const { record, leaseMs, hasPayload, oldestSeq, logChars }: Kept = JSON.parse(row.kept);
  const {
    key,
    endedAt = 0,
    index = "unfinished",
    mode = null,
    turns = 0,
    isDue = null,
    delayedUntil = null,
  } = row;
  const place = { index, mode, turns, isDue, delayedUntil };
  return { key, endedAt, leaseEndsAt: null, record, leaseMs, hasPayload, oldestSeq, logChars, ...place };
}

export function toRecord({ kept }: KeptRow): TaskRecord {
  return (JSON.parse(kept) as Kept).record;
}

export function toJson({ record, leaseMs, hasPayload, oldestSeq, logChars }: Kept): string {
  return JSON.stringify({ record, leaseMs, hasPayload, oldestSeq, logChars });
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
