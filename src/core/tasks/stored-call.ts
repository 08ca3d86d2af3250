import { RestartState, readKept } from "../calls/restart-state.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { ToolCall, ToolExecuteFunction } from "../model/call.ts";
import type { KnownTool } from "../model/known-tool.ts";
import type { Payload } from "../model/store.ts";
import { scopeOf, type TaskRecord } from "../model/task.ts";
import { type ToolSettings, taskSettings } from "../options/task-options.ts";
import type { TaskTerms } from "../options/task-terms.ts";
import type { InContext } from "../time/async-context.ts";

/** What it takes to call the tool of a task that is on record. */
export interface StoredCall {
  readonly call: ToolCall;
  readonly settings: ToolSettings;
  readonly execute: ToolExecuteFunction<unknown, unknown>;
  readonly restartState: RestartState | undefined;
  /** In the async context of who has asked for it. */
  readonly inContext: InContext;
}

/** The call of a record, as whatever process has its tool makes it. */
export function storedCall(
  record: TaskRecord,
  tool: KnownTool,
  { input: kept, checkpoint }: Payload,
  inContext: InContext,
): StoredCall {
  const { id, toolName, toolCallId, priority, followUp } = record;
  const { input, deadlineMs, hasView } = readKept(kept);
  const metadata = record.metadata ?? undefined;
  const call = { toolName, input, scope: scopeOf(record), toolCallId, metadata };
  const settings = taskSettings({ priority, deadlineMs, followUp: followUp.mode ?? undefined });
  const lastCheckpoint: unknown = checkpoint === null ? undefined : JSON.parse(checkpoint);
  const made = { input, deadlineMs: settings.deadlineMs, hasView };
  const restartState = new RestartState(made, tool, { id, lastCheckpoint });
  return { call, settings, execute: tool.executeFor({ hasView }), restartState, inContext };
}

/** Gives a task up for another process to start again. False: none could. */
export function letGo(
  task: TaskRecord,
  restartState: RestartState | undefined,
  { isShared }: TaskTerms,
  ledger: Ledger,
): boolean {
  if (!isShared || restartState?.kept === undefined || task.runs >= restartState.attempts) return false;
  // After the last checkpoint, so that who goes on has it.
  const release = restartState.written.then(() => ledger.release(task));
  release.catch(() => undefined);
  return true;
}
