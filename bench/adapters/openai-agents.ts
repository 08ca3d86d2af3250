import { Agent, type Model, Runner, tool, Usage } from "@openai/agents";
import { assistantMessage, functionCall } from "@openai/agents/testing";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { offloadingTool, offloadTools } from "tool-offload/adapters/openai-agents";
import * as z from "zod";
import type { Row } from "../side-by-side.ts";
import { addedRow, turnsSideBySide } from "./turns.ts";

/** Calls the tool, and answers when it has the result. It waits for nothing and keeps nothing. */
const model: Model = {
  async getResponse({ input }) {
    const last = typeof input === "string" ? undefined : input.at(-1);
    const isAnswered = last?.type === "function_call_result";
    const call = functionCall("add", { a: 1 }, { callId: "call_1" });
    return { usage: new Usage(), output: [isAnswered ? assistantMessage("2") : call] };
  },
  getStreamedResponse: () => Promise.reject(new Error("It does not stream.")) as never,
};

/** What a wrapped call that finishes at once adds to a run: two model requests and the call. */
export async function openaiAgentsBench(): Promise<Row[]> {
  const tasks = new BackgroundTaskManager();
  const offload = new ToolOffloadMiddleware({ tasks });
  const terms = { offload, scope: { userId: "u1", sessionId: "s1" } };
  const parameters = z.object({ a: z.number() });
  const options = { name: "add", description: "Adds.", parameters, execute: ({ a }: { a: number }) => a + 1 };
  const runner = new Runner({ tracingDisabled: true });
  const runWith = (tools: Agent["tools"]) => {
    const agent = new Agent({ name: "Adder", model, tools });
    return () => runner.run(agent, "Add.");
  };

  const cost = await turnsSideBySide(
    {
      bare: runWith([tool(options)]),
      again: runWith([tool(options)]),
      wrapped: runWith(offloadTools([tool(options)], terms)),
      made: runWith([offloadingTool(tool, terms)(options)]),
    },
    3_000,
  );
  await tasks.close();
  return [
    addedRow("OpenAI Agents: a run with one fast call, wrapped", cost.wrapped, cost.bare),
    addedRow("… with a tool made by offloadingTool", cost.made, cost.bare),
    addedRow("for comparison: unwrapped once more", cost.again, cost.bare),
  ];
}
