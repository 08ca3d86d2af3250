import { createServer } from "node:http";
import { createRequestListener } from "@remix-run/node-fetch-server";
import { handler } from "./api.ts";
import { type Running, running } from "./running.ts";

/** Plain node:http. A library turns its requests into those of the web; what it cannot read is a bad request. */
export function startNodeHttp(): Promise<Running> {
  const onError = () => new Response(null, { status: 400 });
  const server = createServer(createRequestListener(handler, { onError }));
  return running(server.listen(0, "127.0.0.1"));
}
