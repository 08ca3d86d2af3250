/** The log of a task. */

import type { EventPage } from "../../core/model/store.ts";
import type { TaskScope } from "../../core/model/task.ts";
import type { EventsQuery } from "../protocol.ts";
import { type Answer, found, ok } from "../response.ts";
import type { Visit } from "../route.ts";

export async function readEvents(
  { tasks, id, query }: Visit<EventsQuery>,
  scope: TaskScope,
): Promise<Answer<EventPage, 200>> {
  found(await tasks.get(scope, id));
  return ok(await tasks.events(scope, id, query));
}
