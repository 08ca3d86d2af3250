import { readdirSync } from "node:fs";
import { BackgroundTaskManager, memoryStore, TaskOffloadError, ToolOffloadMiddleware } from "tool-offload";
import * as aiSdk from "tool-offload/adapters/ai-sdk";
import * as langchain from "tool-offload/adapters/langchain";
import * as mastra from "tool-offload/adapters/mastra";
import * as openaiAgents from "tool-offload/adapters/openai-agents";
import { FollowUpDispatcher, FollowUpInbox, followUpMessage } from "tool-offload/follow-up";
import { createTaskHandler } from "tool-offload/http";
import { migratePostgres, postgresStore } from "tool-offload/stores/postgres";
import { redisStore } from "tool-offload/stores/redis";
import { sqliteStore } from "tool-offload/stores/sqlite";
import { storeSuite } from "tool-offload/testing";
import { controlTools, withBackgroundArgument } from "tool-offload/tools";
import { afterAll, describe, expect, test } from "vitest";
import * as z from "zod";

const scope = { userId: "ada", sessionId: "chat" };
const call = { toolName: "add", input: [1, 2], scope };
const add = () => 3;
const tasks = new BackgroundTaskManager();
const offload = new ToolOffloadMiddleware({ tasks });
const inbox = new FollowUpInbox({ tasks });
const deliver = () => undefined;
const dispatcher = new FollowUpDispatcher({ tasks, deliver });
const sent = () => ({ promise: Promise.resolve(3), abort() {}, startedAt: Date.now() });
async function* count() {
  yield 3;
}
const fold = { initial: 0, reduce: (sum: number, one: number) => sum + one };
const { id } = await tasks.start(call, add);
const [task] = await tasks.wait(scope, [id]);
const result = await tasks.result(scope, id);
if (task === undefined || result === undefined) throw new Error("It has not ended.");
const late = [{ id, task, result, attempt: 1 }];
const client = { eval: async () => null, evalsha: async () => null };
const pool = { query: async () => ({ rows: [{ version: 1 }] }) };
const database = () => ({ prepare: broken, exec: broken, close() {} });
const memory = { saveMessages: async () => undefined } as never;
const agent = { sendSignal() {} } as never;
const turn = { runContext: { context: {} }, state: { history: [], addInput() {} } };
const background = withBackgroundArgument(
  { name: "add", inputSchema: z.object({}), execute: add },
  new ToolOffloadMiddleware({ tasks }),
);
const tools = controlTools({ tasks, scope });

function broken(): never {
  throw new Error("It is none.");
}

afterAll(() => tasks.close({ drainMs: 0 }));

/** An entry of the library, how to give it something more than what is sound, and what it says of that. */
type Entry = [entry: string, give: (more: object) => unknown, wrong: string, message: string];

const CALL = "toolName, input, scope, toolCallId, signal, background, metadata, view";
const TASK = "priority, deadlineMs, summarize, followUp, onDuplicate";
const START = `${TASK}, idempotencyKey, idempotencyBody`;
const TOOL = "timeoutMs, mode, deadlineMs, summarize, followUp, onDuplicate";
const FOLLOW_UP = "tasks, message, maxResultChars, maxMessageChars, maxAttempts, leaseMs";
const TERMS = "offload, scope, metadata";
const CONTROL = "tasks, scope, maxWaitMs, maxChars";

/** `x is not an option; there are …` */
const none = (name: string, names: string) => `${name} is not an option; there are ${names}.`;
const noPart = (name: string, names: string) => `${name} is no part of a call; there are ${names}.`;

