/** A process that shows tasks over HTTP, and starts some where it is told to. It says "ready" when it is. */

import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createRequestListener } from "@remix-run/node-fetch-server";
import { BackgroundTaskManager } from "../../../src/core/manager.ts";
import { createTaskHandler } from "../../../src/http/handler.ts";
import { open } from "../stores.ts";
import { CALM } from "../troubles.ts";
import { type ServerOptions, USER } from "./server-options.ts";

const options = JSON.parse(process.argv[2] ?? "{}") as ServerOptions;
const { store } = open(options.place);
const tasks = new BackgroundTaskManager({ store, leaseMs: CALM.leaseMs, storeTimeoutMs: 10_000 });
const scope = { userId: USER };
const streams = { perUser: Number.POSITIVE_INFINITY };
const handle = createTaskHandler({ tasks, authenticate: () => scope, streams });
const server = createServer(createRequestListener((request) => handle(request)));
server.listen(options.port, "127.0.0.1");
await once(server, "listening");
for (let n = 0; n < options.tasks; n += 1) {
  await tasks.start({ toolName: "talk", input: { n }, scope }, async (_input, context) => {
    for (let line = 0; line < options.lines; line += 1) {
      context.write(`line ${line} of task ${n}`);
      await sleep(options.everyMs);
    }
  });
}
process.send?.("ready");
