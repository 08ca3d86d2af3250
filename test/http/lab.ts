import { createServer, request as httpRequest, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { createRequestListener } from "@remix-run/node-fetch-server";
import { createTaskHandler, type TaskHandlerOptions } from "../../src/http/index.ts";
import { BackgroundTaskManager, memoryStore, type TaskInfo, type TaskScope } from "../../src/index.ts";
import { restlessStore } from "../support/restless-store.ts";

type Handle = (request: Request) => Promise<Response>;

/** Libraries that put a web handler into a node:http server. What they cannot read, they refuse with 400. */
export const BRIDGES: Record<string, (handle: Handle) => RequestListener> = {
  "@remix-run/node-fetch-server": (handle) =>
    createRequestListener(handle, { onError: () => new Response(null, { status: 400 }) }),
  "@hono/node-server": (handle) => getRequestListener(handle, { overrideGlobalObjects: false }),
};

export interface Lab {
  tasks: BackgroundTaskManager;
  port: number;
  url: string;
  /** What `onError` was told. */
  errors: unknown[];
  /** Asks as a user, under the base path. */
  as(user: string | null, path?: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

export interface LabOptions extends Partial<TaskHandlerOptions> {
  tasks?: BackgroundTaskManager;
  bridge?: (handle: Handle) => RequestListener;
  around?: (handle: Handle) => Handle;
}

/** A node:http server with the handler in it. Its token is the name of the user, and maybe of a session. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const bridgeByDefault = bridgeNamed("@remix-run/node-fetch-server");
  const { bridge = bridgeByDefault, around = (handle: Handle) => handle, ...own } = options;
  // Nothing over HTTP may lean on shared records, or on answers in order.
  const store = restlessStore(memoryStore());
  const { tasks = new BackgroundTaskManager({ store, storeTimeoutMs: 60_000 }), ...rest } = own;
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const handle = createTaskHandler({ tasks, authenticate: byToken, onError, ...rest });
  const server = createServer(bridge(around((request) => handle(request))));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}${options.basePath ?? "/background-tasks"}`;
  const as: Lab["as"] = (user, path = "", init = {}) => {
    const headers = new Headers(init.headers);
    if (user !== null) headers.set("Authorization", `Bearer ${user}`);
    return fetch(url + path, { ...init, headers });
  };
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await tasks.close({ drainMs: 0 });
  };
  return { tasks, port, url, errors, as, close };
}

export function bridgeNamed(name: string): (handle: Handle) => RequestListener {
  const bridge = BRIDGES[name];
  if (bridge === undefined) throw new Error(`There is no bridge ${name}.`);
  return bridge;
}

export function byToken(request: Request): TaskScope | null {
  const [, userId, sessionId] =
    /^Bearer (\w+)(?:\/(\w+))?$/.exec(request.headers.get("Authorization") ?? "") ?? [];
  if (userId === undefined) return null;
  return sessionId === undefined ? { userId } : { userId, sessionId };
}

export function callOf(scope: TaskScope, toolName = "search", input: unknown = { query: "otters" }) {
  return { toolName, input, scope };
}

/** A task that has completed with `value`. */
export async function completed(tasks: BackgroundTaskManager, scope: TaskScope, value: unknown) {
  const { id } = await tasks.start(callOf(scope), async () => value);
  return await end(tasks, scope, id);
}

/** A task that runs until `finish` is called or somebody stops it. */
export async function running(tasks: BackgroundTaskManager, scope: TaskScope) {
  let finish: (value: unknown) => void = () => undefined;
  const value = new Promise((resolve) => {
    finish = resolve;
  });
  const task = await tasks.start(callOf(scope), (_input, { signal }) => {
    const aborted = new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
    return Promise.race([value, aborted]);
  });
  return { task, finish };
}

export async function end(tasks: BackgroundTaskManager, scope: TaskScope, id: string): Promise<TaskInfo> {
  const [task] = await tasks.wait(scope, [id]);
  if (task === undefined) throw new Error(`There is no task ${id}.`);
  return task;
}

export interface RawAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** A request whose path goes out as it stands. */
export function rawRequest(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string | Uint8Array,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
    const options = {
      host: "127.0.0.1",
      port,
      method,
      path,
      headers: { ...headers, ...length },
      agent: false,
    };
    const sent = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, body: Buffer.concat(chunks).toString() });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** What a server says on a connection until it closes it. */
export function rawSocket(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(heard));
  });
}
