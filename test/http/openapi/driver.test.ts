import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import type { TaskTool } from "../../../src/http/index.ts";
import { BackgroundTaskManager, memoryStore } from "../../../src/index.ts";
import { completed, end, type Lab, type LabOptions, running, startLab } from "../lab.ts";
import type { Document, Parameter, Schema } from "./document.ts";
import { Driver, type Target } from "./driver.ts";

/** More of them by hand: REQUESTS=10000 npx vitest run test/http/openapi/driver.test.ts */
const requests = Number(process.env.REQUESTS ?? 300);

const ada = { userId: "ada", sessionId: "one" };

/** Whoever may wait a minute waits for 5 ms. */
class HurriedManager extends BackgroundTaskManager {
  override wait(...[scope, ids, options]: Parameters<BackgroundTaskManager["wait"]>) {
    const timeoutMs = Math.min(options?.timeoutMs ?? 5, 5);
    return super.wait(scope, ids, { ...options, timeoutMs });
  }

  override watch(...[scope, options]: Parameters<BackgroundTaskManager["watch"]>) {
    return super.watch(scope, { ...options, signal: AbortSignal.timeout(5) });
  }

  override watchAll(...[scope]: Parameters<BackgroundTaskManager["watchAll"]>) {
    return super.watchAll(scope, { signal: AbortSignal.timeout(5) });
  }
}

const tools: Record<string, TaskTool> = {
  build: { schema: z.object({ branch: z.string(), jobs: z.int().optional() }), execute: async () => "built" },
  any: { schema: z.unknown(), execute: async (input) => input, maxPriority: 10, metadata: () => ({ a: 1 }) },
};

/** A server with tasks in every state, whatever is cancelled; everything of it is offered. */
async function startFull(options: LabOptions = {}): Promise<Lab> {
  const tasks = new HurriedManager({ store: memoryStore(), storeTimeoutMs: 60_000, cancelGraceMs: 10 });
  const lab = await startLab({ tasks, allowCancel: true, challenge: "Bearer", tools, ...options });
  await completed(tasks, ada, { found: ["Lutra lutra"], at: undefined });
  await completed(tasks, ada, "x".repeat(2_000_000));
  await completed(tasks, { ...ada, sessionId: "two" }, undefined);
  const failing = await tasks.start({ toolName: "fail", input: {}, scope: ada }, async (_input, context) => {
    context.report({ value: 1, total: 2, message: "half" });
    context.write("looking");
    throw new Error("no otters");
  });
  await end(tasks, ada, failing.id);
  for (let count = 0; count < 12; count += 1) await running(tasks, ada);
  tasks.on("task.cancelled", () => void running(tasks, ada));
  return lab;
}

async function documentOf({ as }: Lab): Promise<Document> {
  return (await as("ada", "/openapi.json")).json() as Promise<Document>;
}

function driverFor({ port }: Lab, document: Document, more: Partial<Target> = {}): Driver {
  const credentials = { Authorization: "Bearer ada" };
  return new Driver(document, { origin: `http://127.0.0.1:${port}`, credentials, ...more });
}

const COLOR: Parameter = { name: "color", in: "query", schema: { type: "string", enum: ["red"] } };

type Handle = (request: Request) => Promise<Response>;
const honest = (handle: Handle, request: Request) => handle(request);

let lab: Lab;
let document: Document;
let answer = honest;

beforeEach(async () => {
  answer = honest;
  lab = await startFull({ around: (handle) => (request) => answer(handle, request) });
  document = await documentOf(lab);
});
afterEach(() => lab.close());

test(`a server does what its document says, in ${requests} requests`, { timeout: 600_000 }, async () => {
  const driver = await driverFor(lab, document).drive(requests);
  if (process.env.REQUESTS) console.log(Object.fromEntries(driver.seen));
  expect(driver.deviations).toEqual([]);
  expect(driver.neverDone()).toEqual([]);
  expect(driver.sent).toBeGreaterThanOrEqual(requests);
  expect(lab.errors).toEqual([]);
});

test("a server whose store fails does what its document says", async () => {
  const store = memoryStore();
  const own = await startFull({ tasks: new HurriedManager({ store }) });
  const driver = driverFor(own, await documentOf(own));
  const failing = () => Promise.reject(new Error("out of order"));
  Object.assign(store, { get: failing, list: failing });
  expect((await driver.drive(200)).deviations).toEqual([]);
  expect([...driver.seen.keys()]).toEqual(expect.arrayContaining(["listTasks 503", "cancelTask 503"]));
  await own.close();
});

