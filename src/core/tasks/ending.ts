import { deadlineError } from "../calls/execution.ts";
import type { RunningCall } from "../calls/running-calls.ts";
import { endWithoutFollowUp, type LifecycleEvent } from "../model/lifecycle.ts";
import type { TaskErrorCode, TaskRecord } from "../model/task.ts";
import type { Redact } from "../values/redact.ts";
import { describeError } from "../values/summary.ts";
import type { Kept } from "./kept-result.ts";

/** How this process lets a task end before its tool has. */
export interface Ending {
  isShutDown: boolean;
  /** The tool was told to stop before it was called. */
  isUnbegun: boolean;
  /** What is kept of what it has returned, once that is made. */
  kept: Kept | undefined;
}

/** What happens to a task that ends now, given how its tool stands. Who has had the outcome gets no follow-up. */
export function endingsOf(
  record: TaskRecord,
  call: RunningCall,
  ending: Ending,
  redact: Redact | undefined,
  now: number,
): LifecycleEvent[] {
  const end = endOf(record, call, ending, redact);
  return call.isAnswered ? endWithoutFollowUp(record, end, now) : [end];
}

/** A cancel on record comes first: stopping never reads as a completion. */
function endOf(
  { cancel }: TaskRecord,
  { execution }: RunningCall,
  { isShutDown, isUnbegun, kept }: Ending,
  redact: Redact | undefined,
): LifecycleEvent {
  const { outcome, isExpired } = execution;
  if (cancel) {
    const mayStillRun = outcome === undefined && !isUnbegun;
    return { type: "task.cancelled", by: cancel.by, reason: cancel.reason, mayStillRun };
  }
  if (isExpired) return failed("deadline_exceeded", describeError(deadlineError(execution), redact));
  if (kept?.failure !== undefined) return failed("tool_error", describeError(kept.failure, redact));
  if (kept !== undefined) return { type: "task.completed" };
  if (outcome === undefined || outcome.ok || isShutDown) {
    return failed("shutdown", "The manager was closed before the tool had finished.");
  }
  return failed("tool_error", describeError(outcome.error, redact));
}

function failed(code: TaskErrorCode, message: string): LifecycleEvent {
  return { type: "task.failed", error: { code, message } };
}
