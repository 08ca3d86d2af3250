/** The tasks themselves. */

import type { TaskInfo, TaskScope } from "../../core/model/task.ts";
import type { TaskPage } from "../../core/reading/queries.ts";
import type { CancelBody, TaskListQuery } from "../protocol.ts";
import { type Answer, found, ok } from "../response.ts";
import type { Visit } from "../route.ts";

export async function listTasks(
  { tasks, pages, url, query }: Visit<TaskListQuery>,
  scope: TaskScope,
): Promise<Answer<TaskPage, 200>> {
  const { sessionId = scope.sessionId, ...rest } = query;
  const isOutside = scope.sessionId !== undefined && sessionId !== scope.sessionId;
  if (isOutside) return ok({ tasks: [], nextCursor: null });
  const page = await tasks.list({ ...scope, sessionId }, rest);
  return { ...ok(page), written: await pages.write(`${scope.userId} ${url.href}`, page) };
}

export async function getTask({ tasks, id }: Visit, scope: TaskScope): Promise<Answer<TaskInfo, 200>> {
  return ok(found(await tasks.get(scope, id)));
}

export async function cancelTask(
  { tasks, id, body }: Visit<unknown, CancelBody>,
  scope: TaskScope,
): Promise<Answer<TaskInfo, 200>> {
  return ok(found(await tasks.cancel(scope, id, { ...body, by: "user" })));
}
