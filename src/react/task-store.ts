import {
  type TaskClient,
  TaskClientError,
  type TaskInfo,
  type TaskResult,
  type WatchedEvent,
} from "../client/index.ts";
import { ExternalStore, sharedStores } from "./external-store.ts";
import { Pace } from "./pace.ts";
import { ended, type FollowStatus } from "./states.ts";

export interface TaskState {
  task: TaskInfo | undefined;
  /** The last 262,144 characters of what the tool wrote. */
  output: string;
  /** Whether something before `output` is gone. */
  truncated: boolean;
  /** How it ended; undefined until then. */
  result: TaskResult | undefined;
  status: FollowStatus;
  error: Error | undefined;
}

const EMPTY = { task: undefined, output: "", truncated: false, result: undefined, error: undefined };
export const TASK_LOADING: TaskState = { ...EMPTY, status: "loading" };
export const TASK_IDLE: TaskState = { ...EMPTY, status: "idle" };

export const taskStore = sharedStores<TaskClient, TaskState>((client, id, onUnread) => {
  const follow = async (store: ExternalStore<TaskState>, signal: AbortSignal) => {
    const view = new TaskView(store);
    store.change(TASK_LOADING);
    const look = async () => view.show({ task: await client.get(id, { signal }) });
    try {
      await look();
      if (store.read().task === undefined) {
        throw new TaskClientError("not_found", "There is no such task, or it is not yours.");
      }
      const onState = (status: FollowStatus) => view.show({ status });
      for await (const told of client.watch(id, { signal, onState })) {
        view.take(told);
        if (CHANGES.includes(told.event.type)) await look();
      }
      if (signal.aborted) return;
      await look();
      view.show({ result: await client.result(id, { signal }) });
    } catch (error) {
      if (!signal.aborted) view.show(ended(error));
    } finally {
      view.close();
    }
  };
  return new ExternalStore(TASK_LOADING, follow, onUnread);
});

/** Events after which the task is another one; its end is read when nothing more comes. */
const CHANGES = ["task.started", "task.cancel_requested"];
const KEPT = 262_144;

/** What has been told, on its way to who reads it. */
class TaskView {
  readonly #store: ExternalStore<TaskState>;
  readonly #pace: Pace;
  #pending: Partial<TaskState> = {};

  constructor(store: ExternalStore<TaskState>) {
    this.#store = store;
    this.#pace = new Pace(() => this.#flush());
  }

  take({ event, truncated }: WatchedEvent): void {
    const { output, task } = this.#now;
    const isCut = truncated || this.#now.truncated;
    if (event.type === "task.output") {
      const whole = output + event.chunk;
      this.#change({ output: whole.slice(-KEPT), truncated: isCut || whole.length > KEPT });
    } else if (event.type === "task.progress" && task) {
      this.#change({ task: { ...task, progress: event.progress }, truncated: isCut });
    } else if (truncated) {
      this.#change({ truncated: isCut });
    }
  }

  /** Shows this, and all that waits, at once. */
  show(change: Partial<TaskState>): void {
    this.#pending = { ...this.#pending, ...change };
    this.#pace.now();
  }

  close(): void {
    this.#pace.stop();
  }

  get #now(): TaskState {
    return { ...this.#store.read(), ...this.#pending };
  }

  #change(change: Partial<TaskState>): void {
    this.#pending = { ...this.#pending, ...change };
    this.#pace.soon();
  }

  #flush(): void {
    const pending = this.#pending;
    this.#pending = {};
    this.#store.change(pending);
  }
}
