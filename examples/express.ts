/** The query API in an Express app, with the tag that makes asking again cheap. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createRequestListener } from "@remix-run/node-fetch-server";
import express from "express";
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
});

const app = express();
// Before express.json(): a body can be read only once. What the bridge cannot read is a bad request.
const listener = createRequestListener(handle, { onError: () => new Response(null, { status: 400 }) });
app.all("/background-tasks{/*path}", listener);
app.use(express.json());
app.get("/", (_request, response) => void response.send("the rest of your app"));

const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/background-tasks`;

const call = { toolName: "report", input: { pages: 3 }, scope: { userId: "ada" } };
const { id } = await tasks.start(call, async () => "done");
await tasks.wait(call.scope, [id]);

async function ask(user: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers: { ...headers, Authorization: `Bearer ${user}-token` } });
  const text = await response.text();
  console.log(`${user} GET /background-tasks -> ${response.status}, ${text.length} characters`);
  return { status: response.status, etag: response.headers.get("ETag") ?? "", text };
}

const first = await ask("ada");
assert(first.text.includes(id));
assert.equal((await ask("ada", { "If-None-Match": first.etag })).status, 304);
assert.deepEqual(JSON.parse((await ask("bob")).text), { tasks: [], nextCursor: null });

server.close();
await tasks.close();
