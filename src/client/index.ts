export type { TaskEvent } from "../core/model/events.ts";
export type { TaskInfo, TaskResult, TaskStatus } from "../core/model/task.ts";
export type { TaskState, WatchedEvent } from "./channels.ts";
export { createTaskClient } from "./client.ts";
export { TaskClientError, type TaskClientErrorCode, type TaskClientFailure } from "./errors.ts";
export type { Credentials, Fetch, Fetched, FetchInit, Signal } from "./fetch.ts";
export type { ConnectionState, FollowOptions } from "./follow.ts";
export type { ClientHeaders, TaskClientOptions } from "./options.ts";
export type {
  CallOptions,
  CancelOptions,
  CreatableTool,
  CreateOptions,
  EventsOptions,
  ListedTasks,
  ListOptions,
  LoggedEvents,
  NewTask,
  ResultOptions,
  TaskClient,
  WatchAllOptions,
  WatchOptions,
} from "./task-client.ts";
