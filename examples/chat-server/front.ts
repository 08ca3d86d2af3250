import { once } from "node:events";
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import type { ServerProcess } from "./process.ts";

export interface Front {
  url: string;
  close(): void;
}

/** One address for several servers: each request goes to the next of them that is alive. */
export async function startFront(servers: readonly ServerProcess[], port = 0): Promise<Front> {
  let count = 0;
  const front = createServer((request, response) => {
    const living = servers.filter(({ isAlive }) => isAlive);
    count += 1;
    const { url } = living[count % living.length] ?? {};
    if (url === undefined) return response.destroy();
    const { method, headers } = request;
    const forwarded = forward(url + request.url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      pipeline(answer, response, () => undefined);
    });
    // To a page that is a broken connection, and it comes again.
    forwarded.on("error", () => response.destroy());
    response.on("close", () => forwarded.destroy());
    return request.pipe(forwarded);
  });
  front.listen(port, "127.0.0.1");
  await once(front, "listening");
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  return { url, close: () => front.close().closeAllConnections() };
}
