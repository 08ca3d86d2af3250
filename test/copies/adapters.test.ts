import { ToolMessage } from "langchain";
import { expect, test } from "vitest";
import { forbidUnhandledRejections } from "../support/scene.ts";
import { after, copyOf, scope, slowTool, terms } from "./copies.ts";

forbidUnhandledRejections();

// `boot` makes the manager and wraps, `chat` has the middleware and looks at what `boot` has made.
const boot = await copyOf();
const chat = await copyOf();

function sceneOf() {
  const tasks = new boot.BackgroundTaskManager();
  return {
    tasks,
    offload: new chat.ToolOffloadMiddleware({ tasks, ...terms }),
    own: new boot.ToolOffloadMiddleware({ tasks, ...terms }),
    inbox: new chat.followUp.FollowUpInbox({ tasks }),
  };
}

/** A task whose result waits for the session, and may interrupt. */
async function finishedTask({ tasks }: ReturnType<typeof sceneOf>) {
  const call = { toolName: "build", input: {}, scope };
  const { id } = await tasks.start(call, () => "built", { followUp: "interrupt" });
  await tasks.wait(scope, [id]);
  return id;
}

const error = () => new boot.TaskOffloadError("overloaded", "The tool's own.");

test("AI SDK: tools that another copy has made stay as they are, and those that it has wrapped are refused", () => {
  const { tasks, offload } = sceneOf();
  const wrapped = boot.aiSdk.offloadTools({ slow: slowTool() }, { offload, scope });
  expect(() => chat.aiSdk.offloadTools(wrapped, { offload, scope })).toThrow("wrapped already");
  const own = boot.aiSdk.taskTools({ tasks, scope });
  const again = chat.aiSdk.offloadTools(own, { offload, scope });
  for (const [name, tool] of Object.entries(own)) expect(again[name as keyof typeof own]).toBe(tool);
});

test("AI SDK: a placeholder, a context and a stop rule of another copy", async () => {
  const { tasks, offload } = sceneOf();
  const late = slowTool();
  let taskId: string | null | undefined = "none";
  const execute = async (_: unknown, options: object) => {
    taskId = chat.aiSdk.toolContext(options)?.taskId;
    return late.execute();
  };
  const { slow } = boot.aiSdk.offloadTools({ slow: { execute } }, { offload, scope });
  const output = await slow.execute({}, { toolCallId: "one", messages: [] });
  expect(chat.aiSdk.isPlaceholder(output)).toBe(true);
  expect(taskId).toBeNull();
  const rule = chat.aiSdk.unlessOffloaded(() => true);
  expect(await rule({ steps: [{ toolResults: [{ output }] }] })).toBe(false);
  late.finish("late");
  await tasks.close();
});

test("AI SDK: a tool streams, and equal calls of two copies join", async () => {
  const { tasks, offload, own } = sceneOf();
  const streaming = async function* () {
    yield "one";
    yield "two";
  };
  const wrapped = boot.aiSdk.offloadTools({ streaming: { execute: streaming } }, { offload, scope });
  const chunks: unknown[] = [];
  const options = (toolCallId: string) => ({ toolCallId, messages: [] });
  const stream = wrapped.streaming.execute({}, options("one")) as AsyncIterable<unknown>;
  for await (const chunk of stream) chunks.push(chunk);
  expect(chunks).toEqual(["one", "two"]);
  const tools = { joined: { execute: () => after(() => ({ pages: 3 })) } };
  const first = boot.aiSdk.offloadTools(tools, { offload: own, scope }).joined;
  const second = chat.aiSdk.offloadTools(tools, { offload, scope }).joined;
  const both = [first.execute(undefined, options("a")), second.execute(undefined, options("b"))];
  const [one, other] = await Promise.all(both);
  expect(one).toEqual({ pages: 3 });
  expect(other).toBe(one);
  await tasks.close();
});

