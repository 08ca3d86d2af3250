import { nanoid } from "nanoid";
import { canonicalInput } from "../calls/canonical-input.ts";
import { duplicateKey } from "../calls/duplicates.ts";
import type { RestartState } from "../calls/restart-state.ts";
import type { RunningCall } from "../calls/running-calls.ts";
import type { ToolCall } from "../model/call.ts";
import type { NewTaskEvent } from "../model/events.ts";
import { changeFor, TURN_ABORTED } from "../model/lifecycle.ts";
import type { NewTask } from "../model/store.ts";
import type { Idempotency, TaskRecord } from "../model/task.ts";
import type { ToolSettings } from "../options/task-options.ts";
import type { TaskTerms } from "../options/task-terms.ts";
import { summarize } from "../values/summary.ts";

/** A call that waits for its start, as a task to be written. */
export function newQueuedTask(
  call: ToolCall,
  settings: ToolSettings,
  restartState: RestartState | undefined,
  terms: TaskTerms,
  now: number,
  idempotency: Idempotency | undefined,
): NewTask {
  const canonical = () => canonicalInput(call.input);
  const record = newRecord(call, settings, terms, now, canonical, QUEUED, restartState?.id);
  // Then its key says what it equals.
  if (idempotency !== undefined) Object.assign(record, { idempotency, duplicateKey: null });
  return { record, events: [{ at: now, type: "task.queued" }], input: restartState?.kept };
}

/** A call whose tool runs, as a task to be written, with what it has reported in its log. */
export function newRunningTask(
  running: RunningCall,
  reported: readonly NewTaskEvent[],
  terms: TaskTerms,
  now: number,
  id?: string,
): NewTask {
  const { call, settings, startedAt, restartState } = running.execution;
  const canonical = () => running.execution.canonicalInput;
  const deadlineAt = deadlineOf(startedAt, settings);
  const start: Start = { status: "running", startedAt, deadlineAt, runs: 1 };
  const record = newRecord(call, settings, terms, now, canonical, start, restartState?.id ?? id);
  const task: NewTask = { record, events: [{ at: now, type: "task.started" }, ...reported] };
  if (restartState) task.input = restartState.kept;
  return task;
}

/** The deadline of a call that started then, or `null` if it has none. */
export function deadlineOf(startedAt: number, { deadlineMs }: ToolSettings): number | null {
  return deadlineMs === Number.POSITIVE_INFINITY ? null : startedAt + deadlineMs;
}

/** What a record says of the start of its tool. */
type Start = Pick<TaskRecord, "status" | "startedAt" | "deadlineAt" | "runs">;

const QUEUED: Start = { status: "queued", startedAt: null, deadlineAt: null, runs: 0 };

function newRecord(
  call: ToolCall,
  settings: ToolSettings,
  terms: TaskTerms,
  now: number,
  canonical: () => string,
  start: Start,
  id = nanoid(),
): TaskRecord {
  const { toolName, input, scope } = call;
  const { summarize: own, followUp, priority } = settings;
  const mode = terms.followUps && followUp !== "none" ? followUp : null;
  return {
    id,
    userId: scope.userId,
    sessionId: scope.sessionId ?? null,
    agentId: scope.agentId ?? null,
    toolName,
    toolCallId: call.toolCallId ?? id,
    summary: summarize({ toolName, input, summarize: own, redact: terms.redact }),
    status: start.status,
    priority,
    createdAt: now,
    startedAt: start.startedAt,
    updatedAt: now,
    completedAt: null,
    deadlineAt: start.deadlineAt,
    progress: null,
    error: null,
    cancel: null,
    followUp: { status: "none", mode, attempts: 0, reason: null },
    metadata: call.metadata ?? null,
    lastSeq: 0,
    version: 1,
    owner: terms.owner,
    runs: start.runs,
    word: nanoid(),
    duplicateKey: duplicateKey(call, settings, canonical),
  };
}

/** The same with the cancel of the turn that was aborted, unless it has it already. */
export function cancelledByTurn(task: NewTask, at: number): NewTask {
  const event = { type: "task.cancel_requested", by: "turn", reason: TURN_ABORTED } as const;
  const change = changeFor(task.record, [event], at);
  if (change === undefined) return task;
  // It must be seen, whatever else runs: it joins nothing.
  const record = { ...task.record, ...change.patch, duplicateKey: null };
  return { ...task, record, events: [...task.events, ...change.events] };
}
