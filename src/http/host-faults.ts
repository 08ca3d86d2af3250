/** What a host is told that has put the handler to a wrong use: nothing else in its process would say so. */

import { describeError } from "../core/values/summary.ts";
import { shown } from "../core/values/validate.ts";
import { warn } from "../core/values/warn.ts";
import { Refusal } from "./refusal.ts";
import { isUnder } from "./router.ts";

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

/** A server may cut off the path under which it mounts. In development the 404 says what has come of it. */
export function nothingAt(pathname: string, basePath: string): Refusal {
  if (isUnder(basePath, pathname) || !isDeveloping()) return new Refusal("not_found");
  return new Refusal("not_found", {
    detail:
      `The task handler answers under ${shown(basePath || "/")}, and this request came to it as ${shown(pathname)}. ` +
      "Set its `basePath` to what the path begins with when it comes here, or mount it where the path stays whole.",
  });
}

/** Some runtimes have no process, and some ask before they show the environment. */
function isDeveloping(): boolean {
  try {
    return globalThis.process?.env?.NODE_ENV !== "production";
  } catch {
    return false;
  }
}
