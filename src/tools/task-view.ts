import {
  isFinished,
  type TaskError,
  type TaskInfo,
  type TaskProgress,
  type TaskStatus,
} from "../core/model/task.ts";

/** A task as the model sees it. Durations instead of instants: a model knows no clock. */
export interface TaskView {
  task_id: string;
  tool: string;
  /** The call in one line. */
  summary: string;
  status: TaskStatus;
  /** It was told to stop, and has not ended yet. */
  stopping: boolean;
  progress: TaskProgress | null;
  /** Milliseconds since it became a task. */
  age_ms: number;
  /** Milliseconds its tool has been running, or ran until it ended; `null` if it has not begun. */
  running_ms: number | null;
  /** Milliseconds since it ended; `null` if it has not. */
  ended_ms_ago: number | null;
  error: TaskError | null;
}

export function viewOf(task: TaskInfo, now: number): TaskView {
  const { startedAt, completedAt } = task;
  return {
    task_id: task.id,
    tool: task.toolName,
    summary: task.summary,
    status: task.status,
    stopping: task.cancel !== null && !isFinished(task.status),
    progress: task.progress,
    age_ms: span(task.createdAt, now),
    running_ms: startedAt === null ? null : span(startedAt, completedAt ?? now),
    ended_ms_ago: completedAt === null ? null : span(completedAt, now),
    error: task.error,
  };
}

/** Instants come from the clocks of several machines. */
function span(from: number, to: number): number {
  return Math.max(0, to - from);
}