test("AI SDK: late results come into a turn from the inbox of another copy, and are known there", async () => {
  const scene = sceneOf();
  const id = await finishedTask(scene);
  const { prepareStep, save } = boot.aiSdk.followUpInterrupts({ inbox: scene.inbox, scope });
  const step = await prepareStep({ messages: [], steps: [], responseMessages: [] });
  const [message] = step?.messages ?? [];
  expect(chat.aiSdk.followUpOf(message as never)).toMatchObject({ tasks: [{ id }] });
  await save([{ role: "assistant", content: "I see." }], () => undefined);
  expect(await scene.tasks.get(scope, id)).toMatchObject({ followUp: { status: "delivered" } });
  await scene.tasks.close();
});

type Hook = (request: object, handler: (request: { tool: Invokable }) => unknown) => Promise<ToolMessage>;
type Invokable = { invoke(input: unknown, config: object): Promise<never> };

/** Two equal calls at once of a tool in LangChain, each through the middleware of one copy. */
async function twice(scene: ReturnType<typeof sceneOf>, answer: () => unknown) {
  const hooks = [
    boot.langchain.offloadMiddleware({ offload: scene.own, scope }).wrapToolCall as unknown as Hook,
    chat.langchain.offloadMiddleware({ offload: scene.offload, scope }).wrapToolCall as unknown as Hook,
  ];
  const tool = { name: "joined", invoke: () => after(answer) };
  const calls = hooks.map((hook, n) => {
    const toolCall = { id: `call-${n}`, name: "joined", args: {} };
    return hook({ tool, toolCall, runtime: {} }, ({ tool }) => tool.invoke({}, {}));
  });
  return Promise.allSettled(calls);
}

test.each([
  ["with an artifact", { artifact: { pages: 12 } }],
  ["an error", { status: "error" }],
])("LangChain: a call gets the answer of one that another copy runs: %s", async (_, fields) => {
  const scene = sceneOf();
  const message = new ToolMessage({ content: "It is.", tool_call_id: "call-0", ...(fields as object) });
  const [first, second] = await twice(scene, () => message);
  expect(first).toEqual({ status: "fulfilled", value: message });
  expect(second).toMatchObject({
    status: "fulfilled",
    value: { ...fields, content: "It is.", tool_call_id: "call-1" },
  });
  await scene.tasks.close();
});

test("LangChain: an error of our kind that a tool has thrown in one copy is none of the other's", async () => {
  const scene = sceneOf();
  const outcomes = await twice(scene, () => Promise.reject(error()));
  const wanted = { status: "rejected", reason: { message: expect.stringContaining("Please fix your") } };
  expect(outcomes).toMatchObject([wanted, wanted]);
  await scene.tasks.close();
});

test("LangChain: a control tool of another copy is not offloaded", async () => {
  const { tasks, offload } = sceneOf();
  const [tool] = boot.langchain.taskTools({ tasks, scope });
  const hook = chat.langchain.offloadMiddleware({ offload, scope }).wrapToolCall as unknown as Hook;
  const request = { tool, toolCall: { id: "one", name: "task_list", args: {} }, runtime: {} };
  let given: unknown;
  await hook(request, (own) => {
    given = own;
  });
  expect(given).toBe(request);
});

function functionTool(name: string, invoke: () => Promise<unknown>) {
  return { type: "function" as const, name, invoke, isEnabled: async () => true };
}

test("OpenAI Agents: a stop rule of one copy knows the placeholder of another", async () => {
  const { tasks, offload } = sceneOf();
  const late = slowTool();
  const slow = functionTool("slow", late.execute);
  const [wrapped] = boot.openaiAgents.offloadTools([slow], { offload, scope });
  const again = () => chat.openaiAgents.offloadTools([wrapped as never], { offload, scope });
  expect(again).toThrow("wrapped already");
  const runContext = { context: undefined };
  const invoke = wrapped?.invoke as (...given: unknown[]) => Promise<unknown>;
  const output = await invoke(runContext, "{}", { toolCall: { callId: "one" } });
  const rule = chat.openaiAgents.afterTools("stop_on_first_tool");
  const runItem = { rawItem: { callId: "one" } };
  const result = { type: "function_output", tool: { name: "slow" }, output, runItem };
  expect(await rule(runContext, [result])).toMatchObject({ isFinalOutput: false });
  late.finish("late");
  await tasks.close();
});

