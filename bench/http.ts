import { once } from "node:events";
import { Agent, createServer, get, type OutgoingHttpHeaders, type RequestOptions } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequestListener } from "@remix-run/node-fetch-server";
import { BackgroundTaskManager } from "tool-offload";
import { createTaskHandler } from "tool-offload/http";
import type { Row } from "./side-by-side.ts";

const PATH = "/background-tasks";
const CLIENTS = 8;
const ROUNDS = 40;
const ROUND_MS = 100;
const WARM_UP_MS = 1_000;
const scope = { userId: "ada" };

/** Ask one server for `ms` milliseconds, and say how many requests it answered in a second. */
interface Load {
  requestsPerSecond(ms: number, path: () => string, headers?: OutgoingHttpHeaders): Promise<number>;
  close(): void;
}

/**
 * The list endpoint against a handler that does nothing but answer the same bytes, head and body, behind the
 * same bridge: for a list that has not changed since it was last asked for, and for one that always has.
 */
export async function httpBench(): Promise<Row[]> {
  const tasks = new BackgroundTaskManager();
  await addTasks(tasks, 20);
  const handle = createTaskHandler({ tasks, authenticate: () => scope });
  const sample = await handle(new Request(`http://localhost${PATH}`));
  const known = { "If-None-Match": sample.headers.get("ETag") ?? "" };
  const headers = Object.fromEntries(sample.headers);
  const text = await sample.text();
  const [list, bare] = [
    await loadOn(handle),
    await loadOn(async (_request) => new Response(text, { headers })),
  ];
  let asked = 0;
  const rows = [
    rowOf("a list", await ratio(list, bare, () => PATH), 0.7),
    // Another URL is another question to the handler.
    rowOf("a list that is known (304)", await ratio(list, bare, () => PATH, known), Number.NaN),
    rowOf("a list that has changed", await ratio(list, bare, () => `${PATH}?asked=${asked++}`), Number.NaN),
  ];
  for (const load of [list, bare]) load.close();
  await tasks.close();
  return rows;
}

interface Measured {
  list: number;
  bare: number;
}

/** The middle one of many short rounds, taken in turns: a noisy moment of the machine meets few of them. */
async function ratio(
  list: Load,
  bare: Load,
  path: () => string,
  headers: OutgoingHttpHeaders = {},
): Promise<Measured> {
  for (const load of [list, bare]) await load.requestsPerSecond(WARM_UP_MS, path, headers);
  const rounds: Measured[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const measured = await list.requestsPerSecond(ROUND_MS, path, headers);
    rounds.push({ list: measured, bare: await bare.requestsPerSecond(ROUND_MS, path) });
  }
  rounds.sort((a, b) => a.list / a.bare - b.list / b.bare);
  return rounds[ROUNDS / 2] as Measured;
}

function rowOf(what: string, { list, bare }: Measured, limit: number): Row {
  const detail = `${Math.round(list)}/s, bare handler ${Math.round(bare)}/s`;
  return { name: `HTTP: ${what} of 20 tasks`, detail, ratio: list / bare, limit, atLeast: true };
}

async function addTasks(tasks: BackgroundTaskManager, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const input = { query: `otters of river ${i}`, limit: 5 };
    const { id } = await tasks.start({ toolName: "search", input, scope }, async () => i);
    await tasks.wait(scope, [id]);
  }
}

/** A server, and clients that keep their connections and ask again as soon as they have been answered. */
async function loadOn(handle: (request: Request) => Promise<Response>): Promise<Load> {
  const server = createServer(createRequestListener((request) => handle(request))).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const requestsPerSecond: Load["requestsPerSecond"] = async (ms, path, headers = {}) => {
    const start = performance.now();
    let answered = 0;
    const client = async () => {
      for (; performance.now() - start < ms; answered += 1) await ask({ port, path: path(), agent, headers });
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    return (answered / (performance.now() - start)) * 1_000;
  };
  return { requestsPerSecond, close: () => void [agent.destroy(), server.close()] };
}

function ask(options: RequestOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get({ ...options, host: "127.0.0.1" }, (response) => {
      response.on("end", resolve).on("error", reject).resume();
    });
    request.on("error", reject);
  });
}