// biome-ignore format: a table
const OPTIONS: Entry[] = [
  ["BackgroundTaskManager", (more) => new BackgroundTaskManager(more), "cancelGraceMS", none("cancelGraceMS", "store, limits, retention, maxResultBytes, cancelGraceMs, storeTimeoutMs, leaseMs, exclusive, followUps, deliveredElsewhere, tools, redact, clock")],
  ["its limits", (limits) => new BackgroundTaskManager({ limits }), "perUser", none("limits.perUser", "running, runningPerUser, runningPerSession, queuedPerUser")],
  ["its retention", (retention) => new BackgroundTaskManager({ retention }), "ttlMs", none("retention.ttlMs", "finishedPerUser, finishedTtlMs, followUpTtlMs, followUpsPerUser")],
  ["its tools", (more) => new BackgroundTaskManager({ tools: { add: { execute: add, ...more } } }), "idempotant", none("tools.add.idempotant", "name, execute, resumable, idempotent, attempts, view")],
  ["ToolOffloadMiddleware", (more) => new ToolOffloadMiddleware({ tasks, ...more }), "timeout", none("timeout", "tasks, timeoutMs, tools, onTurnAbort, placeholder")],
  ["its tools", (add) => new ToolOffloadMiddleware({ tasks, tools: { add } }), "priority", none("tools.add.priority", TOOL)],
  ["memoryStore", (more) => memoryStore(more), "now", none("now", "clock")],
  ["redisStore", (more) => redisStore({ client, ...more }), "prefx", none("redisStore: prefx", "client, prefix, shards")],
  ["postgresStore", (more) => postgresStore({ pool, ...more }), "table", none("postgresStore: table", "pool, schema, notify, prepare")],
  ["migratePostgres", (more) => migratePostgres({ pool, ...more }), "table", none("postgresStore: table", "pool, schema, notify, prepare")],
  ["sqliteStore", (more) => sqliteStore({ database: database(), ...more }), "fsync", none("sqliteStore: fsync", "path, database, synchronous, busyTimeoutMs, clock")],
  ["FollowUpDispatcher", (more) => new FollowUpDispatcher({ tasks, deliver, ...more }), "retrys", none("retrys", `${FOLLOW_UP}, deliver, concurrency, coalesceMs, deliverTimeoutMs, holdMs, retryMs, maxRetryMs, busyRetryMs, maxConsecutiveTurns, pollMs`)],
  ["FollowUpInbox", (more) => new FollowUpInbox({ tasks, ...more }), "hold", none("hold", `${FOLLOW_UP}, holdMs`)],
  ["followUpMessage", (more) => followUpMessage(late, more), "maxChars", none("maxChars", "maxResultChars, maxMessageChars")],
  ["createTaskHandler", (more) => createTaskHandler({ tasks, authenticate: () => scope, ...more }), "basepath", none("basepath", "tasks, authenticate, basePath, allowCancel, tools, allowedOrigins, waitsPerUser, streams, challenge, onError")],
  ["controlTools", (more) => controlTools({ tasks, scope, ...more }), "maxWait", none("maxWait", CONTROL)],
  ["ai-sdk: offloadTools", (more) => aiSdk.offloadTools({}, { offload, scope, ...more }), "timeoutMs", none("timeoutMs", TERMS)],
  ["ai-sdk: taskTools", (more) => aiSdk.taskTools({ tasks, scope, ...more }), "limit", none("limit", CONTROL)],
  ["ai-sdk: followUpInterrupts", (more) => aiSdk.followUpInterrupts({ inbox, scope, ...more }), "during", none("during", "inbox, scope")],
  ["langchain: offloadMiddleware", (more) => langchain.offloadMiddleware({ offload, ...more }), "tools", none("tools", TERMS)],
  ["langchain: followUpInterrupts", (more) => langchain.followUpInterrupts({ inbox, ...more }), "during", none("during", "inbox, scope")],
  ["langchain: taskTools", (more) => langchain.taskTools({ tasks, ...more }), "limit", none("limit", CONTROL)],
  ["mastra: offloadTools", (more) => mastra.offloadTools({}, { offload, ...more }), "resource", none("resource", TERMS)],
  ["mastra: taskTools", (more) => mastra.taskTools({ tasks, ...more }), "limit", none("limit", CONTROL)],
  ["mastra: followUpInterrupts", (more) => mastra.followUpInterrupts({ inbox, memory, ...more }), "thread", none("thread", "inbox, memory, scope")],
  ["mastra: sendFollowUps", (more) => mastra.sendFollowUps(agent, more), "maxSteps", none("maxSteps", "streamOptions, thread")],
  ["openai-agents: offloadTools", (more) => openaiAgents.offloadTools([], { offload, scope, ...more }), "timeoutMs", none("timeoutMs", TERMS)],
  ["openai-agents: offloadingTool", (more) => openaiAgents.offloadingTool(broken, { offload, scope, ...more }), "timeoutMs", none("timeoutMs", TERMS)],
  ["openai-agents: taskTools", (more) => openaiAgents.taskTools({ tasks, scope, ...more }), "limit", none("limit", CONTROL)],
  ["openai-agents: followUpInterrupts", (more) => openaiAgents.followUpInterrupts({ inbox, scope, ...more }), "during", none("during", "inbox, scope")],
];

