import type { FollowUpStatus, StoredFollowUp } from "./follow-up.ts";

/** Whose a task is. With a `sessionId` it is narrowed to that session; `agentId` is a label, not a boundary. */
export interface TaskScope {
  userId: string;
  sessionId?: string | undefined;
  agentId?: string | undefined;
}

/** `input_required` is reserved. */
export type TaskStatus = "queued" | "running" | "input_required" | "completed" | "failed" | "cancelled";
export type TaskErrorCode =
  | "tool_error"
  | "deadline_exceeded"
  | "lost"
  | "shutdown"
  | "input_invalid"
  | "tool_unknown";
export type CancelledBy = "user" | "model" | "host" | "turn";

export const TASK_STATUSES = [
  "queued",
  "running",
  "input_required",
  "completed",
  "failed",
  "cancelled",
] as const satisfies readonly TaskStatus[];

export interface TaskError {
  code: TaskErrorCode;
  /** At most 512 code points, redacted, one line. */
  message: string;
}

export interface TaskProgress {
  value?: number | undefined;
  total?: number | undefined;
  message?: string | undefined;
}

export interface TaskCancel {
  /** When it was asked for. */
  at: number;
  by: CancelledBy;
  reason: string | null;
}

/** A task as hosts, clients and pages see it: plain JSON. */
export interface TaskInfo {
  /** Unguessable; the only id of a task, everywhere. */
  id: string;
  toolName: string;
  toolCallId: string;
  sessionId: string | null;
  agentId: string | null;
  /** At most 128 code points, redacted, one line. */
  summary: string;
  status: TaskStatus;
  /** 1 to 10; 10 goes first. */
  priority: number;
  /** When it became a task. All instants are epoch milliseconds. */
  createdAt: number;
  /** When its tool was called: for an offloaded call that is before `createdAt`. */
  startedAt: number | null;
  /** When it last changed. */
  updatedAt: number;
  completedAt: number | null;
  /** When it is ended as `failed` / `deadline_exceeded`; `null`: never. */
  deadlineAt: number | null;
  progress: TaskProgress | null;
  error: TaskError | null;
  cancel: TaskCancel | null;
  followUp: { status: FollowUpStatus; attempts: number; reason: string | null };
  /** The host's own, small, JSON; comes back with every follow-up. */
  metadata: Record<string, unknown> | null;
  /** The `seq` of its newest event. */
  lastSeq: number;
  /**
   * Grows by one with each change of its status or follow-up. Reports move `lastSeq` alone, and a claim of its follow-up
   * this alone: of two states of a task the newer has the greater `version`, or the same and the greater `lastSeq`.
   */
  version: number;
}

/** A task as a store keeps it: the public part and what guards it. Plain JSON, never changed in place. */
export interface TaskRecord extends Omit<TaskInfo, "followUp"> {
  userId: string;
  /** The process that runs it. */
  owner: string | null;
  /** How often its tool was started. */
  runs: number;
  /**
   * Random. The marker of a message that tells of this task carries it, so that nobody else can say that it was told.
   * Who is not handed the follow-up never sees it. Tasks of 0.1.0 have none.
   */
  word?: string | undefined;
  /** Digest under which a second, equal call joins this one; unique among a user's unfinished tasks. */
  duplicateKey: string | null;
  /** Under which it was asked for, and is found for as long as it is kept. Others, and those of 0.1.0, have none. */
  idempotency?: Idempotency | undefined;
  followUp: StoredFollowUp;
}

/** What makes asking for a task again harmless. */
export interface Idempotency {
  /** Unique among a user's tasks, finished ones included. */
  key: string;
  /** Of what was asked for: another one under the same key is another wish, and a mistake. */
  digest: string;
}

/** How a task ended. A range answers a slice of the kept text instead of the value: see `result()`. */
export type TaskResult =
  | { status: "completed"; value: unknown; truncated: null; lossy: string[] }
  | {
      status: "completed";
      value: { head: string; tail: string };
      truncated: TruncatedResult;
      lossy: string[];
    }
  | { status: "failed"; error: TaskError }
  | { status: "cancelled"; by: CancelledBy; reason: string | null };

/** How large a result was before it was cut. */
export interface TruncatedResult {
  /** Of UTF-8. */
  bytes: number;
  /** It was larger: no more of it was looked at. */
  atLeast?: true | undefined;
}

/** True when a task in this status will never change its status again. */
export function isFinished(status: TaskStatus): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** The public part of a record. */
export function toTaskInfo(record: TaskRecord): TaskInfo {
  const { status, attempts, reason } = record.followUp;
  return {
    id: record.id,
    toolName: record.toolName,
    toolCallId: record.toolCallId,
    sessionId: record.sessionId,
    agentId: record.agentId,
    summary: record.summary,
    status: record.status,
    priority: record.priority,
    createdAt: record.createdAt,
    startedAt: record.startedAt,
    updatedAt: record.updatedAt,
    completedAt: record.completedAt,
    deadlineAt: record.deadlineAt,
    progress: record.progress && { ...record.progress },
    error: record.error && { ...record.error },
    cancel: record.cancel && { ...record.cancel },
    followUp: { status, attempts, reason },
    metadata: record.metadata && structuredClone(record.metadata),
    lastSeq: record.lastSeq,
    version: record.version,
  };
}

/** Whether one state of a task is newer than another of the same task. */
export function isNewer(one: TaskPlace, other: TaskPlace): boolean {
  return one.version > other.version || (one.version === other.version && one.lastSeq > other.lastSeq);
}

/** How far a task has come. */
export type TaskPlace = Pick<TaskInfo, "version" | "lastSeq">;

/** The scope a record belongs to. */
export function scopeOf(record: TaskRecord): TaskScope {
  const scope: TaskScope = { userId: record.userId };
  if (record.sessionId !== null) scope.sessionId = record.sessionId;
  if (record.agentId !== null) scope.agentId = record.agentId;
  return scope;
}

/** Whether a record may be seen from a scope. */
export function inScope(record: TaskRecord, scope: TaskScope): boolean {
  return (
    record.userId === scope.userId && (scope.sessionId === undefined || record.sessionId === scope.sessionId)
  );
}
