/** The query API in a plain node:http server. A library turns its requests into those of the web. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequestListener } from "@remix-run/node-fetch-server";
import { BackgroundTaskManager } from "tool-offload";
import { createTaskHandler, taskPageSchema, taskResultSchema } from "tool-offload/http";

const tasks = new BackgroundTaskManager();
const users = new Map([
  ["Bearer ada-token", { userId: "ada" }],
  ["Bearer bob-token", { userId: "bob" }],
]);
const handle = createTaskHandler({
  tasks,
  authenticate: (request) => users.get(request.headers.get("Authorization") ?? ""),
});
// What the bridge cannot read is a bad request.
const server = createServer(
  createRequestListener(handle, { onError: () => new Response(null, { status: 400 }) }),
);
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/background-tasks`;

const task = await tasks.start(
  { toolName: "report", input: { pages: 3 }, scope: { userId: "ada" } },
  async () => "done",
);

async function ask(user: string, path = ""): Promise<Response> {
  const response = await fetch(url + path, { headers: { Authorization: `Bearer ${user}-token` } });
  console.log(`${user} GET /background-tasks${path.replace(task.id, ":id")} -> ${response.status}`);
  return response;
}

const result = taskResultSchema.parse(await (await ask("ada", `/${task.id}/result?waitMs=5000`)).json());
assert(result.status === "completed" && result.value === "done");

const hers = taskPageSchema.parse(await (await ask("ada")).json());
const his = taskPageSchema.parse(await (await ask("bob")).json());
assert.deepEqual([hers.tasks.length, his.tasks.length], [1, 0]);
assert.equal((await ask("bob", `/${task.id}`)).status, 404);
assert.equal((await ask("eve")).status, 401);

server.close();
await tasks.close();
