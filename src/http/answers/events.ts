/** The log of a task. */

import type { EventPage } from "../../core/model/store.ts";
import type { TaskScope } from "../../core/model/task.ts";
import { lookUntilNew } from "../long-poll.ts";
import type { EventsQuery, StreamHeaders } from "../protocol.ts";
import { type Answer, found, ok, type StreamAnswer, VARY } from "../response.ts";
import type { Visit } from "../route.ts";
import { wantsStream } from "../streams/accept.ts";
import { streamEvents } from "../streams/task-stream.ts";

/** As a page, or as a stream for who accepts one. */
export async function readEvents(
  visit: Visit<EventsQuery, unknown, StreamHeaders>,
  scope: TaskScope,
): Promise<Answer<EventPage, 200> | StreamAnswer> {
  if (visit.streams === false) return ok(await pageOf(visit, scope));
  if (wantsStream(visit.request)) return streamEvents(visit, scope);
  return { ...ok(await pageOf(visit, scope)), headers: { Vary: `${VARY}, Accept` } };
}

async function pageOf(visit: Visit<EventsQuery>, scope: TaskScope): Promise<EventPage> {
  const { tasks, id, query } = visit;
  const { waitMs = 0, ...range } = query;
  found(await tasks.get(scope, id));
  const look = () => tasks.events(scope, id, range);
  const isNew = ({ events }: EventPage) => events.length > 0;
  const seen = await look();
  if (waitMs === 0 || isNew(seen)) return seen;
  const changes = (signal: AbortSignal) => tasks.watch(scope, { id, after: range.after ?? 0, signal });
  return lookUntilNew(visit, scope, { seen, waitMs, changes, look, isNew });
}
