import type { TaskClient, TaskInfo, TasksUpdate } from "../client/index.ts";
import { ExternalStore, sharedStores } from "./external-store.ts";
import { Pace } from "./pace.ts";
import { ended, type FollowStatus } from "./states.ts";

export interface TasksState {
  /** Newest first. */
  tasks: readonly TaskInfo[];
  status: FollowStatus;
  error: Error | undefined;
}

export const LOADING: TasksState = { tasks: [], status: "loading", error: undefined };
export const IDLE: TasksState = { tasks: [], status: "idle", error: undefined };

/** All of a user where the session is an empty text. */
export const tasksStore = sharedStores<TaskClient, TasksState>((client, sessionId, onUnread) => {
  const follow = async (store: ExternalStore<TasksState>, signal: AbortSignal) => {
    const known = new Map(store.read().tasks.map((task) => [task.id, task]));
    const pace = new Pace(() => {
      const tasks = [...known.values()].sort(newestFirst);
      if (!isSame(tasks, store.read().tasks)) store.change({ tasks });
    });
    store.change({ status: "loading", error: undefined });
    try {
      const onState = (status: FollowStatus) => store.change({ status });
      const options = { signal, onState, ...(sessionId === "" ? {} : { sessionId }) };
      for await (const update of client.watchAll(options)) {
        take(known, update);
        if (update.type === "snapshot") pace.now();
        else pace.soon();
      }
    } catch (error) {
      if (!signal.aborted) store.change(ended(error));
    } finally {
      pace.stop();
    }
  };
  return new ExternalStore(LOADING, follow, onUnread);
});

/** A task that has not changed stays the object that it was. */
function take(known: Map<string, TaskInfo>, update: TasksUpdate): void {
  if (update.type === "task") {
    known.set(update.task.id, update.task);
    return;
  }
  const tasks = update.tasks.map((task) => unchanged(known.get(task.id), task) ?? task);
  known.clear();
  for (const task of tasks) known.set(task.id, task);
}

function unchanged(before: TaskInfo | undefined, now: TaskInfo): TaskInfo | undefined {
  return before?.version === now.version && before.lastSeq === now.lastSeq ? before : undefined;
}

function newestFirst(one: TaskInfo, other: TaskInfo): number {
  return other.createdAt - one.createdAt || (one.id < other.id ? 1 : -1);
}

export function isSame(some: readonly unknown[], others: readonly unknown[]): boolean {
  return some.length === others.length && some.every((each, index) => each === others[index]);
}
