import { json, parse, type Shape } from "./check.ts";
import { mayPass, TaskClientError } from "./errors.ts";
import type { Fetched, FetchInit, Signal } from "./fetch.ts";
import type { ClientSettings } from "./options.ts";
import { backoffMs, ignore, MOST_BACKOFF_MS, pause, until } from "./waiting.ts";

/** One request. What is `undefined` in its query is left out. */
export interface Outgoing {
  method?: "GET" | "POST";
  path: string;
  query?: Query;
  headers?: Record<string, string>;
  body?: object;
  signal?: Signal | undefined;
  /** Called when the host has given its headers, which may take as long as a user needs to sign in. */
  onSend?: () => void;
  /** How often it is tried. Nothing is done twice by it: a cancel is idempotent, and a creation has a key. @default 3 */
  tries?: number;
  /** Whether it asks for what it will ask for again: the body is the very object that it was, if nothing has changed. */
  isState?: boolean;
}

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** Sends requests to one handler: with the host's headers, asked anew after a 401, and with errors that say what failed. */
export class Requests {
  readonly #settings: ClientSettings;
  /** The newest states, by what was asked; of those, the ones that were asked for last. */
  readonly #kept = new Map<string, Kept>();

  constructor(settings: ClientSettings) {
    this.#settings = settings;
  }

  /** @throws `TaskClientError` for whatever is no success */
  async send(request: Outgoing): Promise<Fetched> {
    const again = typeof this.#settings.headers === "function" ? 401 : 0;
    let response = await this.#once(request);
    if (response.status === again) {
      // A body that nobody reads holds its connection.
      await textOf(response, request.signal);
      response = await this.#once(request);
    }
    if (response.status >= 400) throw await failureOf(response, request.signal);
    return response;
  }

  /** The body of a success. */
  async ask<Body>(request: Outgoing, shape: Shape): Promise<Body> {
    const { path, query, isState } = request;
    const key = path + queryText({ ...query, waitMs: undefined });
    const kept = isState ? this.#kept.get(key) : undefined;
    const headers: Outgoing["headers"] = kept?.etag ? { "if-none-match": kept.etag } : {};
    const [response, text] = await this.#read({ headers, ...request });
    if (kept && (response.status === 304 || text === kept.text)) return this.#keep(key, kept) as Body;
    const body = parse(shape, text);
    if (isState) this.#keep(key, { text, body, etag: response.headers.get("etag") });
    return body as Body;
  }

  async #read(request: Outgoing): Promise<[Fetched, string]> {
    for (let failures = 1; ; failures += 1) {
      try {
        const response = await this.send(request);
        return [response, await textOf(response, request.signal)];
      } catch (error) {
        if (failures >= (request.tries ?? 3) || !mayPass(error)) throw error;
        const { retryAfterMs = backoffMs(failures) } = error;
        // So long a call does not wait: the error says until when.
        if (retryAfterMs > MOST_BACKOFF_MS) throw error;
        await pause(retryAfterMs, request.signal);
      }
    }
  }

  #keep(key: string, kept: Kept): unknown {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const [oldest = ""] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(oldest);
    return kept.body;
  }

  async #once({
    method = "GET",
    path,
    query = {},
    headers,
    body,
    signal,
    onSend,
  }: Outgoing): Promise<Fetched> {
    const { baseUrl, fetch, credentials } = this.#settings;
    const type = body && { "content-type": "application/json" };
    const init = {
      method,
      headers: { ...(await this.#hostHeaders(signal)), ...type, ...headers },
      body: body && JSON.stringify(body),
      credentials,
      signal,
    } as FetchInit;
    onSend?.();
    return fetch(baseUrl + path + queryText(query), init).catch(lost(signal));
  }

  /** With names in lower case, as ours are; who leaves does not wait for them. */
  async #hostHeaders(signal: Signal | undefined): Promise<Record<string, string>> {
    const { headers: given } = this.#settings;
    const asked = async () => (typeof given === "function" ? given() : given);
    const headers = await until<Awaited<ReturnType<typeof asked>>>(signal, (resolve, reject) => {
      asked().then(resolve, reject);
      return ignore;
    });
    return Object.fromEntries(new Headers(headers));
  }
}

interface Kept {
  text: string;
  body: unknown;
  etag: string | null;
}

const MOST_KEPT = 32;

function queryText(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined) as [string, string][];
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

function textOf(response: Fetched, signal: Signal | undefined): Promise<string> {
  return response.text().catch(lost(signal));
}

async function failureOf(response: Fetched, signal: Signal | undefined): Promise<TaskClientError> {
  const { status, headers } = response;
  const { detail, code, field } = Object(json(await textOf(response, signal)));
  return new TaskClientError(codeOf(status), detail ?? `The server said ${status}.`, {
    status,
    problem: code,
    field,
    // A date, which no task handler sends, is none.
    retryAfterMs: Math.max(0, Number(headers.get("retry-after")) * 1_000) || undefined,
  });
}

function codeOf(status: number) {
  if (status === 401) return "signed_out";
  if (status === 404) return "not_found";
  return status === 429 || status >= 500 ? "unavailable" : "refused";
}

/** Says why no response came, or came to its end. */
function lost(signal: Signal | undefined): (cause: unknown) => never {
  return (cause) => {
    if (signal?.aborted) throw signal.reason;
    const why = (cause as Error)?.message ?? cause;
    throw new TaskClientError("unreachable", `No response came: ${why}`, { cause });
  };
}
