import { type FollowUpMode, isOutstanding } from "../../core/model/follow-up.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";

/** Where a task stands: see the schema. */
export interface Place {
  shelf: "pending" | "claimed" | "done" | null;
  mode: FollowUpMode | null;
  turns: number;
  ready: 1 | null;
  wakesAt: number | null;
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
  /** When a new lease ends; `null`: the old one goes on. */
  leaseEndsAt: number | null;
}

export interface KeptRow {
  kept: string;
}

/** An unfinished task stands nowhere: its place need not be read. */
export type EntryRow = KeptRow & { key: number } & Partial<Place>;

/** The columns of an {@link EntryRow}. */
export const ENTRY = "key, kept, shelf, mode, turns, ready, wakesAt";

/** Where an unfinished task stands. */
export const NOWHERE: Place = { shelf: null, mode: null, turns: 0, ready: null, wakesAt: null };

/** What a session is to a follow-up that becomes outstanding in it. */
export interface SessionState {
  turns: number;
  isClaimed: boolean;
}

export function toEntry(row: EntryRow): Entry {
  const { record, leaseMs, hasPayload, oldestSeq, logChars }: Kept = JSON.parse(row.kept);
  const { key, shelf = null, mode = null, turns = 0, ready = null, wakesAt = null } = row;
  const place = { shelf, mode, turns, ready, wakesAt };
  return { key, leaseEndsAt: null, record, leaseMs, hasPayload, oldestSeq, logChars, ...place };
}

export function toRecord({ kept }: KeptRow): TaskRecord {
  return (JSON.parse(kept) as Kept).record;
}

export function toJson({ record, leaseMs, hasPayload, oldestSeq, logChars }: Kept): string {
  return JSON.stringify({ record, leaseMs, hasPayload, oldestSeq, logChars });
}

/** Where a task stands after a write. */
export function placeOf(entry: Entry, session: () => SessionState): Place {
  const { record } = entry;
  if (!isFinished(record.status)) return NOWHERE;
  if (!isOutstanding(record.followUp)) return { ...NOWHERE, shelf: "done" };
  // A task that shall have no follow-up wakes nobody, even if it is given one.
  const mode = record.followUp.mode ?? "silent";
  if (entry.mode === null) return arrival(mode, session());
  const { shelf, turns, ready, wakesAt } = entry;
  return { shelf, mode, turns, ready, wakesAt };
}

function arrival(mode: FollowUpMode, { turns, isClaimed }: SessionState): Place {
  return { shelf: "pending", mode, turns, ready: isClaimed ? null : 1, wakesAt: null };
}
