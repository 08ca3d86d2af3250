/** What a host is told that has put the handler to a wrong use: nothing else in its process would say so. */

import { describeError } from "../core/values/summary.ts";
import { fault, shown } from "../core/values/validate.ts";
import { warn } from "../core/values/warn.ts";
import { Refusal } from "./refusal.ts";
import { isUnder, type Router } from "./router.ts";

/** In place of an `onError`: the reason of the first 503 is a warning of the process. */
export function warnOnce(): (error: unknown) => void {
  let hasWarned = false;
  return (error) => {
    if (hasWarned) return;
    hasWarned = true;
    warn(
      `A request to the task handler was answered with 503: ${describeError(error)}`,
      "Give createTaskHandler an `onError`: it is told of each, and this is not printed.",
    );
  };
}

/** Mounted without a bridge, the handler is given what its server has in place of a web request. */
export function checkRequest(request: Request): void {
  if (typeof request.headers?.get === "function") return;
  throw fault(
    "invalid_input",
    "request",
    "a web Request (in Hono it is `context.req.raw`; node:http and Express take a bridge, such as " +
      "createRequestListener of @remix-run/node-fetch-server)",
    request,
  );
}

/** In development the 404 says what the host has to look at: where it mounts the handler, or an option. */
export function nothingAt(pathname: string, basePath: string, missing: Router): Refusal {
  const detail = isDeveloping() ? whyNothing(pathname, basePath, missing) : undefined;
  return new Refusal("not_found", detail === undefined ? {} : { detail });
}

function whyNothing(pathname: string, basePath: string, missing: Router): string | undefined {
  const [route] = missing(pathname)?.methods.values() ?? [];
  if (route !== undefined) return `The task handler has this route only with its option \`${route.option}\`.`;
  if (isUnder(basePath, pathname)) return undefined;
  return (
    `The task handler answers under ${shown(basePath || "/")}, and this request came to it as ${shown(pathname)}. ` +
    "Set its `basePath` to what the path begins with when it comes here, or mount it where the path stays whole."
  );
}

/** Some runtimes have no process, and some ask before they show the environment. */
function isDeveloping(): boolean {
  try {
    return globalThis.process?.env?.NODE_ENV !== "production";
  } catch {
    return false;
  }
}
