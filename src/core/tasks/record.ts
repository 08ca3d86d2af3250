import { nanoid } from "nanoid";
import { canonicalInput, duplicateKey } from "../calls/duplicates.ts";
import type { ToolCall } from "../model/call.ts";
import type { TaskRecord } from "../model/task.ts";
import type { ToolSettings } from "../options/tool-settings.ts";
import type { Redact } from "../values/redact.ts";
import { summarize } from "../values/summary.ts";

/** What a record takes from the manager. */
interface RecordTerms {
  owner: string;
  followUps: boolean;
  redact: Redact | undefined;
}

/** The record of a task that has just been asked for. */
export function newRecord(
  call: ToolCall,
  settings: ToolSettings,
  terms: RecordTerms,
  now: number,
  canonical = () => canonicalInput(call.input),
  id = nanoid(),
): TaskRecord {
  const mode = terms.followUps ? settings.followUp : null;
  return {
    id,
    userId: call.scope.userId,
    sessionId: call.scope.sessionId ?? null,
    agentId: call.scope.agentId ?? null,
    toolName: call.toolName,
    toolCallId: call.toolCallId ?? id,
    summary: summarize({
      toolName: call.toolName,
      input: call.input,
      summarize: settings.summarize,
      redact: terms.redact,
    }),
    status: "queued",
    priority: settings.priority,
    createdAt: now,
    startedAt: null,
    updatedAt: now,
    completedAt: null,
    deadlineAt: null,
    progress: null,
    error: null,
    cancel: null,
    followUp: { status: "none", mode, attempts: 0, reason: null },
    metadata: call.metadata ?? null,
    lastSeq: 0,
    version: 1,
    owner: terms.owner,
    runs: 0,
    duplicateKey: duplicateKey(call, settings, canonical),
  };
}

/** The deadline of a call that started then, or `null` if it has none. */
export function deadlineOf(startedAt: number, { deadlineMs }: ToolSettings): number | null {
  return deadlineMs === Number.POSITIVE_INFINITY ? null : startedAt + deadlineMs;
}
