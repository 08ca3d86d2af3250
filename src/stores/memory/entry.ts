import { lastProgress } from "../../core/model/events.ts";
import type { FollowUpMode } from "../../core/model/follow-up.ts";
import type { StoredResult } from "../../core/model/result.ts";
import type { NewTask, Payload, TaskChange } from "../../core/model/store.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import { copyPatch, copyRecord, copyResult } from "../shared/copy.ts";
import { EventLog } from "./event-log.ts";

export interface Created {
  createdAt: number;
  id: string;
}

export interface Completed {
  completedAt: number;
  id: string;
}

export interface Ended {
  completedAt: number;
  endOrder: number;
}

/** One task as this store keeps it. Its record is replaced by each write, never changed. */
export class Entry implements Created, Completed, Ended {
  /** The store's own: it changes in place, and only copies of it leave. */
  readonly record: TaskRecord;
  result: StoredResult | undefined;
  /** Until it has ended. */
  payload: Payload | undefined;
  readonly log = new EventLog();
  /** Grows from each task that ends to the next. */
  endOrder = 0;
  readonly leaseMs: number;
  leaseEndsAt: number;
  /** When its follow-up is due: until then it is delayed. */
  dueAt = 0;
  /** Delayed because its session was busy: it comes along with whatever is claimed there. */
  isDeferred = false;
  /** Its follow-up belongs to a claim that is not over. */
  isClaimed = false;

  constructor({ record, events, input }: NewTask, leaseMs: number, now: number) {
    if (input !== undefined && !isFinished(record.status)) this.payload = { input, checkpoint: null };
    this.leaseMs = leaseMs;
    this.leaseEndsAt = now + leaseMs;
    this.record = copyRecord(record);
    this.append(events, record.updatedAt);
  }

  get id(): string {
    return this.record.id;
  }

  get createdAt(): number {
    return this.record.createdAt;
  }

  get completedAt(): number {
    return this.record.completedAt ?? 0;
  }

  /** A task that shall have no follow-up wakes nobody, even if it is given one. */
  get followUpMode(): FollowUpMode {
    return this.record.followUp.mode ?? "silent";
  }

  /** Writes a transition. */
  change({ patch, events, result }: TaskChange, now: number): void {
    Object.assign(this.record, copyPatch(patch));
    this.record.version += 1;
    if (result !== undefined) this.result = copyResult(result);
    if (isFinished(this.record.status)) this.payload = undefined;
    if (patch.owner != null) this.leaseEndsAt = now + this.leaseMs;
    this.append(events, now);
  }

  /** Logs events without a transition. */
  append(events: TaskChange["events"], now: number): void {
    const progress = lastProgress(events);
    if (progress !== undefined) this.record.progress = { ...progress };
    this.record.lastSeq += events.length;
    this.record.updatedAt = now;
    this.log.append(events);
  }
}

/** Oldest first, ties by id in the order of UTF-16 code units. */
export function byCreation(one: Created, other: Created): number {
  return one.createdAt - other.createdAt || compareIds(one.id, other.id);
}

/** The one that ended first comes first, ties by id in the order of UTF-16 code units. */
export function byCompletion(one: Completed, other: Completed): number {
  return one.completedAt - other.completedAt || compareIds(one.id, other.id);
}

/**
 * The one that ended first comes first, ties in the order in which they were written. For lists of all users, where ties
 * are many and nobody asks for their ids.
 */
export function byEnd(one: Ended, other: Ended): number {
  return one.completedAt - other.completedAt || one.endOrder - other.endOrder;
}

function compareIds(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
