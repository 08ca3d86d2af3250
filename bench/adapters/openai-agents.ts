import { Agent, type Model, Runner, tool, Usage } from "@openai/agents";
import { assistantMessage, functionCall } from "@openai/agents/testing";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { offloadingTool, offloadTools } from "tool-offload/adapters/openai-agents";
import * as z from "zod";
import { nanoseconds, type Row, sideBySide } from "../side-by-side.ts";

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

  const cost = await sideBySide(
    {
      bare: runWith([tool(options)]),
      again: runWith([tool(options)]),
      wrapped: runWith(offloadTools([tool(options)], terms)),
      made: runWith([offloadingTool(tool, terms)(options)]),
    },
    { rounds: 250, repeat: 10 },
  );
  await tasks.close();
  const noise = Math.abs(cost.again - cost.bare);
  const row = (name: string, ns: number, limit: number): Row => ({
    name: `OpenAI Agents: ${name}`,
    detail: `${nanoseconds(ns - cost.bare)} added to ${nanoseconds(cost.bare)}; the run's own noise is ${nanoseconds(noise)}`,
    ratio: ns / cost.bare,
    limit,
  });
  return [
    row("a run with one fast call, wrapped", cost.wrapped, 1.25),
    row("… with a tool made by offloadingTool", cost.made, 1.25),
    row("… unwrapped once more", cost.again, Number.POSITIVE_INFINITY),
  ];
}