// biome-ignore format: a table
const ARGUMENTS: Entry[] = [
  ["run", (more) => offload.run({ ...call, ...more }, add), "args", noPart("args", CALL)],
  ["run", (more) => offload.run({ ...call, ...more }, add), "timeoutMs", noPart("timeoutMs", CALL)],
  ["stream", (more) => read(offload.stream({ ...call, ...more }, count)), "onAbort", noPart("onAbort", CALL)],
  ["its fold", (more) => read(offload.stream(call, count, { ...fold, ...more })), "inital", none("fold.inital", "initial, reduce")],
  ["what wrap makes", (more) => offload.wrap({ name: "add", execute: add })([], { scope, ...more }), "timeoutMs", noPart("timeoutMs", CALL)],
  ["what withBackgroundArgument makes", (more) => background.execute({}, { scope, ...more }), "timeoutMs", noPart("timeoutMs", CALL)],
  ["start", (more) => tasks.start({ ...call, ...more }, add), "priority", noPart("priority", CALL)],
  ["its options", (more) => tasks.start(call, add, more), "timeoutMs", none("options.timeoutMs", START)],
  ["adopt", (more) => tasks.adopt({ ...call, ...more }, sent()), "toolcallId", noPart("toolcallId", CALL)],
  ["its execution", (more) => tasks.adopt(call, { ...sent(), ...more }), "cancel", none("execution.cancel", "promise, abort, startedAt")],
  ["its options", (more) => tasks.adopt(call, sent(), more), "mode", none("options.mode", TASK)],
  ["list", (more) => tasks.list(scope, more), "statuses", none("statuses", "status, limit, cursor")],
  ["result", (more) => tasks.result(scope, id, more), "length", none("length", "offset, limit")],
  ["events", (more) => tasks.events(scope, id, more), "since", none("since", "after, limit")],
  ["watch", (more) => tasks.watch(scope, { id, ...more }), "since", none("since", "id, after, from, signal")],
  ["watchAll", (more) => tasks.watchAll(scope, more), "id", none("id", "signal")],
  ["wait", (more) => tasks.wait(scope, [id], more), "timeout", none("timeout", "mode, timeoutMs, signal")],
  ["cancel", (more) => tasks.cancel(scope, id, more), "why", none("why", "by, reason")],
  ["cancelSession", (more) => tasks.cancelSession(scope, more), "why", none("why", "by, reason")],
  ["close", (more) => new BackgroundTaskManager().close(more), "drain", none("drain", "drainMs")],
  ["stop of a dispatcher", (more) => dispatcher.stop(more), "drain", none("drain", "drainMs")],
  ["claim of an inbox", (more) => inbox.claim(scope, { during: "idle", ...more }), "leaseMs", none("leaseMs", "during")],
  ["openai-agents: during", (more) => openaiAgents.followUpInterrupts({ inbox, scope }).during({ ...turn, ...more }, async () => 3), "sesion", none("turn.sesion", "runContext, state, session")],
];

