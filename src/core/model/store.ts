import type { Changes, ChangesQuery } from "./changes.ts";
import type { NewTaskEvent, TaskEvent } from "./events.ts";
import type { FollowUpMode, FollowUpStatus } from "./follow-up.ts";
import type { TaskPatch } from "./lifecycle.ts";
import type { StoredResult } from "./result.ts";
import type {
  ClaimFilter,
  ClaimKey,
  Held,
  Hold,
  Prolonged,
  SessionClaim,
  SessionHint,
  SessionKey,
  Settlements,
  TurnBy,
} from "./session-claim.ts";
import type { TaskCancel, TaskRecord, TaskScope, TaskStatus } from "./task.ts";

/** Names a task. The user is part of it, for stores that keep each user's tasks in a place of their own. */
export interface TaskKey {
  userId: string;
  id: string;
}

/**
 * A task to be written: its record with `version` 1 and `lastSeq` 0, and its first events. One that a store has lost
 * is written anew as it was: its version stays, and its events go on after its `lastSeq`.
 */
export interface NewTask {
  record: TaskRecord;
  events: NewTaskEvent[];
  /** The call as JSON, if its tool may have to be started again. */
  input?: string | undefined;
}

/** What it takes to start a tool again, as JSON. Kept beside the record, until the task ends. */
export interface Payload {
  input: string;
  /** What the tool last kept for itself. */
  checkpoint: string | null;
}

/** Limits that a store checks in the same atomic step as the write. `null`: no limit. */
export interface TaskLimits {
  runningPerUser: number | null;
  /** Counted for tasks that have a session. */
  runningPerSession: number | null;
  queuedPerUser: number | null;
  /** Refuses while the session has another unfinished task. */
  exclusive: boolean;
}

export const NO_LIMITS: TaskLimits = {
  runningPerUser: null,
  runningPerSession: null,
  queuedPerUser: null,
  exclusive: false,
};

export type LimitName = "running_per_user" | "running_per_session" | "queued_per_user" | "exclusive";
export type Inserted = { status: "inserted"; record: TaskRecord };
/** The unfinished, uncancelled task of the same user with the same `duplicateKey`. */
export type Duplicate = { status: "duplicate"; record: TaskRecord };
/** The task of the same user, finished or not, with the same idempotency key, whatever it was asked to do. */
export type Repeated = { status: "repeated"; record: TaskRecord };
export type Refused = { status: "refused"; limit: LimitName };
export type Insertion = Inserted | Repeated | Duplicate | Refused;

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
  /** The task's status after the write. */
  status: TaskStatus;
  /** Where its follow-up stands after the write. */
  followUp: FollowUpStatus;
}

export type StoreHint = TaskHint | SessionHint;

/** The hint of a write whose first event has this number. */
export function hintOf(record: TaskRecord, firstSeq: number): TaskHint {
  const { id, userId, sessionId, lastSeq, status, followUp } = record;
  return { id, userId, sessionId, firstSeq, lastSeq, status, followUp: followUp.status };
}

/** A record that a store cannot read, or of which parts are missing. */
export interface Damage {
  /** Whose it is; `null`: that cannot be known any more. */
  userId: string | null;
  taskId: string | null;
  /** Where it stands: a key, or a table and a row. */
  place: string;
  reason: string;
}

