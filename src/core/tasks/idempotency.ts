/** Starting the same again under the same key: there is one task. */

import { canonicalInput } from "../calls/canonical-input.ts";
import { TaskOffloadError } from "../errors.ts";
import type { ToolCall } from "../model/call.ts";
import { type Idempotency, type TaskInfo, type TaskRecord, toTaskInfo } from "../model/task.ts";
import type { StartSettings } from "../options/task-options.ts";
import { digest } from "../values/digest.ts";

/** What a call is asked for under; `undefined`: it has no key. */
export function idempotencyOf(
  { toolName, scope, input }: ToolCall,
  { idempotencyKey: key, idempotencyBody: body = input }: StartSettings,
): Idempotency | undefined {
  if (key === undefined) return undefined;
  const parts = [toolName, scope.sessionId ?? null, canonicalInput(body)];
  return { key, digest: digest(JSON.stringify(parts)) };
}

/** The task that there is under the key. @throws `key_reused` where that is another */
export function repeatedTask(record: TaskRecord, asked: Idempotency | undefined): TaskInfo {
  if (record.idempotency?.digest === asked?.digest) return toTaskInfo(record);
  const message =
    "The idempotency key was used for something else. Ask for the same again, or take another key.";
  throw new TaskOffloadError("key_reused", message);
}
