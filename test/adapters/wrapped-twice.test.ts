import { tool as agentsTool } from "@openai/agents";
import { createAgent, fakeModel } from "langchain";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import * as aiSdk from "tool-offload/adapters/ai-sdk";
import { offloadMiddleware } from "tool-offload/adapters/langchain";
import * as mastra from "tool-offload/adapters/mastra";
import * as openaiAgents from "tool-offload/adapters/openai-agents";
import { withBackgroundArgument } from "tool-offload/tools";
import { afterAll, expect, test } from "vitest";
import * as z from "zod";

const tasks = new BackgroundTaskManager();
afterAll(() => tasks.close({ drainMs: 0 }));

const offload = new ToolOffloadMiddleware({ tasks });
const scope = { userId: "ada" };
const terms = { offload, scope };
const inputSchema = z.object({});
const execute = () => "made";
const plain = { name: "make", description: "Makes.", inputSchema, parameters: inputSchema, execute };
const functionTool = agentsTool(plain);
const offloadingTool = openaiAgents.offloadingTool(agentsTool, terms);

const WAYS: Record<string, (tool: typeof plain) => object> = {
  "the AI SDK": (make) => aiSdk.offloadTools({ make } as never, terms),
  Mastra: (make) => mastra.offloadTools({ make: { id: "make", ...make } } as never, { offload }),
  "OpenAI Agents": (make) => openaiAgents.offloadTools([make as never], terms),
  "offloadingTool of OpenAI Agents": (make) => offloadingTool(make as never) as object,
  wrap: (make) => offload.wrap(make),
  withBackgroundArgument: (make) => withBackgroundArgument(make, offload),
};

/** Tools that are wrapped, by who has done it. */
const WRAPPED: Record<string, object> = {
  "the AI SDK": (aiSdk.offloadTools({ make: plain } as never, terms) as { make: object }).make,
  Mastra: (mastra.offloadTools({ make: plain } as never, { offload }) as { make: object }).make,
  wrap: { ...plain, execute: offload.wrap(plain) },
  withBackgroundArgument: withBackgroundArgument(plain, offload),
};

const refused = expect.objectContaining({
  code: "invalid_option",
  message: expect.stringMatching(/ is wrapped already.* Wrap each tool once/),
});

for (const [inner, { execute }] of Object.entries(WRAPPED) as [string, typeof plain][]) {
  test.each(Object.entries(WAYS))(`and so is what is made of it: ${inner}, %s`, (_, wrap) => {
    expect(() => wrap({ ...plain, execute })).toThrow(refused);
  });
}

for (const [inner, tool] of Object.entries(WRAPPED)) {
  test.each(Object.entries(WAYS))(`what ${inner} has wrapped is refused by %s`, (_, wrap) => {
    expect(() => wrap(plain)).not.toThrow();
    expect(() => wrap(tool as typeof plain)).toThrow(refused);
  });
}

test("OpenAI Agents: its tools, and the function that makes them, are wrapped once", () => {
  const [wrapped] = openaiAgents.offloadTools([functionTool], terms);
  for (const tool of [wrapped, offloadingTool(plain)]) {
    expect(() => openaiAgents.offloadTools([tool as never], terms)).toThrow(refused);
  }
  expect(() => openaiAgents.offloadingTool(offloadingTool, terms)).toThrow(refused);
});

test("LangChain refuses two of the same middleware by itself", () => {
  const middleware = [offloadMiddleware({ offload }), offloadMiddleware({ offload })];
  expect(() => createAgent({ model: fakeModel(), tools: [], middleware })).toThrow(/multiple times/);
});

test("the tools for the model stay as they are", () => {
  const given = aiSdk.taskTools({ tasks, scope });
  expect(aiSdk.offloadTools(given as never, terms)).toEqual(given);
  const agents = openaiAgents.taskTools({ tasks, scope });
  expect(openaiAgents.offloadTools(agents as never[], terms)).toEqual(agents);
  const mastras = mastra.taskTools({ tasks, scope });
  expect(mastra.offloadTools(mastras as never, { offload })).toEqual(mastras);
});
