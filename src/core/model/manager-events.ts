import type { TaskOffloadError } from "../errors.ts";
import { shown, unknownName } from "../values/validate.ts";
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
  /**
   * A task has waited in the queue for 2 seconds, since a limit is met; told once of each. A task that has started it and
   * waits for it, within that limit, waits for good: raise the limit, or do not wait.
   */
  "task.waiting": { scope: TaskScope; task: TaskInfo; limit: LimitName | "running" };
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

/** A misspelt event is never emitted, and its listener would wait in silence. @throws `invalid_input` */
export function checkEventName(name: string): void {
  if (Object.hasOwn(EVENTS, name)) return;
  throw unknownName("invalid_input", shown(name), "no event", Object.keys(EVENTS));
}

const EVENTS = {
  "task.queued": true,
  "task.started": true,
  "task.progress": true,
  "task.output": true,
  "task.cancel_requested": true,
  "task.completed": true,
  "task.failed": true,
  "task.cancelled": true,
  "task.waiting": true,
  "follow_up.delivered": true,
  "follow_up.dropped": true,
  "offload.refused": true,
  "store.failed": true,
  "record.damaged": true,
  "record.lost": true,
  "delivery.failed": true,
  "turn.failed": true,
  "turn.unguarded": true,
  "session.held": true,
  "policy.failed": true,
  "listener.failed": true,
} satisfies Record<keyof ManagerEvents, true>;

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