/** Whether a store has rejected since what was asked for is damaged: then its error has the `damage`. */
export function isDamaged(error: unknown): boolean {
  return error instanceof Error && "damage" in error;
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
 * - It notes by its own clock when a task has ended: age, order and retention go by that. `completedAt`, which a
 *   process writes, is only shown, since clocks of processes are set, and differ.
 * - It never calls back into the library, and may answer in any order.
 * - One record that it cannot read stops nobody else's: see {@link TaskStore.onDamage}.
 */
export interface TaskStore {
  /**
   * Whether other processes may see it. Only then leases are renewed, and what others have left is looked
   * for; a store that is not shared serves one manager.
   */
  readonly isShared: boolean;
  /**
   * Writes a new task, unless it was asked for before, an equal one runs or a limit is met: all is checked in the same
   * step, and in this order. An idempotency key is taken for as long as its task is kept; a damaged one has none.
   * Writing an id that is already there answers `inserted` with that record, so that a write whose answer
   * was lost can be repeated. `leaseMs` is how long its owner may stay silent.
   */
  insert(task: NewTask, limits: TaskLimits, leaseMs: number): Promise<Insertion>;
  get(scope: TaskScope, id: string): Promise<TaskRecord | undefined>;
  /** Newest first; of those created at the same moment, the greater id first. Never loads results. */
  list(scope: TaskScope, query: ListQuery): Promise<RecordPage>;
  /**
   * Compare-and-set on the version: the whole change or nothing. `undefined`: somebody was faster, or it is
   * gone. A change of `owner` starts a new lease, as long as the first.
   */
  transition(task: TaskKey, version: number, change: TaskChange): Promise<TaskRecord | undefined>;
  /** The transition of a queued task to running, under the running limits. */
  admit(
    task: TaskKey,
    version: number,
    change: TaskChange,
    limits: TaskLimits,
  ): Promise<TaskRecord | Refused | undefined>;
  /**
   * Appends progress and output, numbers them, and keeps the newest progress on the record. Answers the
   * `seq` of the last one. 0, and nothing is written: the task has ended, is gone, or has another owner.
   */
  append(task: TaskKey, owner: string, events: NewTaskEvent[]): Promise<number>;
  events(scope: TaskScope, id: string, query: EventQuery): Promise<EventPage | undefined>;
  result(scope: TaskScope, id: string): Promise<StoredResult | undefined>;
  /**
   * What has changed, for those who may have missed a hint; an answer for each query, in order. It is asked every second
   * while anybody watches, for all of them at once, so it is one round trip, and finds tasks by indexes of their users.
   * `limit` is how many other tasks an answer may have. It may tell too much, as long as an end comes to that.
   */
  changes(queries: readonly ChangesQuery[], limit: number): Promise<Changes[]>;
  /**
   * Replaces the checkpoint of an unfinished task. False, and nothing is written: it was inserted without an
   * input, has ended, is gone, or has another owner.
   */
  checkpoint(task: TaskKey, owner: string, checkpoint: string): Promise<boolean>;
  /** What an unfinished task was inserted with, and its checkpoint. */
  payload(task: TaskKey): Promise<Payload | undefined>;
  /** Prolongs the leases of an owner's tasks, and says what has changed. Gone tasks are left out. */
  renew(owner: string, tasks: readonly TaskKey[], leaseMs: number): Promise<Renewal[]>;
  /** Unfinished tasks whose lease is over, by the store's own clock. */
  lapsed(limit: number): Promise<TaskRecord[]>;
  /**
   * Leases one whole session, so that no two deliveries of a session overlap; of several, the one whose
   * follow-up has waited longest. A claim that is neither settled nor prolonged ends with its lease.
   */
  claim(claimant: string, leaseMs: number, filter: ClaimFilter): Promise<SessionClaim | undefined>;
  /**
   * Leases a session for a turn that needs nothing to wait there. A user's counts its turns from 0. Where somebody has
   * it already, says who.
   */
  hold(claimant: string, leaseMs: number, session: SessionKey, hold: Hold): Promise<SessionClaim | Held>;
  /**
   * Takes into a claim what is pending in its session by now, if anything of these modes is, by the terms of how it was
   * made. `undefined`: the claim had lapsed.
   */
  extend(
    claim: ClaimKey,
    modes: readonly FollowUpMode[],
    maxHolds: number,
  ): Promise<TaskRecord[] | undefined>;
  /** Begins a claim's lease anew. `undefined`: it had lapsed. */
  prolong(claim: ClaimKey, leaseMs: number): Promise<Prolonged | undefined>;
  /**
   * Settles a claim, follow-up by follow-up, and ends it; one that is not named is deferred. With `keep` it goes on, and
   * only those named are settled. Answers the records it has changed; `undefined`: the claim had lapsed, and nothing was
   * written.
   */
  settle(claim: ClaimKey, outcome: Settlements, keep?: boolean): Promise<TaskRecord[] | undefined>;
  /**
   * Asks whoever has a session to stop: `prolong` tells them. `only`: a turn of that kind. False: nobody has it, or a
   * turn of another kind.
   */
  stopTurn(session: SessionKey, reason: string, only: TurnBy | null): Promise<boolean>;
  /** Counts the turns of a session from 0 again. */
  resetTurns(session: SessionKey): Promise<void>;
  /**
   * Applies retention, touching at most `limit` tasks. It also forgets the turns of a session in which none
   * was counted for `finishedTtlMs`.
   */
  sweep(retention: RetentionLimits, limit: number): Promise<Sweep>;
  /**
   * Calls `listener` for each record that turns out to be unreadable, or to lack parts. What meets one while it looks
   * for others (`claim`, `lapsed`, `list`, `renew`, `sweep`) sets it aside, so that no index or queue leads to it any
   * more; tells of it, once; and goes on with the rest. What is left of it stays where it is, for the operator to look
   * at. `get`, `events` and `result` of such a task reject with an error that has the `damage`: half a record is never
   * answered as a whole one. An `insert` of its id may write it anew. Returns how to stop listening.
   */
  onDamage?(listener: (damage: Damage) => void): () => void;
  /**
   * Hints about writes and turns, those of other processes included. Polling is the floor under them. What comes from outside
   * of the process goes through `parseHint` first: anybody may have written it. `missed` is called whenever hints come
   * again after a while without: once it has subscribed, where that takes time, and again after its connection was cut.
   */
  watch?(listener: (hint: StoreHint) => void, missed?: () => void): () => void;
  close(): Promise<void>;
}
