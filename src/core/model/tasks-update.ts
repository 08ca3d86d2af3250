import type { TaskInfo } from "./task.ts";

/** All unfinished tasks of a scope and its newest 500, newest first. */
export interface TasksSnapshot {
  tasks: TaskInfo[];
  /** There are others, which have ended. */
  more: boolean;
}

/** How everything stands, which replaces all that was told before. */
export type SnapshotUpdate = { type: "snapshot" } & TasksSnapshot;

/** How one task stands. */
export type StateUpdate = { type: "task"; task: TaskInfo };

/** What `watchAll` tells. The same objects are told to all who watch: do not change them. */
export type TasksUpdate = SnapshotUpdate | StateUpdate;
