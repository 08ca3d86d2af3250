import { useMemo, useSyncExternalStore } from "react";
import type { TaskInfo } from "../client/index.ts";
import { useTaskClient } from "./provider.ts";
import { TASK_IDLE, TASK_LOADING, type TaskState, taskStore } from "./task-store.ts";

/** What `useBackgroundTask` returns. It is the same object until something of it changes. */
export interface BackgroundTask extends Readonly<TaskState> {
  /** Asks the task to stop; the task as it is after that. */
  cancel(reason?: string): Promise<TaskInfo>;
  /** Begins anew, after `signed_out` or `error`. */
  retry(): void;
}

/**
 * One task, with its output as it grows and its result; nothing while the id is undefined.
 *
 * @throws where there is no `TaskClientProvider` above
 * @example
 * ```ts
 * import { createElement } from "react";
 * import { useBackgroundTask } from "tool-offload/react";
 *
 * export function Output({ id }: { id: string }) {
 *   const { output, cancel } = useBackgroundTask(id);
 *   const stop = createElement("button", { onClick: () => void cancel() }, "Stop");
 *   return createElement("section", null, createElement("pre", null, output), stop);
 * }
 * ```
 */
export function useBackgroundTask(id: string | undefined): BackgroundTask {
  const client = useTaskClient();
  const store = id === undefined ? undefined : taskStore(client, id);
  const { subscribe, read } = store ?? NOTHING;
  const state = useSyncExternalStore(subscribe, read, id === undefined ? onIdleServer : onServer);
  const calls = useMemo(
    () => ({
      cancel: (reason?: string) => {
        if (id === undefined)
          return Promise.reject(new Error("There is no task to stop: the id is undefined."));
        return client.cancel(id, reason === undefined ? {} : { reason });
      },
      retry: () => store?.retry(),
    }),
    [client, id, store],
  );
  return useMemo(() => ({ ...state, ...calls }), [state, calls]);
}

const NOTHING = { subscribe: () => () => undefined, read: () => TASK_IDLE };
const onServer = () => TASK_LOADING;
const onIdleServer = () => TASK_IDLE;
