import type { CancelledBy, TaskError, TaskProgress } from "./task.ts";

/** What happened to a task, before its store has numbered it. */
export type TaskEventBody =
  | { type: "task.queued" }
  | { type: "task.started" }
  | { type: "task.progress"; progress: TaskProgress }
  | { type: "task.output"; chunk: string }
  | { type: "task.cancel_requested"; by: CancelledBy; reason: string | null }
  | { type: "task.completed" }
  | { type: "task.failed"; error: TaskError }
  | { type: "task.cancelled"; by: CancelledBy; reason: string | null; mayStillRun: boolean }
  | { type: "follow_up.delivered" }
  | { type: "follow_up.dropped"; reason: string };

/** An event on its way to a store, which gives it its `seq`. */
export type NewTaskEvent = { at: number } & TaskEventBody;

/** What is logged, emitted, streamed and drawn. `seq` counts from 1 without gaps, for each task. */
export type TaskEvent = { taskId: string; seq: number; at: number } & TaskEventBody;

/** Events of a task with their numbers, the first of which is `firstSeq`. */
export function numbered(taskId: string, firstSeq: number, events: readonly NewTaskEvent[]): TaskEvent[] {
  return events.map((event, index) => ({ taskId, seq: firstSeq + index, ...event }));
}

/** The newest progress among some events, if there is any. */
export function lastProgress(events: readonly NewTaskEvent[]): TaskProgress | undefined {
  const event = events.findLast((event) => event.type === "task.progress");
  return event?.type === "task.progress" ? event.progress : undefined;
}

/** True for what a tool tells while it runs. */
export function isReport({ type }: NewTaskEvent): boolean {
  return type === "task.progress" || type === "task.output";
}

/** True for the event with which a task ends. */
export function isEnd({ type }: NewTaskEvent): boolean {
  return type === "task.completed" || type === "task.failed" || type === "task.cancelled";
}
