import { MemorySaver } from "@langchain/langgraph";
import {
  type AgentMiddleware,
  AIMessage,
  type BaseMessage,
  createAgent,
  fakeModel,
  HumanMessage,
  tool,
} from "langchain";
import { BackgroundTaskManager, type MiddlewareOptions, ToolOffloadMiddleware } from "tool-offload";
import { followUpInterrupts, type OffloadOptions, offloadMiddleware } from "tool-offload/adapters/langchain";
import type { FollowUpInbox } from "tool-offload/follow-up";
import { vi } from "vitest";
import * as z from "zod";

/** Whose calls they are. */
export const scope = { userId: "ada", sessionId: "t1" };
/** For calls that go on until the test ends them. */
export const late = { middleware: { timeoutMs: 30 } };

/** What a tool is given beside its input, as far as these tests look at it. */
export interface ToolConfig {
  signal: AbortSignal;
  config: { signal: AbortSignal };
  configurable: { [name: string]: unknown };
}

type Fields = Partial<Parameters<typeof tool>[1]>;
type Step = AIMessage | ((shown: BaseMessage[]) => AIMessage);

interface LabOptions {
  tools?: unknown[];
  steps: Step[];
  /** Without one, calls are waited for. */
  middleware?: Omit<MiddlewareOptions, "tasks">;
  adapter?: Partial<OffloadOptions>;
  /** Without one, nothing comes into a running turn. */
  inbox?: Pick<FollowUpInbox, "claim">;
  checkpointer?: MemorySaver | false;
  before?: AgentMiddleware[];
  after?: AgentMiddleware[];
  tasks?: BackgroundTaskManager;
}

/** A tool that takes `{ what }`. */
export function aTool(name: string, run: (what: string, config: ToolConfig) => unknown, fields: Fields = {}) {
  const schema = z.object({ what: z.string() });
  const func = (async ({ what }: { what: string }, config: ToolConfig) => run(what, config)) as never;
  return tool(func, { name, description: name, schema, ...fields } as never) as never;
}

/** The model calls these tools, in one step. */
export function asks(...calls: [id: string, name: string][]): AIMessage {
  const toolCalls = calls.map(([id, name]) => ({ id, name, args: { what: id } }));
  return new AIMessage({ content: "", tool_calls: toolCalls });
}

export function says(text: string): AIMessage {
  return new AIMessage(text);
}

/** The model calls the tool "work" once, and says that it is done. */
export const oneCall = () => [asks(["one", "work"]), says("Done.")];

/** An agent with a scripted model, and a manager of its own. */
export function lab(options: LabOptions) {
  const { tools = [], steps, middleware, adapter, inbox, before = [], after = [] } = options;
  const tasks = options.tasks ?? new BackgroundTaskManager();
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 60_000, ...middleware });
  const own: AgentMiddleware[] = [offloadMiddleware({ offload, ...adapter })];
  if (inbox !== undefined) own.push(followUpInterrupts({ inbox, scope: adapter?.scope }));
  const agent = agentOf({ ...options, steps, tools }, [...before, ...own, ...after]);
  return { tasks, ...agent };
}

/** The same agent without us. */
export function bareLab(options: LabOptions) {
  const { before = [], after = [] } = options;
  return agentOf(options, [...before, ...after]);
}

function agentOf(
  { steps, tools, checkpointer = new MemorySaver() }: LabOptions,
  middleware: AgentMiddleware[],
) {
  const model = fakeModel();
  const shown: BaseMessage[][] = [];
  for (const step of steps) {
    model.respond((messages) => {
      shown.push(messages);
      return typeof step === "function" ? step(messages) : step;
    });
  }
  const saver = checkpointer || undefined;
  const agent = createAgent({
    model,
    tools: tools as never[],
    middleware,
    ...(saver && { checkpointer: saver }),
  });
  const messagesOf = async (thread: string): Promise<BaseMessage[]> =>
    (await agent.graph.getState(configOf(thread))).values.messages ?? [];
  const say = async (thread: string, config: object = {}): Promise<string> => {
    const given = { ...configOf(thread), ...config };
    const { messages } = await agent.invoke({ messages: [new HumanMessage("Go.")] }, given);
    return messages.at(-1)?.text ?? "";
  };
  return {
    agent,
    model,
    shown,
    messagesOf,
    say,
    rawOf: async (thread: string) => raw(await messagesOf(thread)),
  };
}

export function configOf(thread: string) {
  return { configurable: { thread_id: thread, user_id: "ada" } };
}

/** Messages without what differs from run to run. */
export function raw(messages: readonly BaseMessage[]) {
  return messages.map((message) => {
    const { type, data } = message.toDict();
    return { type, data: { ...data, id: undefined } };
  });
}

/** The task of the one call, once it has ended, and its result. */
export async function result(tasks: BackgroundTaskManager, within = scope) {
  const [task] = (await tasks.list(within)).tasks;
  if (task === undefined) throw new Error("There is no task.");
  await tasks.wait(within, [task.id]);
  return { task: await tasks.get(within, task.id), result: await tasks.result(within, task.id) };
}

export function eventually(check: () => unknown): Promise<void> {
  return vi.waitFor(async () => void (await check()), { timeout: 15_000, interval: 5 });
}

/** A promise in the hands of a test. */
export function latch<T = unknown>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}
