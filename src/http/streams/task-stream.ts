/** The log of one task, as it happens. */

import { isFinished, type TaskInfo, type TaskScope } from "../../core/model/task.ts";
import type { EventsQuery, StreamHeaders } from "../protocol.ts";
import { Refusal } from "../refusal.ts";
import { found, type StreamAnswer } from "../response.ts";
import type { Visit } from "../route.ts";
import type { StreamBody } from "./body.ts";
import { openStream } from "./open.ts";
import { eventBytes } from "./sse.ts";
import { TaskReader } from "./task-reader.ts";

/** 204 tells a browser's `EventSource`, which comes back after every end, that there is nothing more to come for. */
export async function streamEvents(
  visit: Visit<EventsQuery, unknown, StreamHeaders>,
  scope: TaskScope,
): Promise<StreamAnswer> {
  const { "Last-Event-ID": last = "" } = visit.headers;
  const after = last === "" ? (visit.query.after ?? 0) : Number(last);
  refuseWhatIsOfPages(visit.query);
  const task = found(await visit.tasks.get(scope, visit.id));
  if (isFinished(task.status) && after >= task.lastSeq) return { status: 204, stream: null };
  return openStream(visit, scope, (body) => follow(visit, scope, task, after, body));
}

/** First from the log, as fast as the reader takes it, and with the others from where they have come to. */
async function follow(
  { tasks, feeds }: Visit,
  scope: TaskScope,
  task: TaskInfo,
  after: number,
  body: StreamBody,
): Promise<void> {
  const feed = feeds.of(scope, task, body.over);
  const reader = new TaskReader(body, after, task.lastSeq);
  while (reader.place < feed.told && !body.over.aborted) {
    const { events } = await tasks.events(scope, task.id, { after: reader.place, limit: PAGE });
    // The log is gone, or another one: who comes back is told so.
    if (events.length === 0) return;
    for (const event of events) {
      // In bytes a page may be larger than what waits for a reader at most.
      if (body.isFull) await body.room();
      reader.tell(event.seq, eventBytes(event));
    }
  }
  await feed.follow(reader, body.over);
}

const PAGE = 100;

/** What is not understood here is not ignored. */
function refuseWhatIsOfPages(query: EventsQuery): void {
  const field = (["limit", "waitMs"] as const).find((name) => query[name] !== undefined);
  if (field === undefined) return;
  throw new Refusal("invalid_query", { field, detail: `${field} is for pages, and a stream has none.` });
}
