import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "./free-port.ts";

const STARTS = 3;
const READY_MS = 20_000;
const CLUSTERED = ["--cluster-enabled", "yes", "--cluster-node-timeout", "5000"];
const running = new Set<ChildProcess>();

process.on("exit", () => {
  for (const server of running) server.kill("SIGKILL");
});

/** Why no server can be started here; `undefined`: one can. */
export const noRedis =
  spawnSync("redis-server", ["--version"]).status === 0
    ? undefined
    : "there is no redis-server on this machine (on Debian: apt-get install redis-server)";

/**
 * Starts a redis-server of our own, on a free port and in a directory of its own.
 *
 * @example
 * const server = await startRedis("--appendonly", "yes");
 * const client = new Redis(server.port);
 */
export async function startRedis(...options: string[]): Promise<RedisServer> {
  // Somebody may take the port before the server does.
  for (let start = 1; ; start += 1) {
    const directory = mkdtempSync(join(tmpdir(), "tool-offload-redis-"));
    const server = new RedisServer(await freePort(), directory, options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      if (start === STARTS) throw error;
    }
  }
}

/** Starts three that are a cluster, the slots shared out among them. */
export async function startRedisCluster(): Promise<RedisServer[]> {
  const [buses, nodes]: [number[], RedisServer[]] = [[], []];
  // One after the other: so none is given a port that another was given, and has not taken yet.
  for (let node = 0; node < 3; node += 1) {
    const bus = await freePort();
    nodes.push(await startRedis(...CLUSTERED, "--cluster-port", String(bus)));
    buses.push(bus);
  }
  const clients = nodes.map(({ port }) => new Redis(port));
  for (const [index, client] of clients.entries()) {
    const [first, last] = [Math.floor((index * 16_384) / 3), Math.floor(((index + 1) * 16_384) / 3) - 1];
    await client.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
    await client.call("CLUSTER", "ADDSLOTSRANGE", first, last);
    await clients[0]?.call("CLUSTER", "MEET", "127.0.0.1", nodes[index]?.port ?? 0, buses[index] ?? 0);
  }
  await Promise.all(clients.map(untilJoined));
  for (const client of clients) client.disconnect();
  return nodes;
}

export class RedisServer {
  readonly port: number;
  readonly #directory: string;
  readonly #options: readonly string[];
  #process: ChildProcess | undefined;

  constructor(port: number, directory: string, options: readonly string[]) {
    this.port = port;
    this.#directory = directory;
    this.#options = options;
  }

  /** Starts it, with what it has kept if it ran before. */
  async start(): Promise<void> {
    const place = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#directory];
    const server = spawn("redis-server", [...place, "--save", "", ...this.#options], { stdio: "ignore" });
    this.#process = server;
    running.add(server);
    server.once("exit", () => running.delete(server));
    await poll(() => {
      if (server.exitCode !== null) throw new Error(`redis-server has ended with ${server.exitCode}.`);
      return answers(this.port);
    });
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    const server = this.#process;
    if (server === undefined || !running.has(server)) return;
    server.kill("SIGKILL");
    await once(server, "exit");
  }

  /** Ends it, and removes what it has kept. */
  async stop(): Promise<void> {
    await this.kill();
    // What it has forked may still be writing.
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

async function untilJoined(client: Redis): Promise<void> {
  await poll(async () => {
    const info = String(await client.call("CLUSTER", "INFO"));
    return info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:3");
  });
}

async function poll(isTrue: () => Promise<boolean>): Promise<void> {
  const start = Date.now();
  while (!(await isTrue())) {
    if (Date.now() - start > READY_MS) throw new Error(`redis-server was not ready within ${READY_MS} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Whether a server is there, and has read what it keeps. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.on("error", () => resolve(false));
    socket.on("close", () => resolve(false));
    socket.on("data", (data) => {
      socket.destroy();
      resolve(data.toString().startsWith("+PONG"));
    });
  });
}
