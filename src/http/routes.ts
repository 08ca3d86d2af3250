/**
 * The one table of all routes. Whatever is known of them comes from here: where a request goes, which methods a path has,
 * how queries and bodies are read, the description in OpenAPI.
 */

import { createTask } from "./answers/create.ts";
import { readEvents } from "./answers/events.ts";
import { readHealth } from "./answers/health.ts";
import { readOpenApi } from "./answers/openapi.ts";
import { readResult } from "./answers/result.ts";
import { cancelTask, getTask, listTasks } from "./answers/tasks.ts";
import { listTools } from "./answers/tools.ts";
import type { HandlerSettings } from "./options.ts";
import {
  cancelBodySchema,
  createBodySchema,
  createHeadersSchema,
  eventPageSchema,
  eventStreamSchema,
  eventsQuerySchema,
  healthSchema,
  listQuerySchema,
  locationSchema,
  openApiSchema,
  pendingTaskSchema,
  resultQuerySchema,
  retryAfterSchema,
  streamHeadersSchema,
  streamQuerySchema,
  taskPageSchema,
  taskStreamSchema,
  toolListSchema,
} from "./protocol.ts";
import { json, openRoute, ownRoute, type Route } from "./route.ts";
import { streamTasks } from "./streams/user-stream.ts";
import { taskInfoSchema, taskResultSchema } from "./task-schemas.ts";

const retry = { "Retry-After": retryAfterSchema };

export const ROUTES: readonly Route[] = [
  ownRoute({
    name: "listTasks",
    method: "GET",
    path: "/",
    summary: "Lists your tasks, newest first.",
    query: listQuerySchema,
    answers: { 200: json("A page of tasks.", taskPageSchema) },
    problems: ["too_many_waits"],
    run: listTasks,
  }),
  ownRoute({
    name: "createTask",
    method: "POST",
    path: "/",
    summary: "Creates a task of a tool.",
    headers: createHeadersSchema,
    body: createBodySchema,
    maxBodyBytes: 1_048_576,
    answers: {
      202: json("The task. One that was asked for again is as it is by now.", taskInfoSchema, {
        Location: locationSchema,
      }),
    },
    problems: ["not_found", "session_busy", "key_reused", "too_many_tasks"],
    option: "tools",
    run: createTask,
  }),
  ownRoute({
    name: "listTools",
    method: "GET",
    path: "/tools",
    summary: "Lists the tools that you may create tasks of.",
    answers: { 200: json("The tools.", toolListSchema) },
    option: "tools",
    run: listTools,
  }),
  ownRoute({
    name: "streamTasks",
    method: "GET",
    path: "/stream",
    summary: "Shows your tasks as they are, again and again.",
    query: streamQuerySchema,
    answers: {
      200: { description: "Their states.", content: { "text/event-stream": taskStreamSchema } },
    },
    problems: ["not_found", "too_many_streams"],
    option: "streams",
    run: streamTasks,
  }),
  openRoute({
    name: "readHealth",
    method: "GET",
    path: "/health",
    summary: "Tells anybody whether tasks are accepted.",
    answers: {
      200: json("They are.", healthSchema),
      503: json("The server is closing.", healthSchema, retry),
    },
    open: readHealth,
  }),
  ownRoute({
    name: "readOpenApi",
    method: "GET",
    path: "/openapi.json",
    summary: "Describes this API in OpenAPI 3.1.",
    answers: { 200: json("The description.", openApiSchema) },
    run: readOpenApi,
  }),
  ownRoute({
    name: "getTask",
    method: "GET",
    path: "/:id",
    summary: "Reads one task.",
    answers: { 200: json("The task.", taskInfoSchema) },
    run: getTask,
  }),
  ownRoute({
    name: "readResult",
    method: "GET",
    path: "/:id/result",
    summary: "Reads how a task has ended.",
    query: resultQuerySchema,
    answers: {
      200: json("How it has ended.", taskResultSchema),
      202: json("The task, which has not ended.", pendingTaskSchema, retry),
    },
    problems: ["too_many_waits"],
    run: readResult,
  }),
  ownRoute({
    name: "readEvents",
    method: "GET",
    path: "/:id/events",
    summary: "Reads the log of a task.",
    query: eventsQuerySchema,
    headers: streamHeadersSchema,
    answers: {
      200: {
        description: "Its events, oldest first.",
        content: { "application/json": eventPageSchema, "text/event-stream": eventStreamSchema },
      },
      204: { description: "A stream of a task that has ended is at its end.", content: {} },
    },
    problems: ["too_many_waits", "too_many_streams"],
    run: readEvents,
  }),
  ownRoute({
    name: "cancelTask",
    method: "POST",
    path: "/:id/cancel",
    summary: "Asks a task to stop.",
    body: cancelBodySchema,
    answers: { 200: json("The task as it is then. One that has ended is unchanged.", taskInfoSchema) },
    option: "allowCancel",
    run: cancelTask,
  }),
];

/** The routes that a handler with these settings has. */
export function offeredRoutes(settings: HandlerSettings): Route[] {
  const offered = ROUTES.filter((route) => isOffered(route, settings));
  return settings.streams === false ? offered.map(withoutStreams) : offered;
}

/** What is left of a route that has streams beside its JSON. */
function withoutStreams<Any extends Route>(route: Any): Any {
  const answers = Object.entries(route.answers).flatMap(([status, { content, ...rest }]) => {
    const { "application/json": json } = content;
    return json === undefined ? [] : [[status, { ...rest, content: { "application/json": json } }]];
  });
  const problems = route.problems?.filter((code) => code !== "too_many_streams");
  return { ...route, answers: Object.fromEntries(answers), headers: undefined, problems };
}

/** Those that it lacks, since their option is not set. */
export function missingRoutes(settings: HandlerSettings): Route[] {
  return ROUTES.filter((route) => !isOffered(route, settings));
}

function isOffered({ option }: Route, { allowCancel, tools, streams }: HandlerSettings): boolean {
  if (option === "allowCancel") return allowCancel;
  if (option === "streams") return streams !== false;
  return option === undefined || Object.keys(tools).length > 0;
}
