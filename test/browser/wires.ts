/** What stands between a client and its server. */

import { createServer, request } from "node:http";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from "node:net";

export interface Wire {
  readonly origin: string;
  close(): Promise<void>;
}

/** Passes bytes on, until it is cut: then it ends all connections and accepts none. */
export async function startWire(port: number) {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createTcpServer((near) => {
    if (isCut) return void near.destroy();
    const far = connect(port, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("data", (chunk) => other.write(chunk));
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  const endAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  const { origin, close } = await listening(server);
  return {
    origin,
    endAll,
    cut: () => {
      isCut = true;
      endAll();
    },
    mend: () => {
      isCut = false;
    },
    /** On the connections that are open nothing passes any more, and nobody is told. New ones are as good as before. */
    freeze: () => {
      for (const socket of sockets) socket.removeAllListeners("data").pause();
    },
    close: () => {
      endAll();
      return close();
    },
  };
}

/** A proxy that buffers event streams: their head comes, and the rest once they have ended. */
export async function startBuffering(port: number) {
  let buffers = true;
  const server = createServer((near, response) => {
    const { method, url: path, headers } = near;
    const far = request({ port, host: "127.0.0.1", method, path, headers, agent: false }, (answer) => {
      const { statusCode = 502, headers } = answer;
      response.writeHead(statusCode, headers);
      response.flushHeaders();
      const isStream = headers["content-type"]?.startsWith("text/event-stream");
      if (!(buffers && isStream)) return void answer.pipe(response);
      const kept: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => kept.push(chunk));
      answer.on("end", () => response.end(Buffer.concat(kept)));
      answer.on("error", () => undefined);
    });
    far.on("error", () => response.destroy());
    response.on("close", () => far.destroy());
    near.pipe(far);
  });
  const { origin, close } = await listening(server);
  return {
    origin,
    /** From the next stream on. */
    passOn: () => {
      buffers = false;
    },
    close: () => {
      server.closeAllConnections();
      return close();
    },
  };
}

async function listening(server: Server): Promise<Wire> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = async () => void (await new Promise((resolve) => server.close(resolve)));
  return { origin: `http://127.0.0.1:${port}`, close };
}
