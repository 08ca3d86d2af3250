import { deadlineError, type Execution } from "../calls/execution.ts";
import { isOutstanding } from "../model/follow-up.ts";
import { type LifecycleEvent, transition } from "../model/lifecycle.ts";
import type { TaskErrorCode, TaskRecord } from "../model/task.ts";
import type { Redact } from "../values/redact.ts";
import { describeError } from "../values/summary.ts";

/**
 * How a task ends, given how its tool stands. Whoever has had the value or the error of the call already
 * gets no follow-up of it.
 */
export function endingsOf(
  record: TaskRecord,
  execution: Execution,
  isShutDown: boolean,
  isUnbegun: boolean,
  redact: Redact | undefined,
  now: number,
): LifecycleEvent[] {
  const end = endingOf(record, execution, isShutDown, isUnbegun, redact);
  const isKnown = execution.wasReturned && !execution.wasOffloaded;
  return isKnown ? knownEnd(record, end, now) : [end];
}

/** The end of a task that its caller has been told of: its follow-up, if there is one, is dropped with it. */
export function knownEnd(record: TaskRecord, end: LifecycleEvent, now: number): LifecycleEvent[] {
  const step = transition(record, end, now);
  const hasFollowUp = step.ok && step.patch.followUp !== undefined && isOutstanding(step.patch.followUp);
  return hasFollowUp ? [end, { type: "follow_up.dropped", reason: "returned" }] : [end];
}

/** A cancel on record comes first: stopping never reads as a completion. */
function endingOf(
  { cancel }: TaskRecord,
  execution: Execution,
  isShutDown: boolean,
  isUnbegun: boolean,
  redact: Redact | undefined,
): LifecycleEvent {
  const { outcome } = execution;
  if (cancel) {
    const mayStillRun = outcome === undefined && !isUnbegun;
    return { type: "task.cancelled", by: cancel.by, reason: cancel.reason, mayStillRun };
  }
  if (execution.isExpired)
    return failed("deadline_exceeded", describeError(deadlineError(execution), redact));
  if (outcome === undefined || (isShutDown && !outcome.ok)) {
    return failed("shutdown", "The manager was closed before the tool had finished.");
  }
  if (outcome.ok) return { type: "task.completed" };
  return failed("tool_error", describeError(outcome.error, redact));
}

function failed(code: TaskErrorCode, message: string): LifecycleEvent {
  return { type: "task.failed", error: { code, message } };
}
