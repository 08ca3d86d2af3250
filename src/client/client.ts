import type { TaskInfo, TaskResult } from "../core/model/task.ts";
import { TaskChannel, TasksChannel } from "./channels.ts";
import { TaskClientError } from "./errors.ts";
import { type Channel, Follower, type FollowOptions } from "./follow.ts";
import { clientSettings, invalid, type TaskClientOptions } from "./options.ts";
import { type Outgoing, Requests } from "./requests.ts";
import { EVENT_PAGE, RESULT, TASK, TASK_PAGE, TOOLS } from "./shapes.ts";
import type { CreatableTool, ListedTasks, LoggedEvents, TaskClient } from "./task-client.ts";
import { resultOf } from "./wait-for.ts";

/**
 * A client of the task handler, for pages and programs. It needs nothing but `fetch`.
 *
 * @throws `TaskClientError` with code `invalid_option`, naming the option and its value
 * @example
 * ```ts
 * import { createTaskClient } from "tool-offload/client";
 *
 * const tasks = createTaskClient({ baseUrl: "https://app.example.com/background-tasks" });
 * for await (const state of tasks.watchAll()) {
 *   if (state.type === "task") console.log(state.task.summary, state.task.status);
 * }
 * ```
 */
export function createTaskClient(options: TaskClientOptions): TaskClient {
  const settings = clientSettings(options);
  const requests = new Requests(settings);
  const closesHidden = settings.whenHidden === "close";
  /** Each loop follows anew. */
  const follow = <News>(open: () => Channel<News>, options: FollowOptions): AsyncIterable<News> => ({
    [Symbol.asyncIterator]: () => new Follower(open(), requests, closesHidden, options).read(),
  });
  return {
    async list({ signal, ...query } = {}) {
      return (await requests.read<ListedTasks>({ path: "", query, signal }, { 200: TASK_PAGE })).body;
    },
    async get(id, { signal } = {}) {
      const request = { path: pathOf(id), signal };
      return (await orMissing(requests.read<TaskInfo>(request, { 200: TASK })))?.body;
    },
    async result(id, { signal, ...query } = {}) {
      const request = { path: `${pathOf(id)}/result`, query, signal };
      const answer = await orMissing(requests.read<TaskResult>(request, { 200: RESULT, 202: TASK }));
      return answer?.status === 200 ? answer.body : undefined;
    },
    waitFor: (id, { signal } = {}) => resultOf(requests, pathOf(id), signal),
    async events(id, { signal, ...query } = {}) {
      const request = { path: `${pathOf(id)}/events`, query, signal };
      return (await requests.read<LoggedEvents>(request, { 200: EVENT_PAGE })).body;
    },
    watch(id, { after = 0, ...options } = {}) {
      const path = pathOf(id);
      return follow(() => new TaskChannel(path, after, requests), options);
    },
    watchAll({ sessionId, ...options } = {}) {
      return follow(() => new TasksChannel(sessionId, requests), options);
    },
    async cancel(id, { signal, ...body } = {}) {
      const request: Outgoing = { method: "POST", path: `${pathOf(id)}/cancel`, body, signal };
      return (await requests.read<TaskInfo>(request, { 200: TASK })).body;
    },
    async tools({ signal } = {}) {
      return (await requests.read<{ tools: CreatableTool[] }>({ path: "/tools", signal }, { 200: TOOLS }))
        .body.tools;
    },
    async create(body, { idempotencyKey = randomKey(), signal } = {}) {
      const headers = { "Idempotency-Key": idempotencyKey };
      const request: Outgoing = { method: "POST", path: "", headers, body, signal };
      return (await requests.read<TaskInfo>(request, { 202: TASK })).body;
    },
  };
}

/** An id is a part of the path: an empty one would lead elsewhere. */
function pathOf(id: string): string {
  if (typeof id !== "string" || id === "") throw invalid("id", "the id of a task", id);
  return `/${encodeURIComponent(id)}`;
}

function orMissing<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  return asked.catch((error: unknown) => {
    if (error instanceof TaskClientError && error.code === "not_found") return undefined;
    throw error;
  });
}

/** Pages without TLS have no `randomUUID`. */
function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(36)).join("");
}
