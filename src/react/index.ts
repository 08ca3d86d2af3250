"use client";

export { TaskClientProvider, type TaskClientProviderProps, useTaskClient } from "./provider.ts";
export type { FollowStatus } from "./states.ts";
export type { TaskState } from "./task-store.ts";
export { type BackgroundTask, useBackgroundTask } from "./use-background-task.ts";
export {
  type BackgroundTasks,
  type BackgroundTasksOptions,
  useBackgroundTasks,
} from "./use-background-tasks.ts";
