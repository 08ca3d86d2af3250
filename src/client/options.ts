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

/** With what has a default filled in, and `baseUrl` without a slash at its end. */
export interface ClientSettings extends TaskClientOptions {
  fetch: Fetch;
}

/** @throws `TaskClientError` with code `invalid_option`, naming the option and its value */
export function clientSettings(options: TaskClientOptions): ClientSettings {
  const { baseUrl, fetch = ownFetch, ...others } = options;
  if (!/^(https?:\/)?\/[^/?#][^?#]*$/.test(baseUrl)) {
    throw invalid("baseUrl", "a URL, or a path", baseUrl);
  }
  for (const [name, value] of Object.entries({ fetch, ...others })) {
    const wanted = WANTED[name as keyof typeof WANTED];
    if (!wanted) throw new TaskClientError("invalid_option", `There is no option ${name}.`);
    const given = typeof value === "string" ? value : typeof value;
    if (value !== undefined && !wanted.split("|").includes(given)) throw invalid(name, wanted, value);
  }
  return { ...others, fetch, baseUrl: baseUrl.replace(/\/+$/, "") };
}

/** Types, or texts. */
const WANTED = {
  headers: "object|function",
  fetch: "function",
  credentials: "omit|same-origin|include",
  whenHidden: "close|keep",
};

/** Asked for at each request: a test, or a tracer, may replace it later. */
const ownFetch: Fetch = (url, init) => (globalThis as unknown as { fetch: Fetch }).fetch(url, init);

export function invalid(name: string, wanted: string, value: unknown): TaskClientError {
  return new TaskClientError("invalid_option", `${name} must be ${wanted}, not ${String(value)}.`);
}
