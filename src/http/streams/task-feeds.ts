import type { TaskInfo, TaskScope } from "../../core/model/task.ts";
import type { TaskSource } from "../options.ts";
import { TaskFeed } from "./task-feed.ts";

/** The tasks that are followed by way of one handler: each by one feed, however many read it. */
export class TaskFeeds {
  readonly #tasks: TaskSource;
  readonly #feeds = new Map<string, TaskFeed>();

  constructor(tasks: TaskSource) {
    this.#tasks = tasks;
  }

  /** The feed of a task, which goes on until `over` aborts. Whether it may be seen has been checked. */
  of({ userId }: TaskScope, { id, lastSeq }: TaskInfo, over: AbortSignal): TaskFeed {
    // An id holds no space.
    const key = `${id} ${userId}`;
    const watch = (signal: AbortSignal) => this.#tasks.watch({ userId }, { id, after: lastSeq, signal });
    const feed = this.#feeds.get(key) ?? new TaskFeed(lastSeq, watch, () => this.#feeds.delete(key));
    this.#feeds.set(key, feed);
    feed.hold(over);
    return feed;
  }
}
