/** The tasks of one user, or one session, as they are. */

import type { TaskScope } from "../../core/model/task.ts";
import type { StreamQuery } from "../protocol.ts";
import { found, type StreamAnswer } from "../response.ts";
import type { Visit } from "../route.ts";
import { narrowed } from "../session.ts";
import type { StreamBody } from "./body.ts";
import { openStream } from "./open.ts";
import { updateBytes } from "./sse.ts";

/** A reader that takes its time is shown the newest states once it does: it reads on from its own watch. */
export async function streamTasks(visit: Visit<StreamQuery>, scope: TaskScope): Promise<StreamAnswer> {
  const own = found(narrowed(scope, visit.query.sessionId));
  const follow = async (body: StreamBody) => {
    for await (const update of visit.tasks.watchAll(own, { signal: body.over })) {
      body.write(updateBytes(update));
      if (body.isFull) await body.room();
    }
  };
  return openStream(visit, scope, follow);
}
