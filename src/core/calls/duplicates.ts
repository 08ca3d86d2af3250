import { TaskOffloadError } from "../errors.ts";
import type { ToolCall } from "../model/call.ts";
import type { TaskScope } from "../model/task.ts";
import type { ToolSettings } from "../options/task-options.ts";
import { digest } from "../values/digest.ts";

export function sameOwner(one: TaskScope, other: TaskScope): boolean {
  return one.userId === other.userId && one.sessionId === other.sessionId;
}

/**
 * What a store compares to find an equal running task. A digest, since it outlives the call in durable stores and the
 * input may hold secrets. `canonical`: the input as a text that equal inputs share.
 */
export function duplicateKey(call: ToolCall, settings: ToolSettings, canonical: () => string): string | null {
  const byInput = settings.onDuplicate !== "allow";
  if (!byInput && call.toolCallId === undefined) return null;
  const id = byInput ? null : call.toolCallId;
  const parts = [call.scope.sessionId ?? null, call.toolName, id, canonical()];
  return digest(JSON.stringify(parts));
}

export function duplicateError(call: ToolCall): TaskOffloadError {
  const message = `An equal call of the tool "${call.toolName}" is still running in this session.`;
  return new TaskOffloadError("duplicate", message);
}
