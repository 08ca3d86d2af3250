import { Agent, tool as plainTool } from "@openai/agents";
import { offloadingTool, offloadTools } from "tool-offload/adapters/openai-agents";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { open, runner, scope, scripted, slowTool, toolFor, turn } from "./stage.ts";

test("scope and metadata may come from the context of the run, and the call's id and input are the task's", async () => {
  const { tasks, offload } = open();
  interface Context {
    user: string;
    chat: string;
  }
  const slow = slowTool();
  const parameters = z.object({ password: z.string() });
  const tools = offloadTools([plainTool({ ...slow.options, parameters })], {
    offload,
    scope: ({ user, chat }: Context) => ({ userId: user, sessionId: chat }),
    metadata: ({ chat }: Context) => ({ model: "m1", chat }),
  });
  const model = scripted([["one", "slow", { password: "hunter2" }]], "Started.");
  const agent = new Agent<Context>({ name: "Assistant", model, tools });
  await runner.run(agent, "Go.", { context: { user: "grace", chat: "c9" } });
  const { tasks: found } = await tasks.list({ userId: "grace" });
  expect(found).toMatchObject([
    { toolCallId: "one", sessionId: "c9", metadata: { model: "m1", chat: "c9" }, toolName: "slow" },
  ]);
  expect(found[0]?.summary).toBe("slow(password=***)");
  slow.resolve("done");
});

test("a wrong scope from the context fails the run, naming the field", async () => {
  const { offload } = open();
  const tools = offloadTools([toolFor("fast", () => "")], { offload, scope: () => ({ userId: "" }) });
  const { outcome } = await turn(scripted([["one", "fast"]], "Never."), tools);
  expect(outcome).toMatchObject({ error: { message: expect.stringContaining("scope.userId") } });
});

describe("odd options", () => {
  const { offload } = { offload: { run: async () => undefined as never } };
  test.each([
    ["options", undefined, "options must be an object; got undefined."],
    ["options", "x", 'options must be an object; got "x".'],
    [
      "an unknown option",
      { offload, scope, timeoutMs: 5 },
      "timeoutMs is not an option; there are offload, scope, metadata.",
    ],
    ["offload", { scope, offload: { run: 5 } }, "offload must be a ToolOffloadMiddleware; got an object."],
    ["no offload", { scope }, "offload must be a ToolOffloadMiddleware; got undefined."],
    ["no scope", { offload }, "scope must be an object with a userId; got undefined."],
    ["scope", { offload, scope: { userId: "" } }, 'scope.userId must be a non-empty string; got "".'],
  ])("%s: %j", (_what, options, message) => {
    for (const make of [
      () => offloadTools([], options as never),
      () => offloadingTool(plainTool, options as never),
    ]) {
      expect(make).toThrow(expect.objectContaining({ code: "invalid_option", message }));
    }
  });

  test.each([
    [undefined, "tools must be an array of tools; got undefined."],
    [[null], "tools[0] must be a tool; got null."],
    [[{ type: "hosted_tool", name: "x" }, 5], "tools[1] must be a tool; got 5."],
  ])("tools: %j", (tools, message) => {
    expect(() => offloadTools(tools as never, { offload, scope })).toThrow(
      expect.objectContaining({ code: "invalid_option", message }),
    );
  });

  test("what is not the framework's `tool`, and what it would not make a tool of", () => {
    const invalid = (message: string) => expect.objectContaining({ code: "invalid_option", message });
    expect(() => offloadingTool(5 as never, { offload, scope })).toThrow(
      invalid("make must be a function; got 5."),
    );
    const tool = offloadingTool(plainTool, { offload, scope });
    expect(() => tool(undefined as never)).toThrow(invalid("options must be an object; got undefined."));
    expect(() => tool({ name: "x" } as never)).toThrow(invalid("execute must be a function; got undefined."));
  });
});
