import type { NewTaskEvent, TaskEvent } from "./events.ts";
import type { FollowUpDropReason, FollowUpMode } from "./follow-up.ts";
import type { TaskPatch } from "./lifecycle.ts";
import type { StoredResult } from "./result.ts";
import type { TaskCancel, TaskRecord, TaskScope, TaskStatus } from "./task.ts";

/** A task to be written: its record with `version` 1 and `lastSeq` 0, and its first events. */
export interface NewTask {
  record: TaskRecord;
  events: NewTaskEvent[];
}

/** Conditions that a store checks in the same atomic step as the write they guard. `null`: no limit. */
export interface Guard {
  runningPerUser: number | null;
  /** Counted for tasks that have a session. */
  runningPerSession: number | null;
  queuedPerUser: number | null;
  /** Refuses while the session has another unfinished task. */
  exclusive: boolean;
}

export type Limit = "running_per_user" | "running_per_session" | "queued_per_user" | "exclusive";
export type Inserted = { status: "inserted"; record: TaskRecord };
/** The unfinished, uncancelled task of the same user with the same `duplicateKey`. */
export type Duplicate = { status: "duplicate"; record: TaskRecord };
export type Refused = { status: "refused"; limit: Limit };

/** One transition: all of it is written, or nothing. */
export interface TaskChange {
  patch: TaskPatch;
  events: NewTaskEvent[];
  result?: StoredResult;
}

export interface ListQuery {
  status?: readonly TaskStatus[];
  limit: number;
  /** Continues after this place in the order. The task it names may be gone. */
  after?: { createdAt: number; id: string };
}

export interface RecordPage {
  records: TaskRecord[];
  more: boolean;
}

export interface EventQuery {
  /** Events with a greater `seq`. */
  after: number;
  limit: number;
}

export interface EventPage {
  events: TaskEvent[];
  /** Give this as `after` to read on. */
  nextAfter: number;
  /** True when events between `after` and the first one here are gone from the ring. */
  truncated: boolean;
}

/** What a process learns about a task of its own when it renews the lease; `owned: false`: taken over. */
export interface Renewal {
  id: string;
  owned: boolean;
  version: number;
  cancel: TaskCancel | null;
}

/** One session (`null`: the user's tasks without one) leased with all its due follow-ups. */
export interface SessionClaim {
  token: string;
  userId: string;
  sessionId: string | null;
  tasks: TaskRecord[];
}

export interface ClaimFilter {
  scope?: TaskScope;
  /** Only sessions where a follow-up of one of these modes is due; every due one of the session comes along. */
  modes?: readonly FollowUpMode[];
}

/** What became of a claimed follow-up. `release` and `defer` make it due again at `dueAt`. */
export type Settlement =
  | { type: "acknowledge" }
  | { type: "release"; dueAt: number }
  | { type: "defer"; dueAt: number }
  | { type: "drop"; reason: FollowUpDropReason };

/** How much a store keeps. `null`: no limit. */
export interface RetentionLimits {
  finishedPerUser: number | null;
  finishedTtlMs: number | null;
  followUpTtlMs: number | null;
  followUpsPerUser: number | null;
}

/** What a sweep did; `more`: call again, its limit was reached. */
export interface Sweep {
  /** Tasks whose follow-up it dropped as `expired`. */
  expired: TaskRecord[];
  evicted: number;
  more: boolean;
}

/** "Something happened to this task": a hint, to be followed by reading. */
export interface TaskHint {
  id: string;
  userId: string;
  sessionId: string | null;
  /** The `seq` of the first event that was written; one more than `lastSeq` if there was none. */
  firstSeq: number;
  lastSeq: number;
}

/** Events kept for each task; older ones make room. */
export const RING_EVENTS = 1_000;
/** Characters of event data kept for each task. */
export const RING_CHARS = 256 * 1024;

/**
 * Where tasks are kept. Small, and shaped by what real databases do in one atomic step.
 *
 * - A version guards transitions only; appending events does not touch it.
 * - A store keeps what it is given and gives out copies: nobody may change a record in place.
 * - It never calls back into the library, and may answer in any order.
 */
export interface TaskStore {
  /**
   * Writes a new task, unless an equal one runs or a limit is met: both are checked in the same step.
   * Writing an id that is already there answers `inserted` with that record, so that a write whose answer
   * was lost can be repeated. `leaseMs` is how long its owner may stay silent.
   */
  insert(task: NewTask, guard: Guard, leaseMs: number): Promise<Inserted | Duplicate | Refused>;
  get(scope: TaskScope, id: string): Promise<TaskRecord | undefined>;
  /** Newest first; of those created at the same moment, the greater id first. Never loads results. */
  list(scope: TaskScope, query: ListQuery): Promise<RecordPage>;
  /**
   * Compare-and-set on the version: the whole change or nothing. `undefined`: somebody was faster, or it is
   * gone. A change of `owner` starts a new lease, as long as the first.
   */
  transition(id: string, version: number, change: TaskChange): Promise<TaskRecord | undefined>;
  /** The transition of a queued task to running, under the running limits. */
  admit(
    id: string,
    version: number,
    change: TaskChange,
    guard: Guard,
  ): Promise<TaskRecord | Refused | undefined>;
  /**
   * Appends progress and output, numbers them, and keeps the newest progress on the record. Answers the
   * `seq` of the last one, or 0 if the task has ended or is gone and nothing was written.
   */
  append(id: string, events: NewTaskEvent[]): Promise<number>;
  events(scope: TaskScope, id: string, query: EventQuery): Promise<EventPage | undefined>;
  result(scope: TaskScope, id: string): Promise<StoredResult | undefined>;
  /** Prolongs the leases of an owner's tasks, and says what has changed. Gone tasks are left out. */
  renew(owner: string, ids: readonly string[], leaseMs: number): Promise<Renewal[]>;
  /** Unfinished tasks whose lease is over, by the store's own clock. */
  lapsed(limit: number): Promise<TaskRecord[]>;
  /** Leases one whole session with all its due follow-ups, so that no two deliveries of a session overlap. */
  claim(claimant: string, leaseMs: number, filter: ClaimFilter): Promise<SessionClaim | undefined>;
  /** Ends a claim, follow-up by follow-up. False: the claim had lapsed, and nothing was written. */
  settle(claim: SessionClaim, outcome: Record<string, Settlement>): Promise<boolean>;
  /** Applies retention, touching at most `limit` tasks. */
  sweep(retention: RetentionLimits, limit: number): Promise<Sweep>;
  /** Hints about writes, those of other processes included. Polling is the floor under them. */
  watch?(listener: (hint: TaskHint) => void): () => void;
  close(): Promise<void>;
}
