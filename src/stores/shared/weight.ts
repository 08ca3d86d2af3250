import type { NewTaskEvent } from "../../core/model/events.ts";

/** What an event takes of the characters that are kept for each task. */
export function weightOf(event: NewTaskEvent): number {
  return EVENT_CHARS + textOf(event).length;
}

/** What an event weighs beside its text. */
const EVENT_CHARS = 32;

function textOf(event: NewTaskEvent): string {
  switch (event.type) {
    case "task.output":
      return event.chunk;
    case "task.progress":
      return event.progress.message ?? "";
    case "task.failed":
      return event.error.message;
    case "task.cancelled":
    case "task.cancel_requested":
      return event.reason ?? "";
    default:
      return "";
  }
}
