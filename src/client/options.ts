import { TaskClientError } from "./errors.ts";
import type { Credentials, Fetch } from "./fetch.ts";

/** Headers of each request, or a function that makes them anew, such as one that refreshes a token. */
export type ClientHeaders =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

/** The options of `createTaskClient`. */
export interface TaskClientOptions {
  /** Where the task handler is mounted: `https://app.example.com/background-tasks`, or in a page `/background-tasks`. */
  baseUrl: string;
  /** A function is asked before each request, and once more after a 401. @default none */
  headers?: ClientHeaders | undefined;
  /** @default the runtime's own */
  fetch?: Fetch | undefined;
  /** Whether cookies go along: `"include"` for a handler of another origin. @default "same-origin" */
  credentials?: Credentials | undefined;
  /**
   * What becomes of streams while their page is hidden: closed, and taken up where they were when it is seen again, or
   * kept. Browsers open at most six connections to a host over HTTP/1.1, those of hidden tabs included.
   * @default "close"
   */
  whenHidden?: "close" | "keep" | undefined;
}

/** With every default filled in, and `baseUrl` without a slash at its end. */
export interface ClientSettings {
  baseUrl: string;
  headers: ClientHeaders;
  fetch: Fetch;
  credentials: Credentials | undefined;
  whenHidden: "close" | "keep";
}

/** @throws `TaskClientError` with code `invalid_option`, naming the option and its value */
export function clientSettings(options: TaskClientOptions): ClientSettings {
  const {
    baseUrl,
    headers = {},
    fetch = ownFetch,
    credentials,
    whenHidden = "close",
    ...others
  } = options ?? {};
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new TaskClientError("invalid_option", `There is no option ${unknown}.`);
  if (!/^(https?:\/)?\//.test(baseUrl))
    throw invalid("baseUrl", "a URL, or a path such as /background-tasks", baseUrl);
  if (!["function", "object"].includes(typeof headers))
    throw invalid("headers", "an object or a function", headers);
  if (typeof fetch !== "function") throw invalid("fetch", "a function", fetch);
  if (!["close", "keep"].includes(whenHidden)) throw invalid("whenHidden", "close or keep", whenHidden);
  return { baseUrl: baseUrl.replace(/\/+$/, ""), headers, fetch, credentials, whenHidden };
}

/** Asked for at each request: a test, or a tracer, may replace it later. */
const ownFetch: Fetch = (url, init) => (globalThis as unknown as { fetch: Fetch }).fetch(url, init);

export function invalid(name: string, wanted: string, value: unknown): TaskClientError {
  return new TaskClientError("invalid_option", `${name} must be ${wanted}, not ${String(value)}.`);
}
