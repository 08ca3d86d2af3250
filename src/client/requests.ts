import { check, type Shape } from "./check.ts";
import { mayPass, TaskClientError } from "./errors.ts";
import type { Fetched, FetchInit, Signal } from "./fetch.ts";
import type { ClientSettings } from "./options.ts";
import { backoffMs, pause } from "./pause.ts";

/** One request. What is `undefined` in its query is left out. */
export interface Outgoing {
  method?: "GET" | "POST";
  path: string;
  query?: Query;
  headers?: Record<string, string>;
  body?: unknown;
  signal?: Signal | undefined;
}

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** Sends requests to one handler: with the host's headers, asked anew after a 401, and with errors that say what failed. */
export class Requests {
  readonly #settings: ClientSettings;
  readonly #kept = new Map<string, Kept>();

  constructor(settings: ClientSettings) {
    this.#settings = settings;
  }

  /** @throws `TaskClientError` for whatever is no success */
  async send(request: Outgoing): Promise<Fetched> {
    let response = await this.#once(request);
    if (response.status === 401 && typeof this.#settings.headers === "function") {
      response = await this.#once(request);
    }
    if (response.status >= 400) throw await failureOf(response);
    return response;
  }

  /** The body of a success, as its status says it is shaped. */
  async ask<Body>(request: Outgoing, shapes: Record<number, Shape>): Promise<{ status: number; body: Body }> {
    const response = await this.send(request);
    return { status: response.status, body: await bodyOf(response, shapes) };
  }

  /** The same of a request that changes nothing, or nothing twice: it is tried three times. */
  async read<Body>(
    request: Outgoing,
    shapes: Record<number, Shape>,
  ): Promise<{ status: number; body: Body }> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.ask(request, shapes);
      } catch (error) {
        if (failures === TRIES || !mayPass(error)) throw error;
        await pause(error.retryAfterMs ?? backoffMs(failures, 5_000), request.signal);
      }
    }
  }

  /**
   * The same of what is asked again and again: the very object that it was the last time, if nothing has changed. A
   * server that is asked to wait for news does so only where it could say 304.
   */
  async revalidate<Body>(request: Outgoing, shape: Shape): Promise<Body> {
    const { waitMs, ...asked } = request.query ?? {};
    const key = request.path + queryText(asked);
    const kept = this.#kept.get(key);
    const headers = kept?.etag && mayAskForNews(this.#settings.baseUrl) ? { "If-None-Match": kept.etag } : {};
    const response = await this.send({ ...request, headers });
    if (response.status === 304 && kept) return kept.body as Body;
    const body = await bodyOf<Body>(response, { 200: shape });
    if (JSON.stringify(body) === JSON.stringify(kept?.body)) return kept?.body as Body;
    this.#keep(key, { etag: response.headers.get("ETag"), body });
    return body;
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
    if (credentials !== undefined) init.credentials = credentials;
    if (signal !== undefined) init.signal = signal;
    if (body !== undefined) {
      init.headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    try {
      return await fetch(baseUrl + path + queryText(query), init);
    } catch (cause) {
      throw signal?.aborted ? signal.reason : unreachable(cause);
    }
  }
}

interface Kept {
  etag: string | null;
  body: unknown;
}

const TRIES = 3;
/** Responses of which the newest state is kept. */
const MOST_KEPT = 32;

function queryText(query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as [string, string]]));
  return pairs.length === 0
    ? ""
    : `?${new URLSearchParams(pairs)}`;
}

/** A page that asks another origin would have to ask first whether it may ask so. */
function mayAskForNews(baseUrl: string): boolean {
  const { location } = globalThis as { location?: { origin: string } };
  return location === undefined || !baseUrl.startsWith("http") || baseUrl.startsWith(`${location.origin}/`);
}

async function bodyOf<Body>(response: Fetched, shapes: Record<number, Shape>): Promise<Body> {
  const shape = shapes[response.status];
  const text = await response.text().catch((cause: unknown) => {
    throw unreachable(cause);
  });
  if (shape === undefined)
    throw new TaskClientError("protocol", `Nobody asked for a ${response.status}.`, response);
  const body = parsed(text);
  check(shape, body);
  return body as Body;
}

async function failureOf(response: Fetched): Promise<TaskClientError> {
  const { status, headers } = response;
  const { detail, code, field } = problemOf(parsed(await response.text().catch(() => "")));
  const after = headers.get("Retry-After");
  const message = detail ?? `The server responded with ${status}.`;
  return new TaskClientError(codeOf(status), message, {
    status,
    problem: code,
    field,
    retryAfterMs: after !== null && /^\d+$/.test(after) ? Number(after) * 1_000 : undefined,
  });
}

function codeOf(status: number) {
  if (status === 401) return "signed_out";
  if (status === 404) return "not_found";
  return status === 429 || status >= 500 ? "unavailable" : "refused";
}

function problemOf(body: unknown): Partial<Record<"detail" | "code" | "field", string>> {
  const texts = Object.entries(body ?? {}).filter(([, value]) => typeof value === "string");
  return Object.fromEntries(texts);
}

function parsed(text: string): unknown {
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
