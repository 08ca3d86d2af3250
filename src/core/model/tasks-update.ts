import type { TaskInfo } from "./task.ts";

/** All unfinished tasks of a scope and its newest 500, newest first. */
export interface TasksSnapshot {
  tasks: TaskInfo[];
  /** There are others, which have ended. */
  more: boolean;
}

/**
 * What `watchAll` tells: how everything stands, which replaces all that was told before, or how one task stands. The same
 * objects are told to all who watch: do not change them.
 */
export type TasksUpdate = ({ type: "snapshot" } & TasksSnapshot) | { type: "task"; task: TaskInfo };
