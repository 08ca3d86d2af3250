/** A site with the page and its API, as a host has it: who is signed in is said by a cookie. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createRequestListener } from "@remix-run/node-fetch-server";
import * as z from "zod";
import { createTaskPage } from "../../src/dashboard/index.ts";
import { createTaskHandler } from "../../src/http/index.ts";
import { BackgroundTaskManager, type TaskInfo, type ToolContext } from "../../src/index.ts";

export const ADA = { userId: "ada", sessionId: "chat" };

export class Site {
  readonly tasks = new BackgroundTaskManager({
    limits: { runningPerUser: 100, runningPerSession: 100, queuedPerUser: 5_000 },
    retention: { finishedPerUser: 5_000 },
  });
  /** Users whose cookie is of no use any more. */
  readonly signedOut = new Set<string>();
  #server: Server | undefined;
  #serve: (request: Request) => Promise<Response> = async () => new Response(null, { status: 503 });
  #isAway = false;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Again on the port that it had, with a handler of its own. */
  async start(): Promise<this> {
    const page = createTaskPage();
    const handle = createTaskHandler({
      tasks: this.tasks,
      authenticate: (request) => this.#userOf(request),
      allowCancel: true,
      tools: { report },
    });
    this.#serve = (request) =>
      new URL(request.url).pathname.startsWith("/tasks") ? page(request) : handle(request);
    this.#isAway = false;
    if (this.#server === undefined) await this.#listen();
    return this;
  }

  /** Cuts every connection, and each that comes. The port stays its own: another could take it meanwhile. */
  async stop(): Promise<void> {
    this.#isAway = true;
    this.#server?.closeAllConnections();
  }

  async close(): Promise<void> {
    await this.stop();
    const closed = this.#server && once(this.#server, "close");
    this.#server?.close();
    await closed;
    await this.tasks.close({ drainMs: 0 });
  }

  async #listen(): Promise<void> {
    this.#server = createServer(createRequestListener((request) => this.#serve(request)));
    this.#server.on("connection", (socket) => this.#isAway && socket.destroy());
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #userOf(request: Request) {
    const [, userId] = /user=(\w+)/.exec(request.headers.get("Cookie") ?? "") ?? [];
    return userId === undefined || this.signedOut.has(userId) ? null : { userId };
  }
}

const report = {
  description: "Writes a report.",
  schema: z.object({
    title: z.string().min(3),
    pages: z.number().int().min(1).max(9).default(2),
    format: z.enum(["pdf", "html"]),
    draft: z.boolean().optional(),
    sources: z.array(z.string()).optional(),
  }),
  execute: async (input: unknown) => ({ written: input }),
};

/** A task that does what it is told. */
export interface Told {
  task: TaskInfo;
  context: ToolContext;
  finish(value: unknown): void;
  fail(message: string): void;
}

export async function begin(
  { tasks }: Site,
  toolName: string,
  input: unknown = {},
  scope: { userId: string; sessionId: string } = ADA,
): Promise<Told> {
  let told: Omit<Told, "task"> | undefined;
  const running = withResolvers<void>();
  const task = await tasks.start({ toolName, input, scope }, (_input, context) => {
    const { promise, resolve, reject } = withResolvers<unknown>();
    told = { context, finish: resolve, fail: (message) => reject(new Error(message)) };
    context.signal.addEventListener("abort", () => reject(context.signal.reason));
    running.resolve();
    return promise;
  });
  await running.promise;
  return { task, ...(told as Omit<Told, "task">) };
}

/** One that has ended. */
export async function ended(
  { tasks }: Site,
  toolName: string,
  input: unknown,
  value: unknown,
): Promise<TaskInfo> {
  const { id } = await tasks.start({ toolName, input, scope: ADA }, async () => value);
  const [task] = await tasks.wait(ADA, [id]);
  return task as TaskInfo;
}

/** As fast as a task can be told to. */
export async function flood({ context }: Told, lines: number): Promise<void> {
  for (let line = 0; line < lines; line += 1) {
    context.write(`line ${line} ${"·".repeat(60)}\n`);
    if (line % 1_000 === 999) await sleep(0);
  }
}

/** Node 20 has none. */
function withResolvers<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}
