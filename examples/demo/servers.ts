import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequestListener } from "@remix-run/node-fetch-server";
import type { BackgroundTaskManager, TaskScope } from "tool-offload";
import { createTaskHandler } from "tool-offload/http";

/** Who may ask, by bearer token. A real host looks into its own sessions here. */
const USERS: Record<string, TaskScope> = {
  "token-of-ada": { userId: "ada" },
  "token-of-bob": { userId: "bob" },
};

export interface RunningServer {
  url: string;
  close(): Promise<void>;
}

/** The pages that the agent reads: "/news" answers at once, "/archive" takes its time. */
export function startSite(): Promise<RunningServer> {
  return listen((request, response) => {
    const delayMs = request.url === "/archive" ? 4_500 : 0;
    setTimeout(() => response.end(`This is ${request.url}, as of today.`), delayMs);
  });
}

/** The query API, mounted in an ordinary node:http server. */
export function startApi(tasks: BackgroundTaskManager): Promise<RunningServer> {
  const handler = createTaskHandler({ tasks, authenticate, allowCancel: true });
  // What the bridge itself cannot read is a bad request.
  return listen(createRequestListener(handler, { onError: () => new Response(null, { status: 400 }) }));
}

function authenticate(request: Request): TaskScope | null {
  const [, token = ""] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
  return Object.hasOwn(USERS, token) ? (USERS[token] ?? null) : null;
}

async function listen(listener: RequestListener): Promise<RunningServer> {
  const server = createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