/** Scopes: whoever takes one. */
// biome-ignore format: a table
const SCOPES: [entry: string, give: (scope: typeof good) => unknown][] = [
  ["run", (scope) => offload.run({ ...call, scope }, add)],
  ["stream", (scope) => read(offload.stream({ ...call, scope }, count))],
  ["start", (scope) => tasks.start({ ...call, scope }, add)],
  ["adopt", (scope) => tasks.adopt({ ...call, scope }, sent())],
  ["list", (scope) => tasks.list(scope)],
  ["get", (scope) => tasks.get(scope, id)],
  ["result", (scope) => tasks.result(scope, id)],
  ["events", (scope) => tasks.events(scope, id)],
  ["watch", (scope) => tasks.watch(scope)],
  ["watchAll", (scope) => tasks.watchAll(scope)],
  ["wait", (scope) => tasks.wait(scope, [])],
  ["cancel", (scope) => tasks.cancel(scope, id)],
  ["cancelSession", (scope) => tasks.cancelSession(scope)],
  ["claim", (scope) => inbox.claim(scope, { during: "idle" })],
  ["userSpoke", (scope) => dispatcher.userSpoke(scope)],
  ["turnEnded", (scope) => dispatcher.turnEnded(scope)],
  ["controlTools", (scope) => controlTools({ tasks, scope })],
  ["ai-sdk", (scope) => aiSdk.offloadTools({}, { offload, scope })],
  ["langchain", (scope) => langchain.offloadMiddleware({ offload, scope })],
  ["mastra", (scope) => mastra.offloadTools({}, { offload, scope })],
  ["openai-agents", (scope) => openaiAgents.offloadTools([], { offload, scope })],
];
const good = scope;
const anything = {
  "~standard": { version: 1, vendor: "own", validate: (value: unknown) => ({ value }) },
} as const;

/** What only is asked whether it takes to a strange `Object.prototype`. */
// biome-ignore format: a table
const OTHERS: [entry: string, give: () => unknown][] = [
  ["an offloaded call", () => new ToolOffloadMiddleware({ tasks, timeoutMs: 0 }).run(call, async () => 3)],
  ["a call with metadata", () => tasks.start({ ...call, metadata: { a: { b: 1 } } }, add)],
  ["task_list", () => tools.task_list.execute({})],
  ["task_output", () => tools.task_output.execute({ task_id: id })],
  ["task_stop", () => tools.task_stop.execute({ task_id: id, reason: "It is over." })],
  ["GET /", () => ask("")],
  ["GET /:id/events", () => ask(`/${id}/events?limit=5`)],
  ["POST /:id/cancel", () => ask(`/${id}/cancel`, { method: "POST", body: '{"reason":"over"}' })],
  ["POST /", () => ask("", { method: "POST", body: '{"tool":"add"}' })],
];

async function ask(path: string, init: RequestInit = {}) {
  const headers = { "Content-Type": "application/json" };
  const handle = createTaskHandler({
    tasks,
    authenticate: () => scope,
    allowCancel: true,
    tools: { add: { execute: add, schema: anything, jsonSchema: {} } },
    onError: rethrow,
  });
  const response = await handle(
    new Request(`http://localhost/background-tasks${path}`, { headers, ...init }),
  );
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}

async function read(stream: AsyncIterable<unknown> & { outcome: Promise<unknown> }) {
  stream.outcome.catch(() => undefined);
  for await (const _ of stream);
  return stream.outcome;
}

function rethrow(error: unknown): never {
  throw error;
}

/** What an entry says against what it is given. */
async function verdictOn(give: () => unknown): Promise<{ code: string; message: string } | undefined> {
  try {
    await give();
    return undefined;
  } catch (error) {
    if (!TaskOffloadError.isInstance(error)) throw error;
    return { code: error.code, message: error.message };
  }
}

