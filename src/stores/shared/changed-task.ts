import type { ChangedTask } from "../../core/model/changes.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";

/** Where a task stands that has changed. `endedAt`: when it ended by the store's clock, if it has. */
export function changedTask(record: TaskRecord, endedAt: number): ChangedTask {
  const { id, sessionId, version, lastSeq, status, followUp } = record;
  const ended = isFinished(status) ? endedAt : null;
  return { id, sessionId, version, lastSeq, status, followUp: followUp.status, endedAt: ended };
}