describe("the driver sees a document that is wrong:", () => {
  const list = "/background-tasks";
  const one = "/background-tasks/{id}";
  const wrongs: [string, (document: Document) => unknown, RegExp][] = [
    ["a limit too wide", (own) => limitIn(own, { maximum: 501 }), /GET \/background-tasks: refused/],
    ["a limit too narrow", (own) => limitIn(own, { maximum: 499 }), /limit unusable: 200 in place of 400/],
    ["a parameter more", (own) => own.paths[list]?.get?.parameters.push(COLOR), /refused: .*color/],
    [
      "a key too wide",
      (own) => keyIn(own, { pattern: "^[ -~]{300}$" }),
      /POST .*: refused: .*Idempotency-Key/,
    ],
    [
      "a key too narrow",
      (own) => keyIn(own, { pattern: "^[a-c]+$" }),
      /Idempotency-Key unusable: \d+ in place of 400/,
    ],
    [
      "a stream less",
      (own) => drop(own.paths[`${list}/stream`]?.get?.responses, "200"),
      /200 is not described/,
    ],
    ["a status less", (own) => drop(own.paths[one]?.get?.responses, "404"), /404 is not described/],
    ["a code less", (own) => codeless(own), /allowed values/],
    ["a property less", (own) => drop(own.components.schemas.Task?.properties, "agentId"), /unevaluated/],
    ["a property more", (own) => own.components.schemas.Task?.required?.push("color"), /required.*color/],
    ["an event less", (own) => own.components.schemas.TaskEvent?.oneOf?.splice(1, 1), /events.*oneOf/],
    ["a route less", (own) => drop(own.paths[one], "get"), /another method at .*{id}: Allow: GET, HEAD/],
    [
      "a route more",
      (own) => Object.assign(own.paths, { "/background-tasks/a/b": own.paths[list] }),
      /404 is not/,
    ],
    ["a method that is another", (own) => swap(own.paths[one]), /405 is not described/],
    ["open to anybody", (own) => Object.assign(own, { security: [] }), /GET .*: 401, unforeseen/],
    ["closed to some", (own) => drop(own.paths[`${list}/health`]?.get, "security"), /200 in place of 401/],
  ];

  test.each(wrongs)(
    "%s",
    async (_name, doctor, fault) => {
      const own = structuredClone(document);
      doctor(own);
      const { deviations } = await driverFor(lab, own).drive(300, (found) => fault.test(found));
      expect(deviations.join("\n")).toMatch(fault);
    },
    60_000,
  );
});

describe("the driver sees a server that", () => {
  const wrongs: [string, typeof honest, RegExp][] = [
    ["says more", changed((body) => ({ ...body, color: "red" })), /unevaluated/],
    ["says less", changed(({ nextCursor: _, ...body }) => body), /required property 'nextCursor'/],
    [
      "fails",
      (handle, request) => onResults(request, handle, () => new Response(null, { status: 500 })),
      /500/,
    ],
    ["forgets the tag", withHeader("ETag", null), /200 with ETag/],
    ["forgets the type", withHeader("Content-Type", "text/plain"), /200 as text\/plain/],
    ["forgets the place", withHeader("Location", null), /202 with Location/],
    ["forgets when to come again", withHeader("Retry-After", null), /202 with Retry-After/],
    ["allows what it does not have", withHeader("Allow", "GET, HEAD, PUT"), /Allow: GET, HEAD, PUT/],
    ["knows no tag", withoutHeader("If-None-Match"), /not 304/],
    ["lets anybody in", (handle, { url, method }) => handle(asAda(url, method)), /200 in place of 401/],
    ["lets nobody in", withoutHeader("Authorization"), /401, unforeseen/],
    [
      "ignores what it does not know",
      (handle, { url, method }) => handle(asAda(known(url), method)),
      /200 in place/,
    ],
    ["has something everywhere", async () => Response.json({}), /200 in place of 404/],
  ];

  test.each(wrongs)(
    "%s",
    async (_name, wrong, fault) => {
      answer = wrong;
      const { deviations } = await driverFor(lab, document).drive(300, (found) => fault.test(found));
      expect(deviations.join("\n")).toMatch(fault);
    },
    60_000,
  );
});

test("the driver sees a server that hangs", async () => {
  answer = () => new Promise(() => undefined);
  const { deviations } = await driverFor(lab, document, { hangsAfterMs: 20 }).drive(2);
  expect(deviations.join("\n")).toMatch(/^GET .*: no answer \(TimeoutError/);
});

function drop(from: object | undefined, name: string): void {
  if (from === undefined || !Reflect.has(from, name)) throw new Error(`There is no ${name} to leave out.`);
  Reflect.deleteProperty(from, name);
}

function limitIn({ paths }: Document, change: Partial<Schema>): void {
  const limit = paths["/background-tasks"]?.get?.parameters.find(({ name }) => name === "limit");
  Object.assign(limit?.schema ?? {}, change);
}

function keyIn({ paths }: Document, change: Partial<Schema>): void {
  const key = paths["/background-tasks"]?.post?.parameters.find(({ name }) => name === "Idempotency-Key");
  Object.assign(key?.schema ?? {}, change);
}

function codeless({ paths }: Document): void {
  const problem = paths["/background-tasks"]?.get?.responses["400"]?.content?.["application/problem+json"];
  problem?.schema.properties?.code?.enum?.pop();
}

function swap(methods: Record<string, object> | undefined): void {
  Object.assign(methods ?? {}, { post: methods?.get });
  drop(methods, "get");
}

function changed(change: (body: Record<string, unknown>) => object): typeof honest {
  return async (handle, request) => {
    const response = await handle(request);
    const isPage = response.status === 200 && /background-tasks\/?$/.test(new URL(request.url).pathname);
    if (!isPage || request.method !== "GET") return response;
    return new Response(JSON.stringify(change((await response.json()) as Record<string, unknown>)), response);
  };
}

function onResults(request: Request, handle: Handle, wrong: () => Response | Promise<Response>) {
  return request.url.includes("/result") ? Promise.resolve(wrong()) : handle(request);
}

function withHeader(name: string, value: string | null): typeof honest {
  return async (handle, request) => {
    const response = await handle(request);
    if (value === null) response.headers.delete(name);
    else if (response.headers.has(name)) response.headers.set(name, value);
    return response;
  };
}

function withoutHeader(name: string): typeof honest {
  return (handle, request) => {
    const headers = new Headers(request.headers);
    headers.delete(name);
    return handle(new Request(request, { headers }));
  };
}

function asAda(url: string, method: string): Request {
  return new Request(url, { method, headers: { Authorization: "Bearer ada" } });
}

function known(url: string): string {
  const own = new URL(url);
  own.searchParams.delete("unheardOf");
  return own.href;
}
