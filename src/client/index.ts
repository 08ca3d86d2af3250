export type { TaskEvent } from "../core/model/events.ts";
export type { TaskInfo, TaskResult, TaskStatus } from "../core/model/task.ts";
export type { TasksSnapshot, TasksUpdate } from "../core/model/tasks-update.ts";
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
  EventPage,
  EventsOptions,
  ListOptions,
  NewTask,
  ResultOptions,
  TaskClient,
  TaskPage,
  WatchAllOptions,
  WatchedEvent,
  WatchOptions,
} from "./task-client.ts";
