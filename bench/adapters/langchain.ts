import { MemorySaver } from "@langchain/langgraph";
import {
  type AgentMiddleware,
  createAgent,
  createMiddleware,
  FakeToolCallingModel,
  HumanMessage,
  tool,
} from "langchain";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { offloadMiddleware } from "tool-offload/adapters/langchain";
import { FollowUpInbox } from "tool-offload/follow-up";
import * as z from "zod";
import { nanoseconds, type Row, sideBySide, type Work } from "../side-by-side.ts";

/** What a wrapped tool that answers at once adds to a turn of a LangChain agent: two steps, one call, a fake model. */
export async function langchainBench(): Promise<Row[]> {
  const tasks = new BackgroundTaskManager();
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 10_000 });
  const ours = offloadMiddleware({ offload });
  const withInbox = offloadMiddleware({ offload, inbox: new FollowUpInbox({ tasks }) });
  const cost = await sideBySide(
    {
      bare: turns([], false),
      again: turns([], false),
      passing: turns([passing()], false),
      wrapped: turns([ours], false),
      bareKept: turns([], true),
      wrappedKept: turns([withInbox], true),
    },
    { rounds: 60, repeat: 15 },
  );
  await tasks.close();
  const row = (name: string, ns: number, bare: number, limit: number): Row => ({
    name,
    detail: `${nanoseconds(ns)} a turn; ${nanoseconds(bare)} unwrapped, ${added(ns, bare)}`,
    ratio: ns / bare,
    limit,
  });
  const none = Number.POSITIVE_INFINITY;
  return [
    row("LangChain: a turn with a fast call, wrapped", cost.wrapped, cost.bare, 1.25),
    row("… with an inbox, a graph step more for each model step", cost.wrappedKept, cost.bareKept, none),
    row("for comparison: a middleware of LangChain that does nothing", cost.passing, cost.bare, none),
    row("for comparison: unwrapped once more", cost.again, cost.bare, none),
  ];
}

function turns(middleware: AgentMiddleware[], isKept: boolean): Work {
  const add = tool(async ({ a }) => String(a + 1), { name: "add", schema: z.object({ a: z.number() }) });
  const model = new FakeToolCallingModel({
    toolCalls: [[{ name: "add", args: { a: 1 }, id: "call_1" }], []],
  });
  const agent = createAgent({ model, tools: [add], middleware });
  return async () => {
    // A thread of its own for each turn: one that grows would grow slower with each.
    if (isKept) agent.checkpointer = new MemorySaver();
    const input = { messages: [new HumanMessage("Go.")] };
    const { messages } = await agent.invoke(input, { configurable: { user_id: "u1", thread_id: "t1" } });
    if (messages.length !== 4) throw new Error(`The turn ended with ${messages.length} messages.`);
  };
}

/** What LangChain charges for any middleware around tools. */
function passing(): AgentMiddleware {
  return createMiddleware({ name: "Passing", wrapToolCall: (request, handler) => handler(request) });
}

function added(ns: number, bare: number): string {
  return `${ns < bare ? "-" : "+"}${nanoseconds(Math.abs(ns - bare))}`;
}
