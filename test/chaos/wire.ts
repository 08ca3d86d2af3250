import { once } from "node:events";
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What is late: what goes to the server, or what comes from it. */
export type Way = "requests" | "answers";

/** The wire to a server, which can be made a long one. */
export class Wire {
  /** How many milliseconds everything takes from now on. */
  readonly delays: Record<Way, number> = { requests: 0, answers: 0 };
  readonly #target: NetConnectOpts;
  readonly #server = createServer((client) => this.#connect(client));
  readonly #sockets = new Set<Socket>();

  constructor(target: NetConnectOpts) {
    this.#target = target;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async start(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #connect(client: Socket): void {
    const server = connect(this.#target);
    this.#pass("requests", client, server);
    this.#pass("answers", server, client);
  }

  /** Piece by piece, in order; the end of a connection is one too. */
  #pass(way: Way, from: Socket, to: Socket): void {
    let last: Promise<unknown> = Promise.resolve();
    const send = (write: () => unknown) => {
      const dueAt = Date.now() + this.delays[way];
      last = last.then(() => sleep(Math.max(0, dueAt - Date.now()))).then(write);
    };
    this.#sockets.add(from);
    from.on("data", (data) => send(() => to.write(data)));
    from.on("error", () => undefined);
    from.on("close", () => {
      this.#sockets.delete(from);
      send(() => to.end());
    });
  }
}
