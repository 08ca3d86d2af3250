import { once } from "node:events";
import { Agent, createServer, get, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequestListener } from "@remix-run/node-fetch-server";
import { BackgroundTaskManager } from "tool-offload";
import { createTaskHandler } from "tool-offload/http";
import type { Row } from "./side-by-side.ts";

const PATH = "/background-tasks?limit=20";
const CLIENTS = 8;
const ROUNDS = 9;
const ROUND_MS = 500;
const scope = { userId: "ada" };

/** The list endpoint against a handler that does nothing but answer the same bytes, behind the same bridge. */
export async function httpBench(): Promise<Row[]> {
  const tasks = new BackgroundTaskManager();
  await addTasks(tasks, 20);
  const list = await serve(createRequestListener(createTaskHandler({ tasks, authenticate: () => scope })));
  const bytes = await (await fetch(urlOf(list))).text();
  const headers = { "Content-Type": "application/json" };
  const bare = await serve(createRequestListener((_request) => new Response(bytes, { headers })));
  const rounds: [list: number, bare: number][] = [];
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    rounds.push([await requestsPerSecond(list), await requestsPerSecond(bare)]);
  }
  for (const server of [list, bare]) server.close();
  await tasks.close();
  return [rowOf(rounds.slice(1), bytes.length)];
}

/** The ratio is the middle one of the rounds: a noisy moment of the machine meets one round only. */
function rowOf(rounds: [list: number, bare: number][], bytes: number): Row {
  const ratioOf = ([list, bare]: [number, number]) => list / bare;
  const middle = [...rounds].sort((a, b) => ratioOf(a) - ratioOf(b))[Math.floor(rounds.length / 2)] ?? [0, 1];
  const [list, bare] = middle.map(Math.round);
  return {
    name: "HTTP: list of 20 tasks, against a bare handler with the same bytes",
    detail: `${list}/s against ${bare}/s, ${(bytes / 1_000).toFixed(1)} kB`,
    ratio: ratioOf(middle),
    limit: 0.7,
    atLeast: true,
  };
}

async function addTasks(tasks: BackgroundTaskManager, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const input = { query: `otters of river ${i}`, limit: 5 };
    const { id } = await tasks.start({ toolName: "search", input, scope }, async () => i);
    await tasks.wait(scope, [id]);
  }
}

async function serve(listener: RequestListener): Promise<Server> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}`;
}

/** Clients that keep their connections, and ask again as soon as they have been answered. */
async function requestsPerSecond(server: Server): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const url = urlOf(server);
  const start = performance.now();
  let answered = 0;
  const client = async () => {
    for (; performance.now() - start < ROUND_MS; answered += 1) await ask(url, agent);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const seconds = (performance.now() - start) / 1_000;
  agent.destroy();
  return answered / seconds;
}

function ask(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      response.on("end", resolve).on("error", reject).resume();
    });
    request.on("error", reject);
  });
}
