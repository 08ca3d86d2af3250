import type { BackgroundTaskManager, TaskEvent, TaskScope } from "tool-offload";
import { say, short } from "./terminal.ts";

/** Tells what happens to a user's tasks, as it happens, until the signal aborts. Their way back tells of itself. */
export async function narrate(
  tasks: BackgroundTaskManager,
  scope: TaskScope,
  signal: AbortSignal,
): Promise<void> {
  for await (const { event, task } of tasks.watch(scope, { signal })) {
    if (event.type.startsWith("task."))
      say("task", `${task.toolName} ${task.id.slice(0, 6)}  ${describe(event)}`);
  }
}

function describe(event: TaskEvent): string {
  switch (event.type) {
    case "task.progress":
      return `progress ${event.progress.value} of ${event.progress.total}`;
    case "task.output":
      return `output ${JSON.stringify(short(event.chunk))}`;
    case "task.failed":
      return `failed (${event.error.code}): ${event.error.message}`;
    case "task.cancel_requested":
      return `cancel requested by the ${event.by}: ${event.reason}`;
    case "task.cancelled":
      return event.mayStillRun ? "cancelled; its tool may still run" : "cancelled; its tool has stopped";
    default:
      return event.type.replace("task.", "");
  }
}
