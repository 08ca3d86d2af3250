import type { TaskEvent } from "../core/model/events.ts";
import type { TaskInfo } from "../core/model/task.ts";
import { check } from "./check.ts";
import { hasEnded } from "./ended.ts";
import type { Signal } from "./fetch.ts";
import type { Channel } from "./follow.ts";
import type { Query, Requests } from "./requests.ts";
import { EVENT, EVENT_PAGE, TASK, TASK_PAGE } from "./shapes.ts";
import type { StreamMessage } from "./sse.ts";

/** An event of a task, each once and in order. */
export interface WatchedEvent {
  /** One of a type that this version does not know is passed on as it is. */
  event: TaskEvent;
  /** Whether events before this one are gone. */
  truncated: boolean;
}

/** What a user's tasks are: all that are unfinished and the newest, and then whatever of them changes. */
export type TaskState =
  | { type: "snapshot"; tasks: TaskInfo[] /** Whether there are older ones. */; more: boolean }
  | { type: "task"; task: TaskInfo };

/** One task's events. */
export class TaskChannel implements Channel<WatchedEvent> {
  readonly path: string;
  readonly isAlwaysThere = false;
  readonly #task: string;
  readonly #requests: Requests;
  #after: number;
  #isTruncated = false;
  isEnding = false;
  isOver = false;

  constructor(path: string, after: number, requests: Requests) {
    this.#task = path;
    this.path = `${this.#task}/events`;
    this.#after = after;
    this.#requests = requests;
  }

  query(): Query {
    return { after: this.#after };
  }

  take({ event, data }: StreamMessage): WatchedEvent | undefined {
    if (event === "truncated") this.#isTruncated = true;
    if (event !== "message") return undefined;
    const told = JSON.parse(data);
    check(EVENT, told, "An event");
    return this.#passed(told);
  }

  async look(waitMs: number, signal: Signal | undefined): Promise<WatchedEvent[]> {
    const query = { ...this.query(), limit: PAGE, ...(waitMs > 0 && { waitMs }) };
    const page = await this.#requests.ask<EventsBody>({ path: this.path, query, signal }, EVENT_PAGE);
    this.#isTruncated ||= page.truncated;
    const news = page.events.map((event) => this.#passed(event));
    if (this.isEnding) this.isOver = page.events.length < PAGE;
    else if (page.events.length === 0) this.isOver = await this.#isAtEnd(signal);
    return news;
  }

  #passed(event: TaskEvent): WatchedEvent {
    const truncated = this.#isTruncated;
    this.#isTruncated = false;
    this.#after = event.seq;
    this.isEnding ||= hasEnded(event.type.slice("task.".length));
    return { event, truncated };
  }

  /** Where somebody began beyond the event that it ended with. */
  async #isAtEnd(signal: Signal | undefined): Promise<boolean> {
    const task = await this.#requests.ask<TaskInfo>({ path: this.#task, signal }, TASK);
    return hasEnded(task.status) && task.lastSeq <= this.#after;
  }
}

/** All tasks of a user, or of one session. */
export class TasksChannel implements Channel<TaskState> {
  readonly path = "/stream";
  readonly isAlwaysThere = true;
  readonly isEnding = false;
  readonly isOver = false;
  readonly #sessionId: string | undefined;
  readonly #requests: Requests;
  #page: PageBody | undefined;

  constructor(sessionId: string | undefined, requests: Requests) {
    this.#sessionId = sessionId;
    this.#requests = requests;
  }

  query(): Query {
    return { sessionId: this.#sessionId };
  }

  take({ event, data }: StreamMessage): TaskState | undefined {
    if (event !== "snapshot" && event !== "task") return undefined;
    const told = JSON.parse(data);
    check(event === "task" ? TASK : SNAPSHOT, told, "A state");
    return event === "task" ? { type: "task", task: told } : { type: "snapshot", ...told };
  }

  async look(waitMs: number, signal: Signal | undefined): Promise<TaskState[]> {
    const query = { ...this.query(), limit: MOST_LISTED, ...(waitMs > 0 && { waitMs }) };
    const page = await this.#requests.state<PageBody>({ path: "", query, signal }, TASK_PAGE);
    if (page === this.#page) return [];
    this.#page = page;
    return [{ type: "snapshot", tasks: page.tasks, more: page.nextCursor !== null }];
  }
}

interface EventsBody {
  events: TaskEvent[];
  truncated: boolean;
}

interface PageBody {
  tasks: TaskInfo[];
  nextCursor: string | null;
}

const PAGE = 1_000;
const MOST_LISTED = 500;
const SNAPSHOT = { tasks: [TASK], more: "boolean" } as const;
