/** What a first user does wrong, and what they are told to do. */

import { Redis } from "ioredis";
import pg from "pg";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { FollowUpDispatcher, FollowUpInbox } from "../src/follow-up/index.ts";
import { createTaskHandler } from "../src/http/index.ts";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "../src/index.ts";
import { postgresStore } from "../src/stores/postgres.ts";
import { redisStore } from "../src/stores/redis.ts";
import { sqliteStore } from "../src/stores/sqlite.ts";
import { controlTools } from "../src/tools/index.ts";

const scope = { userId: "ada", sessionId: "chat" };
const call = { toolName: "build", input: {}, scope };
const build = { name: "build", execute: () => "built" };
const request = () => new Request("http://localhost/background-tasks");
const deliver = () => undefined;
let tasks: BackgroundTaskManager;
let offload: ToolOffloadMiddleware;
let warnings: string[];

beforeEach(() => {
  tasks = new BackgroundTaskManager();
  offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 10 });
  warnings = [];
  vi.spyOn(process, "emitWarning").mockImplementation((message, options) => {
    warnings.push(`${message} ${(options as { detail?: string }).detail}`);
  });
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await tasks.close({ drainMs: 0 });
});

/** A mistake, whoever makes it, and what names the remedy. What types forbid is given all the same. */
type Mistake = [what: string, make: () => unknown, remedy: RegExp];

const any = (value: unknown) => value as never;

