import { duplicateError } from "../calls/duplicates.ts";
import type { Follower } from "../calls/outcome.ts";
import type { Offloader } from "../calls/race.ts";
import type { RunningCall, RunningCalls } from "../calls/running-calls.ts";
import type { ToolCall } from "../model/call.ts";
import { type TaskInfo, type TaskRecord, toTaskInfo } from "../model/task.ts";
import type { ToolSettings } from "../options/task-options.ts";

/**
 * The task of an equal call that runs in this process, in the foreground too; `undefined` if there is none. One
 * that ends before it could become a task has been made: it must not be made again, so that this is refused.
 */
export function joinRunning(
  call: ToolCall,
  settings: ToolSettings,
  calls: RunningCalls,
  offloader: Offloader,
): Promise<TaskInfo> | undefined {
  const equal = calls.findDuplicate(call, settings);
  if (equal === undefined) return undefined;
  if (settings.onDuplicate === "reject") throw duplicateError(call);
  return becomeTask(equal, offloader);
}

/** An equal task is on record: the caller gets that one, unless the tool refuses duplicates. */
export function joinStored(record: TaskRecord, call: ToolCall, settings: ToolSettings): TaskInfo {
  if (settings.onDuplicate === "reject") throw duplicateError(call);
  return toTaskInfo(record);
}

/** Somebody beside the turn is given the task, so that its follow-up must come. */
async function becomeTask(call: RunningCall, offloader: Offloader): Promise<TaskInfo> {
  const task = await taskOf(call, offloader);
  if (task === undefined) throw duplicateError(call.execution.call);
  call.offloaded();
  return task;
}

/** What a running call is, or becomes now; `undefined` if it ends before that. */
function taskOf(call: RunningCall, offloader: Offloader): Promise<TaskInfo | undefined> {
  if (call.task) return Promise.resolve(call.task.info());
  return new Promise((resolve) => {
    const ended = () => resolve(undefined);
    const follower: Follower = {
      adopted: () => {
        call.leave(follower);
        resolve(call.task?.info());
      },
      joined: resolve,
      settled: ended,
      expired: ended,
      refused: ended,
    };
    call.join(follower);
    offloader.handOver(call, false);
  });
}
