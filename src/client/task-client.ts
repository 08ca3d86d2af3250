import type { TaskEvent } from "../core/model/events.ts";
import type { TaskInfo, TaskResult, TaskStatus } from "../core/model/task.ts";
import type { TasksUpdate } from "../core/model/tasks-update.ts";
import type { Signal } from "./fetch.ts";
import type { FollowOptions } from "./follow.ts";

/** The tasks of whoever is signed in, as the task handler at `baseUrl` has them. */
export interface TaskClient {
  /** A page of the tasks, newest first. */
  list(options?: ListOptions): Promise<TaskPage>;
  /** One task; undefined where it is missing or somebody else's. */
  get(id: string, options?: CallOptions): Promise<TaskInfo | undefined>;
  /** How a task ended; undefined where it has not, is missing, or is somebody else's. */
  result(id: string, options?: ResultOptions): Promise<TaskResult | undefined>;
  /** How a task ended, as soon as it has. Rejects with `not_found` where it is missing or somebody else's. */
  waitFor(id: string, options?: CallOptions): Promise<TaskResult>;
  /** A page of a task's log. */
  events(id: string, options?: EventsOptions): Promise<EventPage>;
  /** Each event of a task, once and in order, until it has ended. */
  watch(id: string, options?: WatchOptions): AsyncIterable<WatchedEvent>;
  /** A snapshot of the tasks, and then each that changes, until its signal is aborted. */
  watchAll(options?: WatchAllOptions): AsyncIterable<TasksUpdate>;
  /** Asks a task to stop; the task as it is after that. */
  cancel(id: string, options?: CancelOptions): Promise<TaskInfo>;
  /** What may be created. */
  tools(options?: CallOptions): Promise<CreatableTool[]>;
  /** Starts a tool in the background. */
  create(task: NewTask, options?: CreateOptions): Promise<TaskInfo>;
}

/** What every call takes. */
export interface CallOptions {
  /** Ends the request; the call rejects with its reason. */
  signal?: Signal | undefined;
}

export interface ListOptions extends CallOptions {
  sessionId?: string | undefined;
  status?: TaskStatus | readonly TaskStatus[] | undefined;
  /** @default 50 */
  limit?: number | undefined;
  cursor?: string | undefined;
}

/** The page of a list. */
export interface TaskPage {
  tasks: TaskInfo[];
  /** Give it as `cursor` to get the next page. */
  nextCursor: string | null;
}

/** A part of the kept text of a result, in UTF-16 code units. */
export interface ResultOptions extends CallOptions {
  offset?: number | undefined;
  limit?: number | undefined;
}

export interface EventsOptions extends CallOptions {
  /** Events with a greater `seq`. @default 0 */
  after?: number | undefined;
  /** @default 1_000 */
  limit?: number | undefined;
}

/** A page of a task's log, oldest first. */
export interface EventPage {
  events: TaskEvent[];
  /** Give it as `after` to read on. */
  nextAfter: number;
  /** Whether events between `after` and the first one here are gone. */
  truncated: boolean;
}

/** An event of a task, each once and in order. */
export interface WatchedEvent {
  /** One of a type that this version does not know is passed on as it is. */
  event: TaskEvent;
  /** Whether events before this one are gone. */
  truncated: boolean;
}

export interface CancelOptions extends CallOptions {
  reason?: string | undefined;
}

/** A tool that the host lets its users start. */
export interface CreatableTool {
  name: string;
  description: string;
  /** JSON Schema of its input. */
  inputSchema: Record<string, unknown>;
  maxPriority: number;
}

/** A task to be created. */
export interface NewTask {
  /** Its name. */
  tool: string;
  /** @default an empty object */
  input?: unknown;
  /** From 1 to the `maxPriority` of its tool; the greater goes first. @default 1 */
  priority?: number | undefined;
  /** Milliseconds after its start by which it must have ended. @default none */
  deadlineMs?: number | undefined;
  /** Becomes its summary. @default made of the input */
  description?: string | undefined;
  /** The session that learns of the result. @default none, and nobody is told */
  sessionId?: string | undefined;
  /** The host says what becomes of it. @default none */
  metadata?: Record<string, unknown> | undefined;
}

export interface CreateOptions extends CallOptions {
  /** The same key gives the same task, so that this may be tried again. @default a random one for each call */
  idempotencyKey?: string | undefined;
}

export interface WatchOptions extends FollowOptions {
  /** Events with a greater `seq`. @default 0 */
  after?: number | undefined;
}

export interface WatchAllOptions extends FollowOptions {
  sessionId?: string | undefined;
}
