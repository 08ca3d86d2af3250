import { addRoute, createRouter, findRoute } from "rou3";
import type { EventPage } from "../core/model/store.ts";
import type { TaskInfo, TaskResult } from "../core/model/task.ts";
import { isFinished, type TaskScope } from "../core/model/task.ts";
import type { TaskPage } from "../core/reading/queries.ts";
import type { TaskSource } from "./options.ts";
import type { Pages } from "./pages.ts";
import {
  eventsQuerySchema,
  type Health,
  listQuerySchema,
  noQuerySchema,
  resultQuerySchema,
  taskPathSchema,
} from "./protocol.ts";
import { Refusal } from "./refusal.ts";
import { readCancelBody, readQuery } from "./request.ts";
import type { Answer } from "./response.ts";
import type { Waits } from "./waits.ts";

/** A request on its way through a route. */
export interface Visit {
  tasks: TaskSource;
  pages: Pages;
  waits: Waits;
  /** Empty where the path holds none. */
  id: string;
  url: URL;
  request: Request;
}

/** Answers whoever has been authenticated, about what is theirs. */
export interface OwnRoute {
  method: "GET" | "POST";
  answer: (visit: Visit, scope: TaskScope) => Promise<Answer>;
}

export type Route = OpenRoute | OwnRoute;

/** Finds the route for a path, and the id in it. */
export function createRoutes(basePath: string, allowCancel: boolean) {
  const router = createRouter<Route>();
  const routes = allowCancel ? { ...READING, ...CANCELLING } : READING;
  for (const [path, route] of Object.entries(routes)) addRoute(router, "", path, route);
  return (pathname: string): { route: Route; id: string } | undefined => {
    if (!isUnder(basePath, pathname)) return undefined;
    const found = findRoute(router, "", pathname.slice(basePath.length));
    if (found?.params === undefined) return found && { route: found.data, id: "" };
    const path = taskPathSchema.safeParse(found.params);
    return path.success ? { route: found.data, id: path.data.id } : undefined;
  };
}

/** Whether a path is the handler's to answer. */
export function isUnder(basePath: string, pathname: string): boolean {
  return pathname === basePath || pathname.startsWith(`${basePath}/`);
}

/** Answers anybody. */
interface OpenRoute {
  method: "GET";
  open: (visit: Visit) => Promise<Answer>;
}

const READING: Record<string, Route> = {
  "/": { method: "GET", answer: list },
  "/health": { method: "GET", open: health },
  "/:id": { method: "GET", answer: get },
  "/:id/result": { method: "GET", answer: result },
  "/:id/events": { method: "GET", answer: events },
};

const CANCELLING: Record<string, Route> = {
  "/:id/cancel": { method: "POST", answer: cancel },
};

async function list({ tasks, pages, url }: Visit, scope: TaskScope): Promise<Answer<TaskPage>> {
  const { sessionId = scope.sessionId, ...rest } = readQuery(listQuerySchema, url);
  const isOutside = scope.sessionId !== undefined && sessionId !== scope.sessionId;
  if (isOutside) return ok({ tasks: [], nextCursor: null });
  const page = await tasks.list({ ...scope, sessionId }, rest);
  return { ...ok(page), written: await pages.write(`${scope.userId} ${url.href}`, page) };
}

async function health({ tasks }: Visit): Promise<Answer<Health>> {
  const { accepting } = await tasks.stats();
  if (accepting) return ok({ status: "ok" });
  return { status: 503, body: { status: "closing" }, headers: { "Retry-After": "2" } };
}

async function get({ tasks, id, url }: Visit, scope: TaskScope): Promise<Answer<TaskInfo>> {
  readQuery(noQuerySchema, url);
  return ok(found(await tasks.get(scope, id)));
}

async function result(visit: Visit, scope: TaskScope): Promise<Answer<TaskResult | TaskInfo>> {
  const { tasks, id, url } = visit;
  const { waitMs = 0, ...range } = readQuery(resultQuerySchema, url);
  const task = found(await (waitMs > 0 ? waitInTurn(visit, scope, waitMs) : tasks.get(scope, id)));
  if (!isFinished(task.status)) return { status: 202, body: task, headers: { "Retry-After": "1" } };
  const isWhole = range.offset === undefined && range.limit === undefined;
  return ok(found(await tasks.result(scope, id, isWhole ? undefined : range)));
}

/** Who comes when too many of the same user wait already learns only what needs no waiting. */
async function waitInTurn(visit: Visit, scope: TaskScope, timeoutMs: number) {
  const leave = visit.waits.enter(scope.userId);
  if (leave !== undefined) return wait(visit, scope, timeoutMs).finally(leave);
  const task = await visit.tasks.get(scope, visit.id);
  if (task !== undefined && !isFinished(task.status)) throw new Refusal(429);
  return task;
}

/** The task once it has finished, or as it is when the time is over or the client has gone. */
async function wait({ tasks, id, request: { signal } }: Visit, scope: TaskScope, timeoutMs: number) {
  try {
    const [task] = await tasks.wait(scope, [id], { timeoutMs, signal });
    return task;
  } catch (error) {
    if (!signal.aborted) throw error;
    return tasks.get(scope, id);
  }
}

async function events({ tasks, id, url }: Visit, scope: TaskScope): Promise<Answer<EventPage>> {
  const asked = readQuery(eventsQuerySchema, url);
  found(await tasks.get(scope, id));
  return ok(await tasks.events(scope, id, asked));
}

async function cancel({ tasks, id, request, url }: Visit, scope: TaskScope): Promise<Answer<TaskInfo>> {
  readQuery(noQuerySchema, url);
  const body = await readCancelBody(request);
  return ok(found(await tasks.cancel(scope, id, { ...body, by: "user" })));
}

function ok<Body>(body: Body): Answer<Body> {
  return { status: 200, body };
}

/** Missing and foreign are one answer. */
function found<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Refusal(404);
  return thing;
}
