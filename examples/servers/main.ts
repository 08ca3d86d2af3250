/** The HTTP API with its live streams in four servers; that of Next.js is in next/, an app of its own. */
import { tasks } from "./api.ts";
import { startExpress } from "./express.ts";
import { startFastify } from "./fastify.ts";
import { startHono } from "./hono.ts";
import { startNodeHttp } from "./node-http.ts";
import { visit } from "./visit.ts";

const servers = { "node:http": startNodeHttp, Express: startExpress, Fastify: startFastify, Hono: startHono };

for (const [name, start] of Object.entries(servers)) {
  const server = await start();
  console.log(name);
  await visit(`${server.url}/background-tasks`, (user) => ({ Authorization: `Bearer ${user}-token` }));
  server.stop();
}
await tasks.close();
