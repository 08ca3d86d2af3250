import type { NewTaskEvent, TaskEventBody } from "./events.ts";
import { type FollowUpDropReason, isOutstanding, type StoredFollowUp } from "./follow-up.ts";
import type { CancelledBy, TaskCancel, TaskError, TaskRecord, TaskStatus } from "./task.ts";

/** What may happen to a task and changes its status or its follow-up. */
export type LifecycleEvent =
  | { type: "task.started"; owner: string; deadlineAt: number | null }
  /** The process that had it is gone; a running tool is started again. */
  | { type: "task.taken_over"; owner: string }
  | { type: "task.cancel_requested"; by: CancelledBy; reason: string | null }
  | { type: "task.completed" }
  | { type: "task.failed"; error: TaskError }
  | { type: "task.cancelled"; by: CancelledBy; reason: string | null; mayStillRun: boolean }
  | { type: "follow_up.dropped"; reason: FollowUpDropReason };

/** The fields a transition may change. */
export type TaskPatch = Partial<
  Pick<
    TaskRecord,
    "status" | "startedAt" | "completedAt" | "deadlineAt" | "error" | "cancel" | "followUp" | "owner" | "runs"
  >
>;

/** The reason on record when the turn's abort cancelled a task. */
export const TURN_ABORTED = "The turn was aborted.";

export type Refusal = "wrong_status" | "cancel_requested" | "no_follow_up";
export type Transition = { ok: true; patch: TaskPatch } | { ok: false; refusal: Refusal };

const UNFINISHED: readonly TaskStatus[] = ["queued", "running", "input_required"];
const FINISHED: readonly TaskStatus[] = ["completed", "failed", "cancelled"];

/** In which status each event may happen. */
const ALLOWED: Record<LifecycleEvent["type"], readonly TaskStatus[]> = {
  "task.started": ["queued"],
  "task.taken_over": ["queued", "running"],
  "task.cancel_requested": UNFINISHED,
  "task.completed": ["running", "input_required"],
  "task.failed": UNFINISHED,
  "task.cancelled": UNFINISHED,
  "follow_up.dropped": FINISHED,
};

/** Once a cancel is on record, `cancelled` is the only way to end: stopping never reads as a completion. */
const REFUSED_AFTER_CANCEL: readonly LifecycleEvent["type"][] = [
  "task.started",
  "task.taken_over",
  "task.cancel_requested",
  "task.completed",
  "task.failed",
];

/** The one transition table: what `event` makes of `record`, or why it cannot happen. Pure. */
export function transition(record: TaskRecord, event: LifecycleEvent, now: number): Transition {
  if (!ALLOWED[event.type].includes(record.status)) return { ok: false, refusal: "wrong_status" };
  if (record.cancel !== null && REFUSED_AFTER_CANCEL.includes(event.type)) {
    return { ok: false, refusal: "cancel_requested" };
  }
  if (event.type === "follow_up.dropped" && !isOutstanding(record.followUp)) {
    return { ok: false, refusal: "no_follow_up" };
  }
  return { ok: true, patch: patchFor(record, event, now) };
}

/** What a store is to write for some events, which happen as one step, all or none; `undefined` where they cannot. */
export function changeFor(
  record: TaskRecord,
  events: readonly LifecycleEvent[],
  now: number,
): { patch: TaskPatch; events: NewTaskEvent[] } | undefined {
  const step = transitions(record, events, now);
  return step.ok
    ? { patch: step.patch, events: events.flatMap((event) => logged(event, record, now)) }
    : undefined;
}

/** The end of a task that its caller has been told of: its follow-up, if there is one, is dropped with it. */
export function endWithoutFollowUp(record: TaskRecord, end: LifecycleEvent, now: number): LifecycleEvent[] {
  const step = transition(record, end, now);
  const hasFollowUp = step.ok && step.patch.followUp !== undefined && isOutstanding(step.patch.followUp);
  return hasFollowUp ? [end, { type: "follow_up.dropped", reason: "returned" }] : [end];
}

function transitions(record: TaskRecord, events: readonly LifecycleEvent[], now: number): Transition {
  let before = record;
  let patch: TaskPatch = {};
  for (const event of events) {
    const step = transition(before, event, now);
    // Most steps are one event: then nothing is copied.
    if (!step.ok || events.length === 1) return step;
    patch = { ...patch, ...step.patch };
    before = { ...record, ...patch };
  }
  return { ok: true, patch };
}

/** What the log says of a lifecycle event: what guards the transition stays out, and who waits was not started. */
function logged(event: LifecycleEvent, { status }: TaskRecord, at: number): NewTaskEvent[] {
  const isTakenOver = event.type === "task.taken_over";
  if (isTakenOver && status === "queued") return [];
  const body: TaskEventBody = isTakenOver || event.type === "task.started" ? { type: "task.started" } : event;
  return [{ at, ...body }];
}

function patchFor(record: TaskRecord, event: LifecycleEvent, now: number): TaskPatch {
  switch (event.type) {
    case "task.started":
      return {
        status: "running",
        startedAt: now,
        runs: record.runs + 1,
        owner: event.owner,
        deadlineAt: event.deadlineAt,
      };
    case "task.taken_over":
      return { owner: event.owner, runs: record.status === "queued" ? record.runs : record.runs + 1 };
    case "task.cancel_requested":
      return { cancel: { at: now, by: event.by, reason: event.reason } };
    case "task.completed":
      return { status: "completed", ...ended(record, now) };
    case "task.failed":
      return { status: "failed", error: event.error, ...ended(record, now) };
    case "task.cancelled": {
      const cancel = record.cancel ?? { at: now, by: event.by, reason: event.reason };
      return { status: "cancelled", cancel, ...ended({ ...record, cancel }, now) };
    }
    case "follow_up.dropped":
      return { followUp: { ...record.followUp, status: "dropped", reason: event.reason } };
  }
}

function ended(record: TaskRecord, now: number): TaskPatch {
  return { completedAt: now, followUp: followUpAtEnd(record.followUp, record.cancel) };
}

/**
 * What the model stopped it knows about; what the user or the turn stopped wakes nobody, but the next turn
 * learns of it.
 */
function followUpAtEnd(followUp: StoredFollowUp, cancel: TaskCancel | null): StoredFollowUp {
  if (followUp.mode === null || cancel?.by === "model") return followUp;
  const silent = cancel?.by === "user" || cancel?.by === "turn";
  return { ...followUp, status: "pending", mode: silent ? "silent" : followUp.mode };
}
