/** The tasks themselves. */

import type { TaskInfo, TaskScope } from "../../core/model/task.ts";
import type { TaskPage } from "../../core/reading/queries.ts";
import { lookUntilNew } from "../long-poll.ts";
import type { CancelBody, TaskListQuery } from "../protocol.ts";
import { type Answer, found, isKnownTo, ok, type Written } from "../response.ts";
import type { Visit } from "../route.ts";
import { narrowed } from "../session.ts";

export async function listTasks(
  visit: Visit<TaskListQuery>,
  scope: TaskScope,
): Promise<Answer<TaskPage, 200>> {
  const { tasks, pages, url, query, request } = visit;
  const { sessionId, waitMs = 0, ...rest } = query;
  const own = narrowed(scope, sessionId);
  if (own === undefined) return ok({ tasks: [], nextCursor: null });
  const look = async (): Promise<WrittenPage> => {
    const page = await tasks.list(own, rest);
    return { ...ok(page), written: await pages.write(`${scope.userId} ${url.href}`, page) };
  };
  const isNew = ({ written }: WrittenPage) => !isKnownTo(request, written.etag);
  const seen = await look();
  if (waitMs === 0 || isNew(seen)) return seen;
  const changes = (signal: AbortSignal) => tasks.watchAll(own, { signal });
  return lookUntilNew(visit, scope, { seen, waitMs, changes, look, isNew });
}

type WrittenPage = Answer<TaskPage, 200> & { written: Written };

export async function getTask({ tasks, id }: Visit, scope: TaskScope): Promise<Answer<TaskInfo, 200>> {
  return ok(found(await tasks.get(scope, id)));
}

export async function cancelTask(
  { tasks, id, body }: Visit<unknown, CancelBody>,
  scope: TaskScope,
): Promise<Answer<TaskInfo, 200>> {
  return ok(found(await tasks.cancel(scope, id, { ...body, by: "user" })));
}
