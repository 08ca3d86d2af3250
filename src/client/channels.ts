import type { TaskEvent } from "../core/model/events.ts";
import type { TaskInfo } from "../core/model/task.ts";
import type { TasksSnapshot, TasksUpdate } from "../core/model/tasks-update.ts";
import { parse } from "./check.ts";
import type { Terms } from "./connection.ts";
import { hasEnded } from "./ended.ts";
import type { Channel } from "./follow.ts";
import type { Outgoing, Requests } from "./requests.ts";
import { EVENT, EVENT_PAGE, SNAPSHOT, TASK, TASK_PAGE } from "./shapes.ts";
import type { StreamMessage } from "./sse.ts";
import type { EventPage, TaskPage, WatchedEvent } from "./task-client.ts";

/** One task's events. */
export class TaskChannel implements Channel<WatchedEvent> {
  readonly isOfStates = false;
  readonly #task: string;
  readonly #requests: Requests;
  #after: number;
  #isTruncated = false;
  isEnding = false;
  isOver = false;

  constructor(path: string, after: number, requests: Requests) {
    this.#task = path;
    this.#after = after;
    this.#requests = requests;
  }

  request(): Outgoing {
    return { path: `${this.#task}/events`, query: { after: this.#after } };
  }

  take({ event, data }: StreamMessage): WatchedEvent | undefined {
    this.#isTruncated ||= event === "truncated";
    return event === "message" ? this.#passed(parse(EVENT, data) as TaskEvent) : undefined;
  }

  async look(waitMs: number | undefined, terms: Terms): Promise<WatchedEvent[]> {
    const { path, query } = this.request();
    const wait = this.isEnding ? undefined : waitMs;
    const request = { path, query: { ...query, waitMs: wait }, ...terms };
    const page = await this.#requests.ask<EventPage>(request, EVENT_PAGE);
    this.#isTruncated ||= page.truncated;
    if (page.events.length === 0) this.isOver = await this.#isAtEnd(terms);
    return page.events.map((event) => this.#passed(event));
  }

  #passed(event: TaskEvent): WatchedEvent {
    const truncated = this.#isTruncated;
    this.#isTruncated = false;
    this.#after = event.seq;
    this.isEnding ||= hasEnded(event.type.replace("task.", ""));
    return { event, truncated };
  }

  async #isAtEnd(terms: Terms): Promise<boolean> {
    const request = { path: this.#task, ...terms, isState: true };
    const task = await this.#requests.ask<TaskInfo>(request, TASK);
    return hasEnded(task.status) && task.lastSeq <= this.#after;
  }
}

/** All tasks of a user, or of one session. */
export class TasksChannel implements Channel<TasksUpdate> {
  readonly isOfStates = true;
  readonly isEnding = false;
  readonly isOver = false;
  readonly #sessionId: string | undefined;
  readonly #requests: Requests;
  #page: TaskPage | undefined;

  constructor(sessionId: string | undefined, requests: Requests) {
    this.#sessionId = sessionId;
    this.#requests = requests;
  }

  request(): Outgoing {
    return { path: "/stream", query: { sessionId: this.#sessionId } };
  }

  take({ event, data }: StreamMessage): TasksUpdate | undefined {
    if (event === "task") return { type: event, task: parse(TASK, data) as TaskInfo };
    return event === "snapshot" ? { type: event, ...(parse(SNAPSHOT, data) as TasksSnapshot) } : undefined;
  }

  async look(waitMs: number | undefined, terms: Terms): Promise<TasksUpdate[]> {
    const query = { sessionId: this.#sessionId, limit: MOST_LISTED, waitMs };
    const request = { path: "", query, ...terms, isState: true };
    const page = await this.#requests.ask<TaskPage>(request, TASK_PAGE);
    if (page === this.#page) return [];
    this.#page = page;
    return [{ type: "snapshot", tasks: page.tasks, more: page.nextCursor !== null }];
  }
}

const MOST_LISTED = 500;
