import { isEnd } from "../model/events.ts";
import type { TaskUpdate } from "../model/manager-events.ts";
import { type EventPage, isDamaged } from "../model/store.ts";
import { isFinished, type TaskInfo, type TaskScope } from "../model/task.ts";
import type { Places } from "./places.ts";
import type { Queries } from "./queries.ts";

/** Reads the logs of tasks from where each was told to. */
export class TaskLog {
  readonly #scope: TaskScope;
  readonly #queries: Queries;
  readonly #places: Places;
  /** That of the task that was read last. */
  version = 0;

  constructor(scope: TaskScope, queries: Queries, places: Places) {
    this.#scope = scope;
    this.#queries = queries;
    this.#places = places;
  }

  /** Tells what is new of a task. Returns whether nothing more is expected of it. */
  async *read(id: string, isStopped: () => boolean): AsyncGenerator<TaskUpdate, boolean> {
    this.#places.takeNews(id);
    // Kept here too: while this is told the news of others may push out its place.
    for (let after = this.#places.toldOf(id); ; ) {
      const look = await this.#look(id, after);
      if (look === undefined) return this.#missing(id);
      const { page, task } = look;
      this.version = task.version;
      if (page.nextAfter > task.lastSeq) {
        if (await this.#isBeyond(task)) return false;
        after = this.#places.toldOf(id);
        continue;
      }
      after = page.nextAfter;
      this.#places.told(id, after);
      for (const [index, event] of page.events.entries()) {
        if (isStopped()) return true;
        const truncated = this.#places.takeGap(id) || (page.truncated && index === 0);
        yield { scope: scopeOfTask(this.#scope, task), task, event, truncated };
      }
      if (page.events.length < PAGE) return isFinished(task.status) && after >= task.lastSeq;
    }
  }

  /** A damaged task, which anybody may hint at, does not end the watch of all others. */
  async #look(id: string, after: number): Promise<{ page: EventPage; task: TaskInfo } | undefined> {
    try {
      const page = await this.#queries.events(this.#scope, id, { after, limit: PAGE });
      const task = await this.#queries.get(this.#scope, id);
      return task && { page, task };
    } catch (error) {
      if (this.#places.isNamed(id) || !isDamaged((error as Error).cause)) throw error;
      return undefined;
    }
  }

  #missing(id: string): boolean {
    this.#places.forget(id);
    return true;
  }

  /** Its place is beyond the end of its log. Returns whether there is nothing to tell of it now. */
  async #isBeyond({ id, status, lastSeq }: TaskInfo): Promise<boolean> {
    // Anybody may have written the hint that led here: the next says where to begin.
    if (!this.#places.isNamed(id)) this.#places.forget(id);
    else this.#places.misplaced(id, isFinished(status) ? await this.#beforeEnd(id, lastSeq) : lastSeq);
    return !this.#places.isNamed(id) || !isFinished(status);
  }

  /** Where to read on for the event with which a task has ended: what comes after it tells of its follow-up. */
  async #beforeEnd(id: string, lastSeq: number): Promise<number> {
    const after = Math.max(0, lastSeq - PAGE);
    const { events } = await this.#queries.events(this.#scope, id, { after, limit: PAGE });
    return (events.find(isEnd)?.seq ?? lastSeq) - 1;
  }
}

const PAGE = 100;

function scopeOfTask({ userId }: TaskScope, { sessionId, agentId }: TaskInfo): TaskScope {
  return { userId, ...(sessionId !== null && { sessionId }), ...(agentId !== null && { agentId }) };
}
