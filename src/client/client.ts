import type { TaskInfo, TaskResult } from "../core/model/task.ts";
import { TaskChannel, TasksChannel } from "./channels.ts";
import { hasEnded } from "./ended.ts";
import { TaskClientError } from "./errors.ts";
import { type Channel, Follower, type FollowOptions } from "./follow.ts";
import { clientSettings, invalid, type TaskClientOptions } from "./options.ts";
import type { Page } from "./page.ts";
import { Requests } from "./requests.ts";
import { EVENT_PAGE, RESULT, TASK, TASK_PAGE, TOOLS } from "./shapes.ts";
import type { CreatableTool, EventPage, TaskClient, TaskPage } from "./task-client.ts";
import { resultOf } from "./wait-for.ts";

/**
 * A client of the task handler, for pages and programs. It needs nothing but `fetch`.
 *
 * @throws `TaskClientError` with code `invalid_option`, naming the option and its value
 * @example With a server
 * ```ts
 * import { createTaskClient } from "tool-offload/client";
 *
 * const tasks = createTaskClient({ baseUrl: "https://app.example.com/background-tasks" });
 * for await (const update of tasks.watchAll()) {
 *   if (update.type === "task") console.log(update.task.summary, update.task.status);
 * }
 * ```
 */
export function createTaskClient(options: TaskClientOptions): TaskClient {
  const settings = clientSettings(options);
  const requests = new Requests(settings);
  const { document } = globalThis as { document?: Page };
  /** Undefined where nobody wants to know whether it is seen. */
  const page = settings.whenHidden === "keep" ? undefined : document;
  /** Each loop follows anew. */
  const follow = <News>(open: () => Channel<News>, options: FollowOptions): AsyncIterable<News> => ({
    [Symbol.asyncIterator]: () => new Follower(open(), requests, page, options),
  });
  return {
    async list({ signal, ...query } = {}) {
      return requests.ask<TaskPage>({ path: "", query, signal, isState: true }, TASK_PAGE);
    },
    async get(id, { signal } = {}) {
      return orMissing(requests.ask<TaskInfo>({ path: pathOf(id), signal, isState: true }, TASK));
    },
    async result(id, { signal, ...query } = {}) {
      const request = { path: `${pathOf(id)}/result`, query, signal };
      const result = await orMissing(requests.ask<TaskResult>(request, RESULT));
      return result && hasEnded(result.status) ? result : undefined;
    },
    async waitFor(id, { signal } = {}) {
      return resultOf(requests, `${pathOf(id)}/result`, signal);
    },
    async events(id, { signal, ...query } = {}) {
      return requests.ask<EventPage>({ path: `${pathOf(id)}/events`, query, signal }, EVENT_PAGE);
    },
    watch(id, { after = 0, ...options } = {}) {
      const path = pathOf(id);
      return follow(() => new TaskChannel(path, after, requests), options);
    },
    watchAll({ sessionId, ...options } = {}) {
      return follow(() => new TasksChannel(sessionId, requests), options);
    },
    async cancel(id, { signal, ...body } = {}) {
      return requests.ask<TaskInfo>({ method: "POST", path: `${pathOf(id)}/cancel`, body, signal }, TASK);
    },
    async tools({ signal } = {}) {
      return (await requests.ask<{ tools: CreatableTool[] }>({ path: "/tools", signal }, TOOLS)).tools;
    },
    async create(body, { idempotencyKey = randomKey(), signal } = {}) {
      const headers = { "idempotency-key": idempotencyKey };
      return requests.ask<TaskInfo>({ method: "POST", path: "", headers, body, signal }, TASK);
    },
  };
}

/** An id is a part of the path: another text would lead elsewhere. */
function pathOf(id: string): string {
  if (!/^[\w-]+$/.test(id)) throw invalid("id", "the id of a task", id);
  return `/${id}`;
}

function orMissing<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  return asked.catch((error: unknown) => {
    if (error instanceof TaskClientError && error.code === "not_found") return undefined;
    throw error;
  });
}

/** Unique among the keys of one user; pages without TLS have no `randomUUID`. */
function randomKey(): string {
  return `${Date.now()}-${Math.random()}`;
}
