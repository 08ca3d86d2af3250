import { ofThisVersion } from "../core/copies.ts";
import type { BackgroundTaskManager } from "../core/manager.ts";
import type { TaskScope } from "../core/model/task.ts";
import { boolean, func, type Kind, kind, limit, methods } from "../core/values/kinds.ts";
import { group, needed, option, readOptions, type Settings, type Table } from "../core/values/options.ts";
import { origins, path } from "../core/values/places.ts";
import { type TaskTools, taskTools } from "./tools.ts";

const METHODS = [
  "start",
  "list",
  "get",
  "result",
  "events",
  "watch",
  "watchAll",
  "wait",
  "cancel",
  "stats",
] as const;

/** What the handler asks of a manager. */
export type TaskSource = Pick<BackgroundTaskManager, (typeof METHODS)[number]>;

/** What streams are held to. */
export interface StreamOptions {
  /** How many of one user may be open at the same time, of those that come to this handler. @default 32 */
  perUser?: number | undefined;
  /**
   * The longest that one stays open, in milliseconds; up to a fifth less, so that those that have come together do not all
   * come back together. @default 600_000
   */
  lifetimeMs?: number | undefined;
  /** The milliseconds between two signs of life. @default 15_000 */
  heartbeatMs?: number | undefined;
}

/** The options of `createTaskHandler`. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the schemas of its tools make of inputs
export interface TaskHandlerOptions<Inputs = any> {
  /** The manager whose tasks are shown. */
  tasks: TaskSource;
  /**
   * Whose tasks this request may see; `null` for nobody's, which is answered with 401. With a `sessionId`
   * it is that session's only. It must not read the body.
   */
  authenticate: (request: Request) => TaskScope | null | undefined | Promise<TaskScope | null | undefined>;
  /** The path under which the handler is reached, as it stands in `request.url`. @default "/background-tasks" */
  basePath?: string | undefined;
  /** Whether `POST /:id/cancel` exists. @default false */
  allowCancel?: boolean | undefined;
  /** Of which tools users may create tasks with `POST /`, by name. @default {} */
  tools?: TaskTools<Inputs> | undefined;
  /**
   * Origins, beside the host's own, whose pages may cancel and create: `["https://app.example.com"]`. @default []
   */
  allowedOrigins?: readonly string[] | undefined;
  /**
   * How many requests of one user may wait at the same time (`waitMs`), of those that come to this handler.
   * One more is answered with 429 if it would have to wait. @default 100
   */
  waitsPerUser?: number | undefined;
  /**
   * The streams of `GET /stream` and `GET /:id/events`; `false` for none, where a server must not keep connections open.
   * @default see below
   */
  streams?: StreamOptions | false | undefined;
  /**
   * What a 401 asks for in `WWW-Authenticate`: `"Bearer"` where clients bring a token. Where they bring a cookie there is
   * nothing to ask for. @default none
   */
  challenge?: string | undefined;
  /**
   * Told of everything that was answered with 503 because something threw, or because `authenticate` answered no
   * sound scope. What it throws harms nobody. @default a warning, once
   */
  onError?: ((error: unknown, request: Request) => void) | undefined;
}

const STREAMS = {
  perUser: option(limit(0), 32),
  lifetimeMs: option(limit(1), 600_000),
  heartbeatMs: option(limit(1), 15_000),
} satisfies Table<StreamOptions>;

const streams: Kind<Settings<typeof STREAMS> | false> = (value, name, code) =>
  value === false ? false : group(STREAMS).kind(value, name, code);

const HANDLER = {
  tasks: needed(ofThisVersion(methods("a BackgroundTaskManager", METHODS))),
  authenticate: needed(kind("a function that answers whose request it is, as a scope, or null", isFunction)),
  basePath: option(path, "/background-tasks"),
  allowCancel: option(boolean, false),
  tools: option(taskTools, {}),
  allowedOrigins: option(origins, []),
  waitsPerUser: option(limit(0), 100),
  streams: option(streams, group(STREAMS).fallback),
  challenge: option(kind('a challenge such as "Bearer"', isChallenge)),
  onError: option(func<NonNullable<TaskHandlerOptions["onError"]>>()),
} satisfies Table<TaskHandlerOptions>;

/** With every default filled in, and `basePath` without a slash at its end. */
export type HandlerSettings = Settings<typeof HANDLER>;

/** @throws `invalid_option`, naming the option and its value */
export function handlerSettings(options: TaskHandlerOptions<unknown>): HandlerSettings {
  return readOptions(HANDLER, options);
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

/** Anything else is no header. */
function isChallenge(value: unknown): boolean {
  return typeof value === "string" && /^[!-~]+(?: [!-~]+)*$/.test(value);
}