test.each([
  [
    "a failure that the framework hides",
    async () => "An error occurred while running the tool. Please try again.",
  ],
  ["an error of our kind", async () => Promise.reject(error())],
])("OpenAI Agents: a call that joins one of another copy gets what it would alone: %s", async (_, answer) => {
  const { tasks, offload, own } = sceneOf();
  const tool = functionTool("joined", () => after(answer));
  const [first] = boot.openaiAgents.offloadTools([tool], { offload: own, scope });
  const [second] = chat.openaiAgents.offloadTools([tool], { offload, scope });
  const calls = [first, second].map((one, n) => {
    const invoke = one?.invoke as (...given: unknown[]) => Promise<unknown>;
    return invoke({ context: undefined }, "{}", { toolCall: { callId: `call-${n}` } });
  });
  const [alone] = await Promise.allSettled([answer()]);
  expect(await Promise.allSettled(calls)).toEqual([alone, alone]);
  await tasks.close();
});

test("OpenAI Agents: what interrupts a turn comes from another copy, and is known there", async () => {
  const scene = sceneOf();
  const id = await finishedTask(scene);
  const interrupts = boot.openaiAgents.followUpInterrupts({ inbox: scene.inbox, scope });
  const rule = chat.openaiAgents.afterTools("run_llm_again", interrupts);
  const runContext = { context: undefined };
  const history: object[] = [];
  const state = { history, addInput: (items: object[]) => void history.push(...items) };
  await interrupts.during({ runContext, state }, async () => rule(runContext, []));
  expect(chat.openaiAgents.followUpOf(history[0])).toMatchObject({ tasks: [{ id }] });
  expect(await scene.tasks.get(scope, id)).toMatchObject({ followUp: { status: "delivered" } });
  await scene.tasks.close();
});

test("Mastra: a wrapped tool, a control tool, a placeholder and a context of another copy", async () => {
  const { tasks, offload } = sceneOf();
  const late = slowTool();
  let taskId: string | null | undefined = "none";
  const slow = {
    id: "slow",
    execute: (_: unknown, context: object) => {
      taskId = chat.mastra.toolContext(context)?.taskId;
      return late.execute();
    },
  };
  const wrapped = boot.mastra.offloadTools({ slow }, { offload });
  expect(() => chat.mastra.offloadTools(wrapped, { offload })).toThrow("wrapped already");
  const own = boot.mastra.taskTools({ tasks });
  const again = chat.mastra.offloadTools(own, { offload });
  for (const [name, tool] of Object.entries(own)) expect(again[name as keyof typeof own]).toBe(tool);
  const agent = { toolCallId: "one", resourceId: "ada", threadId: "chat-7" };
  const output = await wrapped.slow.execute({}, { agent });
  expect(chat.mastra.isPlaceholder(output)).toBe(true);
  expect(taskId).toBeNull();
  late.finish("late");
  await tasks.close();
});

test("Mastra: late results come into a turn from the inbox of another copy", async () => {
  const scene = sceneOf();
  const id = await finishedTask(scene);
  const kept: unknown[] = [];
  const memory = {
    recall: async () => ({ messages: [] }),
    saveMessages: async ({ messages }: { messages: unknown[] }) => void kept.push(...messages),
  };
  const processor = boot.mastra.followUpInterrupts({ inbox: scene.inbox, memory: memory as never });
  const requestContext = new Map([["MastraMemory", { resourceId: "ada", thread: { id: "chat-7" } }]]);
  const sendSignal = async (signal: object) => ({ toDBMessage: () => signal });
  await processor.processInputStep({ requestContext, stepNumber: 1, sendSignal } as never);
  expect(chat.mastra.followUpOf(kept[0])).toMatchObject({ tasks: [{ id }] });
  expect(await scene.tasks.get(scope, id)).toMatchObject({ followUp: { status: "delivered" } });
  await scene.tasks.close();
});
