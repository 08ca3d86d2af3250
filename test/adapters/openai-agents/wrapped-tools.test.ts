import {
  Agent,
  computerTool,
  hostedMcpTool,
  tool as plainTool,
  RunContext,
  webSearchTool,
} from "@openai/agents";
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing";
import { offloadingTool, offloadTools, taskTools } from "tool-offload/adapters/openai-agents";
import { expect, test } from "vitest";
import * as z from "zod";
import { open, optionsFor, saying, scope, scripted, slowTool, toolFor, turn } from "./stage.ts";

test("an approval function is given what the schema has made of the arguments, or plain JSON", async () => {
  const { offload } = open();
  const seen: unknown[] = [];
  const options = {
    name: "pay",
    description: "Pays.",
    parameters: z.object({ euros: z.number(), account: z.string().trim() }),
    needsApproval: async (_context: unknown, input: unknown) => seen.push(input) > 99,
    execute: async () => "paid",
  };
  for (const tools of [
    [plainTool(options)],
    [offloadingTool(plainTool, { offload, scope })(options)],
    offloadTools([plainTool(options)], { offload, scope }),
  ]) {
    await turn(scripted([["one", "pay", { euros: 5, account: " x " }]], "Paid."), tools);
  }
  const normal = { euros: 5, account: "x" };
  expect(seen).toEqual([normal, normal, { euros: 5, account: " x " }]);
});

test("the tools of taskTools come back as they are", () => {
  const { tasks, offload } = open();
  const given = taskTools({ tasks, scope });
  const again = offloadTools(given as never[], { offload, scope }) as unknown[];
  for (const [index, tool] of given.entries()) expect(again[index]).toBe(tool);
});

test("what is no function tool comes back as it is", () => {
  const { offload } = open();
  const computer = computerTool({ computer: {} as never });
  const others = [
    webSearchTool(),
    hostedMcpTool({ serverLabel: "x", serverUrl: "https://example.com" }),
    computer,
  ];
  const tools = offloadTools(others, { offload, scope });
  expect(tools).toEqual(others);
  for (const [index, tool] of tools.entries()) expect(tool).toBe(others[index]);
});

test("a tool keeps all it has, and the one that was given is left alone", () => {
  const { offload } = open();
  const fast = Object.assign(
    toolFor("fast", () => "fast"),
    { timeoutMs: 7 },
  );
  const before = { ...fast };
  const [own] = offloadTools([fast], { offload, scope });
  expect(own).toEqual({
    ...before,
    timeoutMs: undefined,
    invoke: expect.any(Function),
    isEnabled: expect.any(Function),
    [Symbol.for("tool-offload.wrapped")]: true,
  });
  expect(fast).toEqual(before);
});

test("a tool that is not enabled stays so", async () => {
  const { offload } = open();
  const hidden = plainTool({
    ...optionsFor("hidden", () => ""),
    isEnabled: ({ runContext }) => runContext.context === 1,
  });
  const tools = offloadTools([hidden], { offload, scope });
  const agent = new Agent({ name: "Assistant", tools, model: saying("") });
  expect(await agent.getAllTools(new RunContext<unknown>(2))).toEqual([]);
  expect(await agent.getAllTools(new RunContext<unknown>(1))).toHaveLength(1);
});

test("a tool may have the name of its function, as ever", async () => {
  const { tasks, offload } = open();
  const tool = offloadingTool(plainTool, { offload, scope });
  const slow = slowTool();
  async function digDeep() {
    return slow.options.execute();
  }
  const dig = tool({ description: "Digs.", parameters: z.object({}), execute: digDeep });
  expect(dig.name).toBe("digDeep");
  await turn(
    new ScriptedModel([[functionCall("digDeep", {}, { callId: "one" })], [assistantMessage("Ok.")]]),
    [dig],
  );
  expect((await tasks.list(scope)).tasks).toMatchObject([{ toolName: "digDeep" }]);
  slow.resolve("done");
});