describe("a name that is none is refused, and those that there are are named", () => {
  test.each(OPTIONS)("option of %s", async (_, give, wrong, message) => {
    expect(await verdictOn(() => give({ [wrong]: 1 }))).toEqual({ code: "invalid_option", message });
  });

  test.each(ARGUMENTS)("argument of %s", async (_, give, wrong, message) => {
    expect(await verdictOn(() => give({ [wrong]: 1 }))).toEqual({ code: "invalid_input", message });
  });

  test.each(SCOPES)("part of the scope for %s", async (_, give) => {
    const message = "scope.session_id is no part of a scope; there are userId, sessionId, agentId.";
    expect(await verdictOn(() => give({ ...scope, session_id: "chat" } as never))).toMatchObject({ message });
  });

  test("option of storeSuite", () => {
    const make = () => storeSuite("memory", () => memoryStore(), { advence: 1 } as never);
    expect(make).toThrow("advence is not an option; there are now, advance, cut.");
  });

  test("a misspelt name is told before what is missing for it", () => {
    const taskz = { taskz: tasks } as never;
    for (const make of [ToolOffloadMiddleware, FollowUpDispatcher, FollowUpInbox, createTaskHandler]) {
      expect(() => Reflect.construct(make, [taskz])).toThrow(/^taskz is not an option; there are tasks, /);
    }
  });
});

describe("what is open stays open", () => {
  test("a tool that is wrapped may carry more", async () => {
    const wrapped = offload.wrap({ name: "add", execute: add, description: "Adds." } as never);
    expect(await wrapped([] as never, { scope })).toMatchObject({ value: 3 });
  });

  test("a policy, a store and a clock may be of a class of the host's", () => {
    class Policy {
      readonly calls = 0;
      timeoutMs = () => 5;
    }
    const store = { ...memoryStore(), name: "mine" };
    expect(new ToolOffloadMiddleware({ tasks, timeoutMs: new Policy() })).toBeDefined();
    expect(new BackgroundTaskManager({ store })).toBeDefined();
  });

  test("what is undefined is not given", async () => {
    const nothing = { signal: undefined, toolCallId: undefined, background: undefined, metadata: undefined };
    expect(await offload.run({ ...call, ...nothing }, add)).toMatchObject({ value: 3 });
    expect(await tasks.list(scope, { status: undefined, limit: undefined, cursor: undefined })).toBeDefined();
    expect(await tasks.wait(scope, [id], { mode: undefined, timeoutMs: undefined })).toHaveLength(1);
    await tasks.cancel(scope, id, { by: undefined, reason: undefined });
    await tasks.start(call, add, { priority: undefined, followUp: undefined });
  });
});

describe("some package of the host has put something on Object.prototype, enumerable", () => {
  /** Only while `give` runs: what tests us need not stand it. */
  async function strange(give: () => unknown) {
    const value = { value: () => undefined, enumerable: true, configurable: true, writable: true };
    Object.defineProperty(Object.prototype, "fillDefaults", value);
    try {
      return await verdictOn(give);
    } finally {
      Reflect.deleteProperty(Object.prototype, "fillDefaults");
    }
  }

  test.each([...OPTIONS, ...ARGUMENTS])("%s takes no notice", async (entry, give) => {
    // These go on to a database, which is none, and to `z.toJSONSchema`, which falls over it by itself.
    if (/^(sqliteStore|migratePostgres|openai-agents: taskTools)$/.test(entry)) return;
    expect(await strange(() => give({}))).toBeUndefined();
  });

  test.each([...SCOPES, ...OTHERS])("%s takes no notice", async (_, give) => {
    expect(await strange(() => give(scope))).toBeUndefined();
  });
});

test("every adapter is in the list", () => {
  const adapters = readdirSync(new URL("../src/adapters", import.meta.url)).filter((file) =>
    /\.ts$/.test(file),
  );
  for (const adapter of adapters) {
    const name = adapter.replace(".ts", "");
    expect(OPTIONS.filter(([entry]) => entry.startsWith(`${name}: `)).length, name).toBeGreaterThan(1);
  }
});
