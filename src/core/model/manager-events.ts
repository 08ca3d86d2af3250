import type { TaskOffloadError } from "../errors.ts";
import type { TaskEvent } from "./events.ts";
import type { LimitName } from "./store.ts";
import type { TaskInfo, TaskScope } from "./task.ts";

/** What `on`, `once` and `off` know, and what listeners get. Task events are those this process has written. */
export type ManagerEvents = {
  [Type in TaskEvent["type"]]: TaskUpdate & { event: Extract<TaskEvent, { type: Type }> };
} & {
  /** A slow call met a limit and stays in the foreground until it ends or a place frees. */
  "offload.refused": {
    scope: TaskScope;
    toolName: string;
    toolCallId: string | null;
    limit: LimitName | "running";
  };
  /** The store failed or did not answer in time. */
  "store.failed": StoreFailure;
  /**
   * The store cannot read a record, or parts of it are missing. It is set aside, and everything else goes on; what
   * `place` names stays there to be looked at. `scope` and `taskId` are `null` where they cannot be known any more.
   */
  "record.damaged": { scope: TaskScope | null; taskId: string | null; place: string; reason: string };
  /** The store has lost the record of a task that runs in this process: it was written anew as this process knows it. */
  "record.lost": { scope: TaskScope; task: TaskInfo };
  /** A turn with follow-ups failed, or took too long. They are delivered again, or dropped as `exhausted`. */
  "delivery.failed": { scope: TaskScope; taskIds: readonly string[]; error: unknown };
  /** A turn that a host has begun failed after its function had come back, or took too long. */
  "turn.failed": { scope: TaskScope; error: unknown };
  /** The store could not be asked for a session: its turn runs all the same, alone in this process. */
  "turn.unguarded": { scope: TaskScope; error: unknown };
  /** A session has had all the automatic turns it may have until `userSpoke`. What completes stays pending. */
  "session.held": { scope: TaskScope; turns: number };
  /** A `TimeoutPolicy` threw, or answered no duration. */
  "policy.failed": { toolName: string; error: unknown };
  /** A listener threw or rejected. That of a listener to this event is dropped. */
  "listener.failed": { event: string; error: unknown };
};

export type ManagerListener<Name extends keyof ManagerEvents> = (notice: ManagerEvents[Name]) => void;

/** Something that has happened to a task, as listeners and watches get it. */
export interface TaskUpdate {
  /** Whose task it is. */
  scope: TaskScope;
  /** The task after that, or as it was read since. */
  task: TaskInfo;
  event: TaskEvent;
  /** Events before this one are gone, from the log or from a watch that was not read. Listeners miss none. */
  truncated: boolean;
}

export interface StoreFailure {
  operation: string;
  error: TaskOffloadError;
}
