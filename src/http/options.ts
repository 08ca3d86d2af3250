import { checkVersion } from "../core/copies.ts";
import type { BackgroundTaskManager } from "../core/manager.ts";
import type { TaskScope } from "../core/model/task.ts";
import { checkFunction, invalidOption } from "../core/values/validate.ts";

/** What the handler asks of a manager. */
export type TaskSource = Pick<BackgroundTaskManager, (typeof METHODS)[number]>;

/** The options of `createTaskHandler`. */
export interface TaskHandlerOptions {
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
  /**
   * Origins of this site, beside the request's own, whose pages may cancel. Name the public origin here if
   * a proxy in front changes protocol or host. @default []
   */
  allowedOrigins?: readonly string[] | undefined;
  /** Told of everything that was answered with 503 because something threw. What it throws harms nobody. */
  onError?: ((error: unknown, request: Request) => void) | undefined;
}

export interface HandlerSettings {
  tasks: TaskSource;
  authenticate: TaskHandlerOptions["authenticate"];
  /** Without a slash at its end. */
  basePath: string;
  allowCancel: boolean;
  allowedOrigins: readonly string[];
  onError: NonNullable<TaskHandlerOptions["onError"]>;
}

/** @throws `invalid_option`, naming the option and its value */
export function handlerSettings(options: TaskHandlerOptions): HandlerSettings {
  if (typeof options !== "object" || options === null) throw invalidOption("options", "an object", options);
  const { tasks, authenticate, allowCancel = false, onError = () => undefined } = options;
  const { basePath = "/background-tasks", allowedOrigins = [] } = options;
  checkVersion("tasks", tasks);
  const missing = METHODS.find((name) => typeof tasks?.[name] !== "function");
  if (missing) throw invalidOption("tasks", `a BackgroundTaskManager with a method "${missing}"`, tasks);
  checkFunction("authenticate", authenticate);
  checkFunction("onError", onError);
  if (typeof allowCancel !== "boolean") throw invalidOption("allowCancel", "a boolean", allowCancel);
  if (!Array.isArray(allowedOrigins)) throw invalidOption("allowedOrigins", "a list", allowedOrigins);
  return {
    tasks,
    authenticate,
    basePath: checkedPath(basePath),
    allowCancel,
    allowedOrigins: allowedOrigins.map(checkedOrigin),
    onError,
  };
}

const METHODS = ["list", "get", "result", "events", "wait", "cancel", "stats"] as const;

/** A path as it stands in the URL of a request. */
function checkedPath(path: unknown): string {
  if (typeof path !== "string" || !/^\/(?!\/)[^?#\\]*$/.test(path)) {
    throw invalidOption("basePath", 'a path that begins with "/"', path);
  }
  return new URL(path, "http://localhost").pathname.replace(/\/$/, "");
}

/** An origin as browsers send it. */
function checkedOrigin(origin: unknown): string {
  const parsed = typeof origin === "string" && URL.canParse(origin) ? new URL(origin) : undefined;
  if (parsed && parsed.origin !== "null" && parsed.href === `${parsed.origin}/`) return parsed.origin;
  throw invalidOption("allowedOrigins", 'a list of origins such as "https://app.example.com"', origin);
}
