import type { TaskPatch } from "../../core/model/lifecycle.ts";
import type { TaskRecord } from "../../core/model/task.ts";

/** A record that shares nothing with the given one. Faster than to parse what was written of it. */
export function copyRecord(record: TaskRecord): TaskRecord {
  const { progress, error, cancel, followUp, metadata } = record;
  return {
    ...record,
    progress: progress && { ...progress },
    error: error && { ...error },
    cancel: cancel && { ...cancel },
    followUp: { ...followUp },
    metadata: metadata && JSON.parse(JSON.stringify(metadata)),
  };
}

/** A patch that shares nothing with the given one. */
export function copyPatch(patch: TaskPatch): TaskPatch {
  const copy = { ...patch };
  if (copy.error) copy.error = { ...copy.error };
  if (copy.cancel) copy.cancel = { ...copy.cancel };
  if (copy.followUp) copy.followUp = { ...copy.followUp };
  return copy;
}
