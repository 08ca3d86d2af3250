import type { OffloadOutcome } from "../../core/model/call.ts";
import type { TaskPlaceholder } from "../../core/model/placeholder.ts";

/** What the framework is to take for the call's output. */
export function outputOf<T>(outcome: OffloadOutcome<T>): T | TaskPlaceholder {
  if (outcome.status === "completed") return outcome.value;
  const { task, message } = outcome;
  const { id: taskId, toolName, summary } = task;
  return { type: "tool-offload.task", taskId, toolName, summary, message };
}
