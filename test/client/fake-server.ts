import { createTaskClient, type TaskClientOptions, type TaskEvent, type TaskInfo } from "tool-offload/client";
import { afterEach, beforeEach, expect, vi } from "vitest";

export const BASE = "http://tasks.test/background-tasks";

/** A stream that the server writes to. */
export class FakeStream {
  readonly response: Response;
  isOpen = true;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(signal: AbortSignal) {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.isOpen = false;
      },
    });
    signal.addEventListener("abort", () => this.cut());
    this.response = new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  }

  write(part: string | Uint8Array): void {
    const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
    if (this.isOpen) this.#controller?.enqueue(bytes);
  }

  /** A message as the handler writes it. */
  tell(event: string | null, data: object, id?: number): void {
    const head = [id === undefined ? "" : `id: ${id}\n`, event === null ? "" : `event: ${event}\n`];
    this.write(`${head.join("")}data: ${JSON.stringify(data)}\n\n`);
  }

  end(): void {
    if (this.isOpen) this.#controller?.close();
    this.isOpen = false;
  }

  cut(): void {
    if (this.isOpen) this.#controller?.error(new TypeError("terminated"));
    this.isOpen = false;
  }
}

export type Reply = Response | FakeStream | Promise<Response | FakeStream>;

/** What a server says to each request, and what it was asked. */
export function fakeServer(reply: (request: Request, url: URL) => Reply) {
  const requests: Request[] = [];
  const streams: FakeStream[] = [];
  const asked = () =>
    requests.map(({ method, url }) => `${method} ${url.slice(BASE.length).replaceAll("%2C", ",")}`);
  const fetch = async (url: string, init: RequestInit) => {
    const request = new Request(url, init);
    requests.push(request);
    const gone = new Promise<never>((_, reject) => {
      const leave = () => reject(request.signal.reason);
      if (request.signal.aborted) leave();
      request.signal.addEventListener("abort", leave);
    });
    // Nobody listens to it where the reply throws.
    gone.catch(() => undefined);
    const said = await Promise.race([gone, reply(request, new URL(url))]);
    if (said instanceof Response) return said;
    streams.push(said);
    return said.response;
  };
  const client = (options: Partial<TaskClientOptions> = {}) =>
    createTaskClient({ baseUrl: BASE, fetch, ...options });
  return { requests, streams, asked, client, fetch };
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers });
}

export function problem(status: number, code: string, more: object = {}, headers = {}): Response {
  return json(
    { type: "about:blank", status, code, title: "", detail: `It is ${code}.`, ...more },
    status,
    headers,
  );
}

export function isStream(request: Request): boolean {
  return request.headers.get("Accept") === "text/event-stream";
}

export const NEVER = new Promise<never>(() => undefined);

export function taskOf(more: Partial<TaskInfo> = {}): TaskInfo {
  return {
    id: "one",
    toolName: "search",
    toolCallId: "call",
    sessionId: null,
    agentId: null,
    summary: "search",
    status: "running",
    priority: 1,
    createdAt: 1,
    startedAt: 1,
    updatedAt: 1,
    completedAt: null,
    deadlineAt: null,
    progress: null,
    error: null,
    cancel: null,
    followUp: { status: "none", attempts: 0, reason: null },
    metadata: null,
    version: 1,
    lastSeq: 1,
    ...more,
  };
}

/** Events 1 to `last`, the last of which is the end. */
export function eventsTo(last: number): TaskEvent[] {
  return Array.from({ length: last }, (_, index) => {
    const seq = index + 1;
    const common = { taskId: "one", seq, at: seq };
    if (seq === last) return { ...common, type: "task.completed" };
    return { ...common, type: "task.output", chunk: `ü\u2028${seq}` };
  });
}

/** All that an iteration tells, as far as it has come. */
export function collect<T>(told: AsyncIterable<T>) {
  const heard: T[] = [];
  const end = (async () => {
    for await (const news of told) heard.push(news);
  })();
  end.catch(() => undefined);
  return { heard, end };
}

/** Fake time for each test of a file, no timer of which may be left. The event loop itself goes on. */
export function inFakeTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  });
  afterEach(() => {
    expect(vi.getTimerCount(), "timers that are left").toBe(0);
    vi.useRealTimers();
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });
}

/** Lets time pass in steps, and all that is under way come to rest after each. */
export async function soon(ms = 0): Promise<void> {
  for (let step = 0; step < STEPS; step += 1) {
    await vi.advanceTimersByTimeAsync(ms / STEPS);
    await new Promise(setImmediate);
  }
}

const STEPS = 10;
