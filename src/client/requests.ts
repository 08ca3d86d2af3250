import { check, type Shape } from "./check.ts";
import { mayPass, TaskClientError } from "./errors.ts";
import type { Fetched, FetchInit, Signal } from "./fetch.ts";
import type { ClientSettings } from "./options.ts";
import { backoffMs, pause } from "./waiting.ts";

/** One request. What is `undefined` in its query is left out. */
export interface Outgoing {
  method?: "GET" | "POST";
  path: string;
  query?: Query;
  headers?: Record<string, string>;
  body?: unknown;
  signal?: Signal | undefined;
  /** How often it is tried where that may help: what changes something must not be sent twice. @default 1 */
  tries?: number;
}

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** Sends requests to one handler: with the host's headers, asked anew after a 401, and with errors that say what failed. */
export class Requests {
  readonly #settings: ClientSettings;
  readonly #mayRevalidate: boolean;
  /** The newest states, by what was asked; of those, the ones that were asked for last. */
  readonly #kept = new Map<string, Kept>();

  constructor(settings: ClientSettings) {
    this.#settings = settings;
    this.#mayRevalidate = isOwnOrigin(settings.baseUrl);
  }

  /** @throws `TaskClientError` for whatever is no success */
  async send(request: Outgoing): Promise<Fetched> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#authorized(request);
      } catch (error) {
        if (failures >= (request.tries ?? 1) || !mayPass(error)) throw error;
        await pause(error.retryAfterMs ?? backoffMs(failures), request.signal);
      }
    }
  }

  /** The body of a success. */
  async ask<Body>(request: Outgoing, shape: Shape): Promise<Body> {
    return parsed(await textOf(await this.send(request)), shape) as Body;
  }

  /** The body of a state that is asked for again and again: the very object that it was, if nothing has changed. */
  async state<Body>(request: Outgoing, shape: Shape): Promise<Body> {
    const key = request.path + queryText({ ...request.query, waitMs: undefined });
    const kept = this.#kept.get(key);
    const headers = kept?.etag && this.#mayRevalidate ? { "If-None-Match": kept.etag } : {};
    const response = await this.send({ ...request, headers });
    const text = await textOf(response);
    if (kept && (response.status === 304 || text === kept.text)) return kept.body as Body;
    const body = parsed(text, shape);
    this.#keep(key, { text, body, etag: response.headers.get("ETag") });
    return body as Body;
  }

  async #authorized(request: Outgoing): Promise<Fetched> {
    let response = await this.#once(request);
    if (response.status === 401 && typeof this.#settings.headers === "function") {
      response = await this.#once(request);
    }
    if (response.status >= 400) throw await failureOf(response);
    return response;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const [oldest = ""] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(oldest);
  }

  async #once({ method = "GET", path, query = {}, headers, body, signal }: Outgoing): Promise<Fetched> {
    const { baseUrl, headers: own, fetch, credentials } = this.#settings;
    const init: FetchInit = {
      method,
      headers: { Accept: "application/json", ...(typeof own === "function" ? await own() : own), ...headers },
    };
    if (credentials) init.credentials = credentials;
    if (signal) init.signal = signal;
    if (body) {
      init.headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    return fetch(baseUrl + path + queryText(query), init).catch((cause: unknown) => {
      throw signal?.aborted ? signal.reason : unreachable(cause);
    });
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

/** To any other, a page may send no `If-None-Match` without asking first. */
function isOwnOrigin(baseUrl: string): boolean {
  const { location } = globalThis as { location?: { origin: string; href: string } };
  return location === undefined || new URL(baseUrl, location.href).origin === location.origin;
}

function textOf(response: Fetched): Promise<string> {
  return response.text().catch((cause: unknown) => {
    throw unreachable(cause);
  });
}

function parsed(text: string, shape: Shape): unknown {
  const body = json(text);
  check(shape, body);
  return body;
}

async function failureOf(response: Fetched): Promise<TaskClientError> {
  const { status, headers } = response;
  const { detail, code, field } = Object(json(await textOf(response)));
  return new TaskClientError(codeOf(status), detail ?? `The server responded with ${status}.`, {
    status,
    problem: code,
    field,
    // A date, which no task handler sends, is none.
    retryAfterMs: Number(headers.get("Retry-After")) * 1_000 || undefined,
  });
}

function codeOf(status: number) {
  if (status === 401) return "signed_out";
  if (status === 404) return "not_found";
  return status === 429 || status >= 500 ? "unavailable" : "refused";
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable(cause: unknown): TaskClientError {
  return new TaskClientError("unreachable", `No response came: ${(cause as Error)?.message ?? cause}`, {
    cause,
  });
}