// biome-ignore format: a list
const MISTAKES: Mistake[] = [
  ["an option is misspelt", () => new ToolOffloadMiddleware(any({ tasks, timeout: 5_000 })), /^timeout is not an option; there are tasks, timeoutMs, /],
  ["an event is misspelt", () => tasks.on(any("task.complete"), deliver), /^"task.complete" is no event; there are .*task\.completed/],
  ["the scope has no userId", () => offload.run(any({ ...call, scope: { sessionId: "chat" } }), build.execute), /^scope\.userId must be a non-empty string; got undefined/],
  ["the scope is the user's name", () => tasks.list(any("ada")), /^scope must be an object with a userId; got "ada"/],
  ["a duration is a text with a unit", () => new ToolOffloadMiddleware(any({ tasks, timeoutMs: "10s" })), /^timeoutMs must be milliseconds, .*got "10s"/],
  ["a duration of the manager is one", () => new BackgroundTaskManager(any({ storeTimeoutMs: "2s" })), /^storeTimeoutMs must be milliseconds, .*got "2s"/],
  ["no dispatcher is started", promiseWithoutDispatcher, /Nothing brings results back in this process: .* Start a FollowUpDispatcher/],
  ["the dispatcher has no deliver", () => new FollowUpDispatcher({ tasks }).start(), /^deliver must be a function; got undefined/],
  ["two dispatchers are started on one manager", startTwo, /^A second dispatcher is started on one manager: .* Start one, /],
  ["the manager is closed", () => tasks.close().then(() => tasks.start(call, build.execute)), /^The manager is closed\. .* make another one/],
  ["a generator is given to run", () => offload.run(call, any(generate)), /^The tool "build" returned a stream to run\(\); use stream\(\) for it/],
  ["a generator is given to start", () => failureOf(generate), /^The tool "build" returned a stream to run\(\); use stream\(\) for it/],
  ["the tool returns nothing", readNothing, /^The tool returned nothing/],
  ["a tool is wrapped twice", () => offload.wrap({ ...build, execute: any(offload.wrap(build)) }), /^tool is wrapped already, .* Wrap each tool once/],
  ["a tool is wrapped that has no name", () => offload.wrap(any({ execute: build.execute })), /^tool\.name must be a text of 1 to 256 characters; got undefined/],
  ["there is no authenticate", () => createTaskHandler(any({ tasks })), /^authenticate must be a function that answers whose request it is/],
  ["authenticate answers a user", () => createTaskHandler({ tasks, authenticate: () => any({ id: 42 }) })(request()), /authenticate must answer a scope, or null: scope\.userId .* `onError`/],
  ["authenticate throws", () => createTaskHandler({ tasks, authenticate: () => any((null as unknown as { user: string }).user) })(request()), /answered with 503: Cannot read properties of null .* `onError`/],
  ["the handler is given a request of node:http", () => handler()(any({ url: "/background-tasks", headers: {} })), /request must be a web Request \(.* Express take a bridge, such as createRequestListener .*\); got an object/],
  ["the handler is given Hono's context", () => handler()(any({ req: { raw: request() } })), /request must be a web Request \(in Hono it is `context\.req\.raw`/],
  ["cancel is not allowed", () => detailOf(handler()(new Request(`${request().url}/id/cancel`, { method: "POST" }))), /^The task handler has this route only with its option `allowCancel`\.$/],
  ["streams are switched off", () => detailOf(handler({ streams: false })(new Request(`${request().url}/stream`))), /^The task handler has this route only with its option `streams`\.$/],
  ["there are no tools to create tasks of", () => detailOf(handler()(new Request(`${request().url}/tools`))), /^The task handler has this route only with its option `tools`\.$/],
  ["a page of another origin cancels", () => detailOf(handler({ allowCancel: true })(fromElsewhere())), /^A page from elsewhere must not do this\. Origins that may are named by the server's `allowedOrigins`\.$/],
  ["Redis is down", () => startIn(redisDown()), /^The store did not answer within 100 ms: insert\. Its server is down or out of reach/],
  ["PostgreSQL is down", () => startIn(postgresDown()), /^The store failed: insert\. connect ECONNREFUSED 127\.0\.0\.1:1/],
  ["SQLite has no folder", () => sqliteWithoutFolder(), /"\/no\/folder\/tasks\.db" cannot be used: .* Its directory must exist/],
  ["a store is given a Client of pg", () => postgresStore({ pool: any(new pg.Client()) }), /pool must be a Pool of pg, such as new pg\.Pool\(\); got a Client of pg/],
  ["a store is given a client of node-redis", () => redisStore({ client: any({ eval: deliver, evalSha: deliver }) }), /client must be a client of ioredis, such as new Redis\(\); got one of node-redis/],
  ["scope and id are swapped", () => tasks.get(any("id"), any(scope)), /^scope and id stand in each other's place: give the scope first/],
  ["scope and id are swapped in cancel", () => tasks.cancel(any("id"), any(scope)), /give the scope first/],
  ["a scope is given for an id", () => tasks.get(scope, any(scope)), /^id must be the id of a task; got an object/],
  ["a task is given for its id", async () => tasks.result(scope, any(await tasks.start(call, build.execute))), /^id must be the id of a task; got an object/],
  ["a task is given for its id, to cancel", async () => tasks.cancel(scope, any(await tasks.start(call, build.execute))), /^id must be the id of a task; got an object/],
  ["a task is given for its id, to read its events", async () => tasks.events(scope, any(await tasks.start(call, build.execute))), /^id must be the id of a task; got an object/],
  ["one id is given for a list", () => tasks.wait(scope, any("id")), /^ids must be a list of ids; got "id"/],
  ["scope and ids are swapped", () => tasks.wait(any(["id"]), any(scope)), /^scope must be an object with a userId; got an array/],
  ["a session's name is given for its scope", () => new FollowUpInbox({ tasks }).claim(any("chat"), { during: "idle" }), /^scope must be an object with a userId; got "chat"/],
];

test.each(MISTAKES)("%s", async (_, make, remedy) => {
  expect(await told(make)).toMatch(remedy);
});

/** What is thrown, or else warned of, or else answered. */
async function told(make: () => unknown): Promise<string> {
  try {
    const answer = await make();
    return warnings.length > 0 ? warnings.join("\n") : String(answer);
  } catch (error) {
    return (error as Error).message;
  }
}

function handler(options: { allowCancel?: boolean; streams?: false } = {}) {
  return createTaskHandler({ tasks, authenticate: () => scope, ...options });
}

async function detailOf(response: Promise<Response>): Promise<string> {
  return ((await (await response).json()) as { detail: string }).detail;
}

function fromElsewhere(): Request {
  const headers = { Origin: "https://app.example.com" };
  return new Request(`${request().url}/id/cancel`, { method: "POST", headers });
}

async function* generate() {
  yield "built";
}

async function failureOf(execute: () => unknown): Promise<string | undefined> {
  const { id } = await tasks.start(call, execute);
  const [task] = await tasks.wait(scope, [id]);
  return task?.error?.message;
}

async function promiseWithoutDispatcher(): Promise<void> {
  vi.useFakeTimers();
  const own = new BackgroundTaskManager();
  const slow = () => new Promise((resolve) => setTimeout(resolve, 1_000));
  const outcome = new ToolOffloadMiddleware({ tasks: own }).run({ ...call, background: true }, slow);
  await vi.advanceTimersByTimeAsync(70_000);
  await outcome;
}

async function startTwo(): Promise<void> {
  const dispatchers = [1, 2].map(() => new FollowUpDispatcher({ tasks, deliver }).start());
  await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
}

async function readNothing(): Promise<string | undefined> {
  const { task_output } = controlTools({ tasks, scope });
  const { id } = await tasks.start(call, () => undefined);
  const answer = await task_output.execute({ task_id: id, wait_ms: 5_000 });
  return answer.found && answer.outcome?.status === "completed" ? answer.outcome.note : undefined;
}

async function startIn(store: ReturnType<typeof redisStore>): Promise<void> {
  const own = new BackgroundTaskManager({ store, storeTimeoutMs: 100 });
  onTestFinished(() => own.close({ drainMs: 0 }));
  await own.start(call, build.execute);
}

function redisDown() {
  const client = new Redis(1, "127.0.0.1");
  client.on("error", () => undefined);
  onTestFinished(() => client.disconnect());
  return redisStore({ client });
}

function postgresDown() {
  const pool = new pg.Pool({ host: "127.0.0.1", port: 1 });
  onTestFinished(() => pool.end());
  return postgresStore({ pool });
}

/** As node:sqlite says it, which not every Node has. */
function sqliteWithoutFolder() {
  class DatabaseSync {
    constructor() {
      throw Object.assign(new Error("unable to open database file"), { errcode: 14 });
    }
  }
  vi.spyOn(process, "getBuiltinModule").mockReturnValue({ DatabaseSync } as never);
  return sqliteStore({ path: "/no/folder/tasks.db" });
}
