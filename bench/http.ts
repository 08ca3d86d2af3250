import { once } from "node:events";
import { Agent, createServer, type OutgoingHttpHeaders, type RequestOptions, request } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequestListener } from "@remix-run/node-fetch-server";
import { BackgroundTaskManager } from "tool-offload";
import { createTaskHandler } from "tool-offload/http";
import * as z from "zod";
import type { Row } from "./side-by-side.ts";

const PATH = "/background-tasks";
const CLIENTS = 8;
const ROUNDS = 40;
const ROUND_MS = 100;
const WARM_UP_MS = 1_000;
const scope = { userId: "ada" };

/** What is asked of a server. */
interface Question {
  path(): string;
  headers?: OutgoingHttpHeaders;
  /** Then it is a POST. */
  body?: string;
}

/** Ask one server for `ms` milliseconds, and say how many requests it answered in a second. */
interface Load {
  requestsPerSecond(ms: number, question: Question): Promise<number>;
  close(): void;
}

const LIST: Question = { path: () => PATH };
const CREATE: Question = {
  path: () => PATH,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ tool: "search", input: { query: "otters", limit: 5 } }),
};

/**
 * The handler against one that does nothing but answer the same bytes, head and body, behind the same bridge: for a list
 * that has not changed since it was last asked for, for one that always has, and for a task that is created.
 */
export async function httpBench(): Promise<Row[]> {
  const tasks = new BackgroundTaskManager();
  await addTasks(tasks, 20);
  const schema = z.object({ query: z.string(), limit: z.number() });
  const tools = { search: { schema, execute: async () => 1 } };
  const handle = createTaskHandler({ tasks, authenticate: () => scope, tools });
  const sample = await handle(new Request(`http://localhost${PATH}`));
  const known = { "If-None-Match": sample.headers.get("ETag") ?? "" };
  const headers = Object.fromEntries(sample.headers);
  const text = await sample.text();
  const [list, bare] = [
    await loadOn(handle),
    await loadOn(async (_request) => new Response(text, { headers })),
  ];
  let asked = 0;
  // Another URL is another question to the handler.
  const changed = { path: () => `${PATH}?limit=${20 + (asked++ % 400)}` };
  const rows = [
    rowOf("a list of 20 tasks", await ratio(list, bare, LIST), 0.7),
    rowOf("a list of 20 tasks that is known (304)", await ratio(list, bare, { ...LIST, headers: known })),
    rowOf("a list of 20 tasks that has changed", await ratio(list, bare, changed)),
    rowOf("a task that is created", await ratio(list, bare, CREATE)),
  ];
  for (const load of [list, bare]) load.close();
  await tasks.close();
  return rows;
}

interface Measured {
  own: number;
  bare: number;
}

/** The middle one of many short rounds, taken in turns: a noisy moment of the machine meets few of them. */
async function ratio(handler: Load, bareHandler: Load, question: Question): Promise<Measured> {
  for (const load of [handler, bareHandler]) await load.requestsPerSecond(WARM_UP_MS, question);
  const rounds: Measured[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const own = await handler.requestsPerSecond(ROUND_MS, question);
    rounds.push({ own, bare: await bareHandler.requestsPerSecond(ROUND_MS, question) });
  }
  rounds.sort((a, b) => a.own / a.bare - b.own / b.bare);
  return rounds[ROUNDS / 2] as Measured;
}

/** Without a limit it is only told. */
function rowOf(what: string, { own, bare }: Measured, limit = Number.NaN): Row {
  const detail = `${Math.round(own)}/s, bare handler ${Math.round(bare)}/s`;
  return { name: `HTTP: ${what}`, detail, ratio: own / bare, limit, atLeast: true };
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
  const requestsPerSecond: Load["requestsPerSecond"] = async (ms, { path, headers = {}, body }) => {
    const start = performance.now();
    let answered = 0;
    const client = async () => {
      for (; performance.now() - start < ms; answered += 1)
        await ask({ port, path: path(), agent, headers }, body);
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    return (answered / (performance.now() - start)) * 1_000;
  };
  return { requestsPerSecond, close: () => void [agent.destroy(), server.close()] };
}

function ask(options: RequestOptions, body: string | undefined): Promise<void> {
  const method = body === undefined ? "GET" : "POST";
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, method, host: "127.0.0.1" }, (response) => {
      response.on("end", resolve).on("error", reject).resume();
    });
    sent.on("error", reject).end(body);
  });
}
