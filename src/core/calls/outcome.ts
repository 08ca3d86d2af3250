import type { TaskInfo } from "../model/task.ts";

/** Somebody who waits for a tool: the race of a turn, and later its task. */
export interface Follower {
  settled(outcome: Outcome): void;
  expired(): void;
  /** The execution has become a task. */
  adopted?(): void;
  /** Another, equal execution goes on in this one's place: here is its task. */
  joined?(task: TaskInfo): void;
  /** The call ends with this error; the tool is somebody else's business. */
  refused?(error: unknown): void;
}

/** The task that an execution has become. */
export interface TaskFollower extends Follower {
  info(): TaskInfo;
  woken(): void;
}

/** How a tool ended. */
export type Outcome = { ok: true; value: unknown } | { ok: false; error: unknown };
