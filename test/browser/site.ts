/** A server with a real handler in it, and a page that has the client. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequestListener } from "@remix-run/node-fetch-server";
import { createTaskHandler, type TaskHandlerOptions } from "../../src/http/index.ts";
import { BackgroundTaskManager, type TaskStore } from "../../src/index.ts";
import { recorderText } from "./bundle.ts";

type Handle = (request: Request) => Promise<Response>;

export interface SiteOptions extends Partial<Omit<TaskHandlerOptions, "tasks">> {
  /** What keeps the tasks, opened at each start. @default in memory */
  store?: () => TaskStore;
  around?: (handle: Handle) => Handle;
  /** What answers to other origins have, and which of their headers are allowed. */
  cors?: { headers: Record<string, string>; allow: string };
}

/** What was asked of it. */
export interface Asked {
  method: string;
  path: string;
  status: number;
  headers: IncomingMessage["headers"];
  isOver: boolean;
}

export class Site {
  /** Who may, by token or by cookie. */
  readonly users = new Map([["ada-1", "ada"]]);
  readonly asked: Asked[] = [];
  tasks!: BackgroundTaskManager;
  #server!: Server;
  #port = 0;
  readonly #options: SiteOptions;

  constructor(options: SiteOptions = {}) {
    this.#options = options;
  }

  get port(): number {
    return this.#port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get baseUrl(): string {
    return `${this.origin}/background-tasks`;
  }

  /** The requests that have not ended. */
  get open(): string[] {
    return this.asked.filter(({ isOver }) => !isOver).map(({ path }) => path);
  }

  /** The requests for streams, those that have ended too. */
  get streams(): Asked[] {
    return this.asked.filter(({ headers }) => headers.accept === "text/event-stream");
  }

  /** What was asked, as `GET /stream 200`. */
  lines(): string[] {
    return this.asked.map(({ method, path, status }) => `${method} ${path} ${status}`);
  }

  /** On the port that it had before. */
  async start(): Promise<this> {
    const { store, around = (handle: Handle) => handle, cors: _, ...options } = this.#options;
    this.tasks = new BackgroundTaskManager(store ? { store: store() } : {});
    const authenticate = (request: Request) => this.#userOf(request);
    const handle = createTaskHandler({ authenticate, allowCancel: true, ...options, tasks: this.tasks });
    const tell = createRequestListener(around(handle));
    const script = await recorderText();
    this.#server = createServer((request, response) => {
      if (request.url === "/") return void response.end(PAGE);
      if (request.url === "/recorder.js") {
        return void response.setHeader("Content-Type", "text/javascript").end(script);
      }
      this.#note(request, response);
      if (!this.#crosses(request, response)) tell(request, response);
    });
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await Promise.all([closed, this.tasks.close({ drainMs: 0 })]);
  }

  #userOf({ headers }: Request) {
    const [, bearer] = /^Bearer (.+)$/.exec(headers.get("Authorization") ?? "") ?? [];
    const [, cookie] = /user=([^;]+)/.exec(headers.get("Cookie") ?? "") ?? [];
    const userId = this.users.get(bearer ?? cookie ?? "");
    return userId === undefined ? null : { userId };
  }

  #note(request: IncomingMessage, response: ServerResponse): void {
    const { method = "", url = "", headers } = request;
    const asked = { method, path: url.replace("/background-tasks", ""), headers, status: 0, isOver: false };
    this.asked.push(asked);
    response.on("close", () => {
      asked.isOver = true;
      asked.status = response.headersSent ? response.statusCode : 0;
    });
  }

  /** Whether that was all: a preflight. */
  #crosses(request: IncomingMessage, response: ServerResponse): boolean {
    const { cors } = this.#options;
    if (cors === undefined) return false;
    for (const [name, value] of Object.entries(cors.headers)) response.setHeader(name, value);
    if (request.method !== "OPTIONS") return false;
    response.writeHead(204, { "Access-Control-Allow-Headers": cors.allow, "Access-Control-Max-Age": "60" });
    response.end();
    return true;
  }
}

const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="/recorder.js"></script>`;
