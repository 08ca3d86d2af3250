import { onTestFinished } from "vitest";
import { createTaskHandler, type TaskHandlerOptions } from "../../../src/http/index.ts";
import { BackgroundTaskManager, type TaskInfo, type TaskScope } from "../../../src/index.ts";
import { byToken, callOf } from "../lab.ts";

export const ada = { userId: "ada" };

interface StageOptions extends Partial<TaskHandlerOptions> {
  tasks?: BackgroundTaskManager;
}

export interface Asking {
  token?: string;
  accept?: string;
  headers?: Record<string, string>;
  method?: string;
  signal?: AbortSignal;
}

/** A handler without a server, and how many watches of its manager are open. */
export function stage(options: StageOptions = {}) {
  const { tasks: manager = new BackgroundTaskManager(), ...rest } = options;
  const open = countWatches(manager);
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const handle = createTaskHandler({ tasks: manager, authenticate: byToken, onError, ...rest });
  onTestFinished(() => manager.close({ drainMs: 0 }));
  const requestFor = (path: string, asking: Asking = {}) => {
    const { token = "ada", accept = "text/event-stream", method = "GET", signal } = asking;
    const headers = { Authorization: `Bearer ${token}`, Accept: accept, ...asking.headers };
    const init = { method, headers, ...(signal && { signal }) };
    return new Request(`http://localhost/background-tasks${path}`, init);
  };
  const ask = (path: string, asking?: Asking) => handle(requestFor(path, asking));
  return { tasks: manager, open, errors, handle, requestFor, ask };
}

/** Counts what of a manager is watched at the moment. */
export function countWatches(tasks: BackgroundTaskManager): { count: number } {
  const open = { count: 0 };
  async function* counted<T>(told: AsyncIterable<T>) {
    open.count += 1;
    try {
      yield* told;
    } finally {
      open.count -= 1;
    }
  }
  const { watch, watchAll } = tasks;
  tasks.watch = (...given) => counted(watch.apply(tasks, given));
  tasks.watchAll = (...given) => counted(watchAll.apply(tasks, given));
  return open;
}

/** A task that tells what it is told to, and ends with it. */
export async function telling(tasks: BackgroundTaskManager, scope: TaskScope = ada) {
  let write: (text: string) => void = () => undefined;
  let finish: (value?: unknown) => void = () => undefined;
  const value = new Promise((resolve) => {
    finish = resolve;
  });
  const task = await tasks.start(callOf(scope), (_input, context) => {
    write = (text) => context.write(text);
    return value;
  });
  const end = async (): Promise<TaskInfo> => {
    finish("done");
    const [ended] = await tasks.wait(scope, [task.id]);
    if (ended === undefined) throw new Error("The task is gone.");
    return ended;
  };
  return { task, write: (text: string) => write(text), end };
}
