import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { StructuredTool } from "langchain";
import { BackgroundTaskManager, type TaskScope, ToolOffloadMiddleware } from "tool-offload";
import * as aiSdk from "tool-offload/adapters/ai-sdk";
import * as langchain from "tool-offload/adapters/langchain";
import * as mastra from "tool-offload/adapters/mastra";
import * as openaiAgents from "tool-offload/adapters/openai-agents";
import { afterAll, describe, expect, test } from "vitest";

/** What the four are asked alike. Options are given as they are, wrong ones too. */
interface Adapter {
  module: object;
  /** Names of the options for offloading that the others have not. */
  offload(options: unknown): unknown;
  /** One call of a tool that never ends; what the model reads of it. */
  call(options: unknown): Promise<unknown>;
  taskTools(options: unknown): unknown;
  /** What lets late results into a turn. */
  interrupts(options: unknown): unknown;
  /** One call of `task_list`, of what `taskTools` made. */
  list(tools: never): Promise<unknown>;
}

const forever = () => new Promise(() => undefined);
const slow = { execute: (_input: object, _given: object) => forever() };
const given = { toolCallId: "one", messages: [] };
const inThread = { agent: { toolCallId: "one", resourceId: "ada", threadId: "chat" } };
const runtime = { context: {}, configurable: { user_id: "ada", thread_id: "chat" } };
const details = { toolCall: { callId: "one" } };
const functionTool: openaiAgents.FunctionToolLike = {
  type: "function",
  name: "slow",
  invoke: forever,
  isEnabled: async () => true,
};

const adapters: Record<string, Adapter> = {
  "ai-sdk": {
    module: aiSdk,
    offload: (options) => aiSdk.offloadTools({ slow }, options as never),
    async call(options) {
      const tools = aiSdk.offloadTools({ slow }, options as never);
      const output = await tools.slow.execute({}, given);
      return aiSdk.isPlaceholder(output) ? output.message : output;
    },
    taskTools: (options) => aiSdk.taskTools(options as never),
    interrupts: (options) => aiSdk.followUpInterrupts(options as never),
    list: ({ task_list }: aiSdk.TaskTools) => task_list.execute({ limit: 20 }, given),
  },
  langchain: {
    module: langchain,
    offload: (options) => langchain.offloadMiddleware(options as never),
    async call(options) {
      const { wrapToolCall } = langchain.offloadMiddleware(options as never);
      const request = { toolCall: { name: "slow", args: {}, id: "one" }, tool: { invoke: forever }, runtime };
      const handler = ({ tool }: { tool: { invoke(...args: object[]): unknown } }) => tool.invoke({}, {});
      const message = await wrapToolCall?.(request as never, handler as never);
      return (message as { content?: unknown } | undefined)?.content;
    },
    taskTools: (options) => langchain.taskTools(options as never),
    interrupts: (options) => langchain.followUpInterrupts(options as never),
    list: async ([list]: StructuredTool[]) => list?.invoke({}, runtime as never),
  },
  mastra: {
    module: mastra,
    offload: (options) => mastra.offloadTools({ slow }, options as never),
    async call(options) {
      const tools = mastra.offloadTools({ slow }, options as never);
      const output = await tools.slow.execute({}, structuredClone(inThread));
      return mastra.isPlaceholder(output) ? output.message : output;
    },
    taskTools: (options) => mastra.taskTools(options as never),
    interrupts: (options) =>
      mastra.followUpInterrupts({ memory: { saveMessages: forever }, ...(options as object) } as never),
    list: ({ task_list }: mastra.TaskTools) => task_list.execute({ limit: 20 }, inThread),
  },
  "openai-agents": {
    module: openaiAgents,
    offload: (options) => openaiAgents.offloadTools([functionTool], options as never),
    async call(options) {
      const [tool] = openaiAgents.offloadTools([functionTool], options as never);
      return tool?.invoke({ context: {} }, "{}", details);
    },
    taskTools: (options) => openaiAgents.taskTools(options as never),
    interrupts: (options) => openaiAgents.followUpInterrupts(options as never),
    list: async ([list]: openaiAgents.TaskTool[]) =>
      JSON.parse((await list?.invoke({ context: {} }, "{}")) ?? ""),
  },
};

const tasks = new BackgroundTaskManager();
const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 0 });
const scope = { userId: "ada", sessionId: "chat" };
afterAll(() => tasks.close({ drainMs: 0 }));

type Case = [given: unknown, message: string];
const invalid = (message: string) => expect.objectContaining({ code: "invalid_option", message });
const noScope = (value: string) => `scope must be an object with a userId; got ${value}.`;

/** Wrong scopes, by what is said of them. */
const SCOPES: Case[] = [
  ["ada", noScope('"ada"')],
  [1, noScope("1")],
  [null, noScope("null")],
  [{}, "scope.userId must be a non-empty string; got undefined."],
  [{ userId: "" }, 'scope.userId must be a non-empty string; got "".'],
  [{ userId: "ada", sessionId: "" }, 'scope.sessionId must be a non-empty string or undefined; got "".'],
];

