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
import { followUpInterrupts, offloadMiddleware } from "tool-offload/adapters/langchain";
import { FollowUpInbox } from "tool-offload/follow-up";
import * as z from "zod";
import type { Row, Work } from "../side-by-side.ts";
import { addedRow, turnsSideBySide } from "./turns.ts";

/** What a wrapped tool that answers at once adds to a turn of a LangChain agent: two steps, one call, a fake model. */
export async function langchainBench(): Promise<Row[]> {
  const tasks = new BackgroundTaskManager();
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 10_000 });
  const ours = offloadMiddleware({ offload });
  const interrupts = followUpInterrupts({ inbox: new FollowUpInbox({ tasks }) });
  const cost = await turnsSideBySide(
    {
      bare: turns([], false),
      again: turns([], false),
      passing: turns([passing()], false),
      wrapped: turns([ours], false),
      bareKept: turns([], true),
      wrappedKept: turns([ours, interrupts], true),
    },
    900,
  );
  await tasks.close();
  const none = Number.POSITIVE_INFINITY;
  const inbox = "… with an inbox, a graph step more for each model step";
  return [
    addedRow("LangChain: a turn with a fast call, wrapped", cost.wrapped, cost.bare),
    addedRow(inbox, cost.wrappedKept, cost.bareKept, none),
    addedRow("for comparison: a middleware of LangChain that does nothing", cost.passing, cost.bare, none),
    addedRow("for comparison: unwrapped once more", cost.again, cost.bare),
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
