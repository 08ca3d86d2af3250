import { hasEnded as isEnd } from "../../client/ended.ts";
import type { TaskInfo } from "../../client/index.ts";

/** What each status is called, in the order in which filters show them. */
export const STATUS_NAMES: Record<string, string> = {
  running: "Running",
  queued: "Queued",
  input_required: "Waiting for input",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** A status that this page does not know is unfinished. */
export function hasEnded({ status }: TaskInfo): boolean {
  return isEnd(status);
}

export function statusName(status: string): string {
  return STATUS_NAMES[status] ?? status;
}

/** A task that has been asked to stop, and still runs. */
export function isStopping(task: TaskInfo): boolean {
  return task.cancel !== null && !hasEnded(task);
}
