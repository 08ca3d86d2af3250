import { useMemo, useSyncExternalStore } from "react";
import type { TaskInfo, TaskStatus } from "../client/index.ts";
import { useTaskClient } from "./provider.ts";
import type { FollowStatus } from "./states.ts";
import { IDLE, isSame, LOADING, type TasksState, tasksStore } from "./tasks-store.ts";

/** What `useBackgroundTasks` shows. */
export interface BackgroundTasksOptions {
  /** Tasks of this session only. @default those of all */
  sessionId?: string | undefined;
  /** Tasks of these statuses only. @default all */
  status?: TaskStatus | readonly TaskStatus[] | undefined;
  /** While it is false nothing is asked for. @default true */
  enabled?: boolean | undefined;
}

/** What `useBackgroundTasks` returns. It is the same object until something of it changes. */
export interface BackgroundTasks {
  /** Newest first. A task that has not changed is the object that it was. */
  readonly tasks: readonly TaskInfo[];
  readonly status: FollowStatus;
  /** Why no news come any more. */
  readonly error: Error | undefined;
  /** Begins anew, after `signed_out` or `error`. */
  retry(): void;
}

/**
 * The user's tasks, as they are. However many components ask, each session is followed once for each client.
 *
 * @throws where there is no `TaskClientProvider` above
 * @example
 * ```ts
 * import { createElement } from "react";
 * import { useBackgroundTasks } from "tool-offload/react";
 *
 * export function Badge() {
 *   const { tasks } = useBackgroundTasks({ status: ["queued", "running"] });
 *   return createElement("span", null, `${tasks.length} running`);
 * }
 * ```
 */
export function useBackgroundTasks(options: BackgroundTasksOptions = {}): BackgroundTasks {
  const { sessionId = "", status = [], enabled = true } = options;
  const client = useTaskClient();
  const store = tasksStore(client, sessionId);
  const statuses = [status].flat().join();
  const read = useMemo(() => selection(store.read, statuses), [store, statuses]);
  const source = enabled ? { subscribe: store.subscribe, read } : NOTHING;
  const state = useSyncExternalStore(source.subscribe, source.read, onServer);
  return useMemo(() => ({ ...state, retry: store.retry }), [state, store]);
}

const NOTHING = { subscribe: () => () => undefined, read: () => IDLE };
const onServer = () => LOADING;

/** Another state only where something that is looked at has changed. */
function selection(read: () => TasksState, statuses: string): () => TasksState {
  let from: TasksState | undefined;
  let selected: TasksState | undefined;
  return () => {
    const state = read();
    if (selected !== undefined && state === from) return selected;
    from = state;
    const tasks =
      statuses === "" ? state.tasks : state.tasks.filter((task) => statuses.split(",").includes(task.status));
    if (
      !selected ||
      selected.status !== state.status ||
      selected.error !== state.error ||
      !isSame(selected.tasks, tasks)
    ) {
      selected = { ...state, tasks };
    }
    return selected;
  };
}
