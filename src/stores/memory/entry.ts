import { lastProgress } from "../../core/model/events.ts";
import type { FollowUpMode } from "../../core/model/follow-up.ts";
import type { StoredResult } from "../../core/model/result.ts";
import type { NewTask, Payload, TaskChange } from "../../core/model/store.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import type { Link } from "../../core/values/chain.ts";
import { copyPatch, copyRecord, copyResult } from "../shared/copy.ts";
import { modeOf } from "../shared/follow-ups.ts";
import { EventLog } from "./event-log.ts";

export interface Created {
  createdAt: number;
  id: string;
}

export interface Completed {
  endedAt: number;
  id: string;
}

export interface Due {
  dueAt: number;
  endOrder: number;
}

export interface Ended {
  endedAt: number;
  endOrder: number;
}

/**
 * One task as this store keeps it. Its record is replaced by each write, never changed. What the store goes by is
 * measured by the monotonic clock; the instants of the record are for showing.
 */
export class Entry implements Created, Completed, Due, Ended, Link<Entry> {
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
  /** When it ended; 0: it has not. */
  endedAt = 0;
  /** When its follow-up is due, if it is delayed. */
  dueAt = NOT_DELAYED;
  /** Delayed because its session was busy: it comes along with whatever is claimed there. */
  isDeferred = false;
  /** Its follow-up belongs to a claim that is not over. */
  isClaimed = false;
  /** Its neighbours among the pending of its session. */
  older: Entry | undefined;
  newer: Entry | undefined;

  constructor({ record, events, input }: NewTask, leaseMs: number, clock: SteadyClock) {
    if (input !== undefined && !isFinished(record.status)) this.payload = { input, checkpoint: null };
    this.leaseMs = leaseMs;
    this.leaseEndsAt = clock.monotonic() + leaseMs;
    if (isFinished(record.status)) this.endedAt = clock.monotonic();
    this.record = copyRecord(record);
    this.append(events, record.updatedAt);
  }

  get id(): string {
    return this.record.id;
  }

  get createdAt(): number {
    return this.record.createdAt;
  }

  get idempotencyKey(): string | undefined {
    return this.record.idempotency?.key;
  }

  get isDelayed(): boolean {
    return this.dueAt !== NOT_DELAYED;
  }

  get followUpMode(): FollowUpMode {
    return modeOf(this.record.followUp);
  }

  /** Its delay is over. */
  nowDue(): void {
    this.dueAt = NOT_DELAYED;
  }

  /** Writes a transition. */
  change({ patch, events, result }: TaskChange, clock: SteadyClock): void {
    const wasFinished = isFinished(this.record.status);
    Object.assign(this.record, copyPatch(patch));
    this.record.version += 1;
    if (result !== undefined) this.result = copyResult(result);
    if (isFinished(this.record.status)) this.payload = undefined;
    if (!wasFinished && isFinished(this.record.status)) this.endedAt = clock.monotonic();
    if (patch.owner != null) this.leaseEndsAt = clock.monotonic() + this.leaseMs;
    this.append(events, clock.now());
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

const NOT_DELAYED = Number.NEGATIVE_INFINITY;

/** Oldest first, ties by id in the order of UTF-16 code units. */
export function byCreation(one: Created, other: Created): number {
  return one.createdAt - other.createdAt || compareIds(one.id, other.id);
}

/** The one that ended first comes first, ties by id in the order of UTF-16 code units. */
export function byCompletion(one: Completed, other: Completed): number {
  return one.endedAt - other.endedAt || compareIds(one.id, other.id);
}

/**
 * The one that ended first comes first, ties in the order in which they were written. For lists of all users, where ties
 * are many and nobody asks for their ids.
 */
export function byEnd(one: Ended, other: Ended): number {
  return one.endedAt - other.endedAt || one.endOrder - other.endOrder;
}

/** The one that is due first comes first. */
export function byDue(one: Due, other: Due): number {
  return one.dueAt - other.dueAt || one.endOrder - other.endOrder;
}

function compareIds(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
