import type { Kind } from "../core/values/kinds.ts";
import { option, readOptions, type Settings, type Table } from "../core/values/options.ts";
import { origins, path } from "../core/values/places.ts";

/** The options of `createTaskPage`. */
export interface TaskPageOptions {
  /** The path under which the page is reached, as it stands in `request.url`. @default "/tasks" */
  basePath?: string | undefined;
  /** The path of the task handler, as the browser sees it: on the same origin. @default "/background-tasks" */
  apiPath?: string | undefined;
  /** Origins whose pages may show this one in a frame; `"self"` for its own. @default [] */
  frameAncestors?: readonly string[] | undefined;
}

/** Sources as a Content-Security-Policy has them. */
const ancestors: Kind<string[]> = (value, name, code) => {
  if (!Array.isArray(value)) return origins(value, name, code);
  const others = value.filter((each) => each !== "self");
  return [...(others.length < value.length ? ["'self'"] : []), ...origins(others, name, code)];
};

const PAGE = {
  basePath: option(path, "/tasks"),
  apiPath: option(path, "/background-tasks"),
  frameAncestors: option(ancestors, []),
} satisfies Table<TaskPageOptions>;

/** With every default filled in, and paths without a slash at their end. */
export type PageSettings = Settings<typeof PAGE>;

/** @throws `invalid_option`, naming the option and its value */
export function pageSettings(options: TaskPageOptions): PageSettings {
  return readOptions(PAGE, options);
}
