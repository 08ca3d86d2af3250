import { duplicateError } from "../calls/duplicates.ts";
import type { Execution } from "../calls/execution.ts";
import type { Follower } from "../calls/follower.ts";
import type { BackgroundDesk } from "../calls/race.ts";
import type { RunningCalls } from "../calls/running-calls.ts";
import type { ToolCall } from "../model/call.ts";
import type { KnownTool } from "../model/known-tool.ts";
import type { TaskInfo } from "../model/task.ts";
import type { ToolSettings } from "../options/tool-settings.ts";

export interface JoiningDesk extends BackgroundDesk {
  readonly calls: RunningCalls;
  readonly tools: ReadonlyMap<string, KnownTool>;
}

/**
 * The task of an equal call that runs in this process, in the foreground too; `undefined` if there is none. One
 * that ends before it could become a task has been made: it must not be made again, so that this is refused.
 */
export function joinRunning(
  call: ToolCall,
  settings: ToolSettings,
  desk: JoiningDesk,
): Promise<TaskInfo> | undefined {
  const equal = desk.calls.findDuplicate(call, settings);
  if (equal === undefined) return undefined;
  if (settings.onDuplicate === "reject") throw duplicateError(call);
  return becomeTask(equal, desk);
}

/** Somebody beside the turn is given the task, so that its follow-up must come. */
async function becomeTask(execution: Execution, desk: BackgroundDesk): Promise<TaskInfo> {
  const task = await taskOf(execution, desk);
  if (task === undefined) throw duplicateError(execution.call);
  execution.wasOffloaded = true;
  return task;
}

/** What a running call is, or becomes now; `undefined` if it ends before that. */
function taskOf(execution: Execution, desk: BackgroundDesk): Promise<TaskInfo | undefined> {
  if (execution.task) return Promise.resolve(execution.task.info());
  return new Promise((resolve) => {
    const ended = () => resolve(undefined);
    const follower: Follower = {
      adopted: () => {
        execution.leave(follower);
        resolve(execution.task?.info());
      },
      joined: resolve,
      settled: ended,
      expired: ended,
      refused: ended,
    };
    execution.join(follower);
    desk.handOver(execution, false);
  });
}
