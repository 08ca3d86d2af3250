import type { NewTaskEvent } from "../core/model/events.ts";
import type { NewTask } from "../core/model/store.ts";
import { isFinished, type TaskRecord } from "../core/model/task.ts";

/**
 * A task to be written, running unless the fields say otherwise.
 *
 * @example
 * const { record, events } = makeTask({ userId: "ada" });
 */
export function makeTask(fields: Partial<TaskRecord> = {}, events?: NewTaskEvent[]): NewTask {
  made += 1;
  const record = { ...defaults(fields.createdAt ?? Date.now()), id: `task-${made}`, ...fields };
  if (isFinished(record.status)) record.completedAt ??= record.createdAt;
  return { record, events: events ?? [firstEvent(record)] };
}

let made = 0;

function defaults(createdAt: number): Omit<TaskRecord, "id"> {
  return {
    userId: "ada",
    sessionId: "session-1",
    agentId: null,
    toolName: "search",
    toolCallId: "call-1",
    summary: "search(query: otters)",
    status: "running",
    priority: 1,
    createdAt,
    startedAt: null,
    updatedAt: createdAt,
    completedAt: null,
    deadlineAt: null,
    progress: null,
    error: null,
    cancel: null,
    followUp: { status: "none", mode: "when_idle", attempts: 0, reason: null },
    metadata: null,
    lastSeq: 0,
    version: 1,
    runs: 0,
    owner: "process-1",
    word: "a-random-word",
    duplicateKey: null,
  };
}

function firstEvent({ status, createdAt }: TaskRecord): NewTaskEvent {
  return { at: createdAt, type: status === "queued" ? "task.queued" : "task.started" };
}
