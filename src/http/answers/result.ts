/** How a task has ended, which a request may wait for. */

import { isFinished, type TaskInfo, type TaskResult, type TaskScope } from "../../core/model/task.ts";
import type { PendingTask, ResultQuery } from "../protocol.ts";
import { Refusal } from "../refusal.ts";
import { type Answer, found, ok } from "../response.ts";
import type { Visit } from "../route.ts";

export async function readResult(
  visit: Visit<ResultQuery>,
  scope: TaskScope,
): Promise<Answer<TaskResult, 200> | Answer<PendingTask, 202>> {
  const { tasks, id, query } = visit;
  const { waitMs = 0, ...range } = query;
  const task = found(await (waitMs > 0 ? waitInTurn(visit, scope, waitMs) : tasks.get(scope, id)));
  if (isPending(task)) return { status: 202, body: task, headers: { "Retry-After": "1" } };
  const isWhole = range.offset === undefined && range.limit === undefined;
  return ok(found(await tasks.result(scope, id, isWhole ? undefined : range)));
}

function isPending(task: TaskInfo): task is PendingTask {
  return !isFinished(task.status);
}

/** Who comes when too many of the same user wait already learns only what needs no waiting. */
async function waitInTurn(visit: Visit, scope: TaskScope, timeoutMs: number) {
  const leave = visit.waits.enter(scope.userId);
  if (leave !== undefined) return wait(visit, scope, timeoutMs).finally(leave);
  const task = await visit.tasks.get(scope, visit.id);
  if (task !== undefined && isPending(task)) throw new Refusal("too_many_waits");
  return task;
}

/** The task once it has finished, or as it is when the time is over or the client has gone. */
async function wait({ tasks, id, request: { signal } }: Visit, scope: TaskScope, timeoutMs: number) {
  try {
    const [task] = await tasks.wait(scope, [id], { timeoutMs, signal });
    return task;
  } catch (error) {
    if (!signal.aborted) throw error;
    return tasks.get(scope, id);
  }
}
