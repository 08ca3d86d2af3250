import type { TaskInfo, TaskResult } from "../core/model/task.ts";
import { TaskChannel, TasksChannel } from "./channels.ts";
import { hasEnded } from "./ended.ts";
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
      return requests.state<ListedTasks>({ path: "", query, signal, tries }, TASK_PAGE);
    },
    async get(id, { signal } = {}) {
      return orMissing(requests.state<TaskInfo>({ path: pathOf(id), signal, tries }, TASK));
    },
    async result(id, { signal, ...query } = {}) {
      const request = { path: `${pathOf(id)}/result`, query, signal, tries };
      const answer = await orMissing(requests.ask<TaskResult>(request, RESULT));
      return answer && hasEnded(answer.status) ? answer : undefined;
    },
    waitFor: (id, { signal } = {}) => resultOf(requests, pathOf(id), signal),
    async events(id, { signal, ...query } = {}) {
      const request = { path: `${pathOf(id)}/events`, query, signal, tries };
      return requests.ask<LoggedEvents>(request, EVENT_PAGE);
    },
    watch(id, { after = 0, ...options } = {}) {
      const path = pathOf(id);
      return follow(() => new TaskChannel(path, after, requests), options);
    },
    watchAll({ sessionId, ...options } = {}) {
      return follow(() => new TasksChannel(sessionId, requests), options);
    },
    async cancel(id, { signal, ...body } = {}) {
      const request: Outgoing = { method: "POST", path: `${pathOf(id)}/cancel`, body, signal, tries };
      return requests.ask<TaskInfo>(request, TASK);
    },
    async tools({ signal } = {}) {
      const request = { path: "/tools", signal, tries };
      return (await requests.ask<{ tools: CreatableTool[] }>(request, TOOLS)).tools;
    },
    async create(body, { idempotencyKey = randomKey(), signal } = {}) {
      const headers = { "Idempotency-Key": idempotencyKey };
      const request: Outgoing = { method: "POST", path: "", headers, body, signal, tries };
      return requests.ask<TaskInfo>(request, TASK);
    },
  };
}

/** Nothing is done twice by it: a cancel is idempotent, and a creation has a key. */
const tries = 3;

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
