/** The query API in a Hono app, with cancelling. Hono speaks in web requests, so nothing stands between. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { BackgroundTaskManager } from "tool-offload";
import { createTaskHandler } from "tool-offload/http";

const tasks = new BackgroundTaskManager();
const users = new Map([
  ["Bearer ada-token", { userId: "ada" }],
  ["Bearer bob-token", { userId: "bob" }],
]);
const handle = createTaskHandler({
  tasks,
  authenticate: (request) => users.get(request.headers.get("Authorization") ?? ""),
  allowCancel: true,
});

const app = new Hono();
app.get("/", (context) => context.text("the rest of your app"));
app.all("/background-tasks/*", (context) => handle(context.req.raw));

const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/background-tasks`;

const call = { toolName: "crawl", input: { site: "example.com" }, scope: { userId: "ada" } };
const task = await tasks.start(call, (_input, { signal }) => sleep(60_000, "pages", { signal }));

async function ask(user: string, path = "", init: RequestInit = {}) {
  const response = await fetch(url + path, { ...init, headers: { Authorization: `Bearer ${user}-token` } });
  console.log(`${user} ${init.method ?? "GET"} …${path.replace(task.id, ":id")} -> ${response.status}`);
  return { status: response.status, body: await response.json() };
}

assert.deepEqual((await ask("bob")).body, { tasks: [], nextCursor: null });
assert.equal((await ask("bob", `/${task.id}/cancel`, { method: "POST" })).status, 404);
assert.equal((await ask("ada", `/${task.id}/result`)).status, 202);
assert.equal((await ask("ada", `/${task.id}/cancel`, { method: "POST" })).status, 200);
const { body } = await ask("ada", `/${task.id}/result?waitMs=5000`);
assert.deepEqual(body, { status: "cancelled", by: "user", reason: null });

server.close();
await tasks.close();
