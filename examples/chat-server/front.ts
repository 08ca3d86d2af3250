import { once } from "node:events";
import { request as ask, createServer, type IncomingMessage, type ServerResponse } from "node:http";
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
  function pass(request: IncomingMessage, response: ServerResponse, isSecondTry = false): void {
    const living = servers.filter(({ isAlive }) => isAlive);
    count += 1;
    const server = living[count % living.length];
    if (server === undefined) response.destroy();
    else passTo(server, request, response, isSecondTry ? undefined : () => pass(request, response, true));
  }
  const front = createServer((request, response) => pass(request, response));
  front.listen(port, "127.0.0.1");
  await once(front, "listening");
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  return { url, close: () => front.close().closeAllConnections() };
}

function passTo(
  server: ServerProcess,
  request: IncomingMessage,
  response: ServerResponse,
  tryAgain: (() => void) | undefined,
): void {
  const { method, headers } = request;
  const passed = ask(server.url + request.url, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    pipeline(answer, response, () => undefined);
  });
  passed.on("error", () => {
    // It has just died. What only reads can be asked of the other one; to a page all else is a broken connection.
    if (tryAgain && method === "GET" && !response.headersSent) tryAgain();
    else response.destroy();
  });
  response.on("close", () => passed.destroy());
  request.pipe(passed);
}