describe.each(Object.entries(adapters))("%s", (name, adapter) => {
  const listed = async (tools: unknown) => adapter.list(tools as never);
  const noOption = `is not an option; there are offload, scope, metadata.`;
  test.each<Case>([
    [undefined, "options must be an object; got undefined."],
    [null, "options must be an object; got null."],
    ["offload", 'options must be an object; got "offload".'],
    [{ offload, scope, timeoutMs: 5 }, `timeoutMs ${noOption}`],
    [{ scopes: scope }, `scopes ${noOption}`],
    [{ scope }, "offload must be a ToolOffloadMiddleware; got undefined."],
    [{ offload: tasks, scope }, "offload must be a ToolOffloadMiddleware; got an object."],
    [{ offload, scope, metadata: 7 }, "metadata must be an object or a function; got 7."],
    [{ offload, scope, metadata: null }, "metadata must be an object or a function; got null."],
    [{ offload, scope, metadata: [1] }, "metadata must be an object or a function; got an array."],
    ...SCOPES.map(([scope, message]) => [{ offload, scope }, message] as Case),
  ])("refuses to offload with %o", (options, message) => {
    expect(() => adapter.offload(options)).toThrow(invalid(message));
  });

  test.each<Case>([
    [undefined, "options must be an object; got undefined."],
    [null, "options must be an object; got null."],
    [{ tasks, scopes: scope }, "scopes is not an option; there are tasks, scope, maxWaitMs, maxChars."],
    [{ tasks, scope, maxWaitMs: -1 }, "maxWaitMs must be a whole number from 0 on; got -1."],
    [{ tasks: {}, scope }, expect.stringMatching(/^tasks must be/)],
    ...SCOPES.map(([scope, message]) => [{ tasks, scope }, message] as Case),
  ])("refuses control tools of %o", (options, message) => {
    expect(() => adapter.taskTools(options)).toThrow(invalid(message));
  });

  test.each<Case>([
    [{ scope, inbox: {} }, "inbox must be a FollowUpInbox; got an object."],
    [{ scope, inbox: 1 }, "inbox must be a FollowUpInbox; got 1."],
    ...SCOPES.map(([scope, message]) => [{ inbox: { claim: forever }, scope }, message] as Case),
  ])("refuses to let late results in with %o", (options, message) => {
    expect(() => adapter.interrupts(options)).toThrow(invalid(message));
  });

  test.each(SCOPES)("refuses a call of %o, which a function answers", async (wrong, message) => {
    const option = () => wrong as TaskScope;
    await expect(adapter.call({ offload, scope: option })).rejects.toThrow(invalid(message));
    await expect(listed(adapter.taskTools({ tasks, scope: option }))).rejects.toThrow(invalid(message));
  });

  test("tells the model the same of a call that has become a task, with the host's metadata", async () => {
    for (const metadata of [{ of: name }, () => ({ of: name })]) {
      const tasks = new BackgroundTaskManager();
      const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 0 });
      const message = await adapter.call({ offload, scope, metadata });
      const [task] = (await tasks.list(scope)).tasks;
      expect(task).toMatchObject({ toolName: "slow", toolCallId: "one", metadata: { of: name } });
      expect(message).toContain(`as task ${task?.id}`);
      await tasks.close({ drainMs: 0 });
    }
  });

  test("lists what its scope said when the control tools were made, whatever the host does with it", async () => {
    const hers = { userId: "eve", sessionId: "hers" };
    await tasks.start({ toolName: "secret", input: {}, scope: hers }, () => 1);
    const own: TaskScope = { userId: name, sessionId: "own" };
    await tasks.start({ toolName: "mine", input: {}, scope: own }, () => 1);
    const fixed = adapter.taskTools({ tasks, scope: own });
    const asked = adapter.taskTools({ tasks, scope: () => ({ userId: name, sessionId: "own" }) });
    Object.assign(own, hers);
    for (const tools of [fixed, asked])
      expect(await listed(tools)).toMatchObject({ tasks: [{ tool: "mine" }] });
  });
});

test("each has these names for these things", () => {
  const having = (name: string) =>
    Object.keys(adapters).filter((key) => name in (adapters[key]?.module ?? {}));
  expect(having("taskTools")).toEqual(Object.keys(adapters));
  expect(having("followUpOf")).toEqual(Object.keys(adapters));
  expect(having("offloadTools")).toEqual(["ai-sdk", "mastra", "openai-agents"]);
  expect(having("toolContext")).toEqual(Object.keys(adapters));
  expect(having("isPlaceholder")).toEqual(["ai-sdk", "mastra"]);
  expect(having("toInput")).toEqual(["langchain", "openai-agents"]);
});

test("each has these files for these things", () => {
  const root = join(import.meta.dirname, "../../src/adapters");
  const files = ["call.ts", "interrupts.ts", "like.ts", "messages.ts", "options.ts", "task-tools.ts"];
  for (const name of Object.keys(adapters)) {
    expect(readdirSync(join(root, name)), name).toEqual(expect.arrayContaining(files));
  }
});
