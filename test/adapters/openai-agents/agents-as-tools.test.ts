import { Agent, tool as plainTool, RunState } from "@openai/agents";
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing";
import { offloadTools } from "tool-offload/adapters/openai-agents";
import { describe, expect, test } from "vitest";
import { open, optionsFor, runner, scope, scripted, slowTool, turn } from "./stage.ts";

test("an agent as a tool is offloaded like any other", async () => {
  const { tasks, offload } = open();
  const slow = slowTool("dig");
  const nested = new Agent({
    name: "Digger",
    model: scripted([["inner", "dig"]], "Gold at 42 m."),
    tools: [plainTool(slow.options)],
  });
  const digger = nested.asTool({ toolName: "digger", toolDescription: "Digs." });
  const tools = offloadTools([digger], { offload, scope });
  const { outcome } = await turn(scripted([["one", "digger", { input: "Dig." }]], "It digs."), tools);
  expect(outcome).toEqual({ finalOutput: "It digs." });
  const [task] = (await tasks.list(scope)).tasks;
  expect(task).toMatchObject({ toolName: "digger", status: "running" });
  slow.resolve("ore");
  await tasks.wait(scope, [task?.id ?? ""]);
  expect(await tasks.result(scope, task?.id ?? "")).toMatchObject({ value: "Gold at 42 m." });
});

describe("the approval that an agent as a tool needs", () => {
  function outer(timeoutMs: number) {
    const { tasks, offload } = open({ timeoutMs });
    const look = slowTool("look");
    if (timeoutMs > 1_000) look.resolve("looked");
    const risky = plainTool({ ...optionsFor("risky", () => "done it"), needsApproval: true });
    const steps = [functionCall("look", {}, { callId: "a" })];
    const then = [functionCall("risky", {}, { callId: "b" })];
    const model = new ScriptedModel([steps, then, [assistantMessage("All done.")]]);
    const nested = new Agent({ name: "Inner", model, tools: [plainTool(look.options), risky] });
    const tool = nested.asTool({ toolName: "inner", toolDescription: "Does it." });
    const outerModel = scripted([["one", "inner", { input: "Do it." }]], "It is done.");
    const agent = (tools: Agent["tools"]) => new Agent({ name: "Outer", model: outerModel, tools });
    return {
      tasks,
      look,
      bare: () => agent([tool]),
      wrapped: () => agent(offloadTools([tool], { offload, scope })),
    };
  }

  async function approve(agent: Agent, stored: boolean) {
    const asked = await runner.run(agent, "Go.");
    expect(asked.interruptions.map(({ name }) => name)).toEqual(["risky"]);
    const restored = await RunState.fromString<undefined, Agent>(agent, asked.state.toString());
    const state = stored ? restored : (asked.state as typeof restored);
    for (const interruption of state.getInterruptions()) state.approve(interruption);
    const result = await runner.run<Agent, undefined>(agent, state);
    return result.interruptions.length > 0 ? "asked again" : result.finalOutput;
  }

  test("is asked for while its call is waited for, but not found in a state that was stored", async () => {
    expect(await approve(outer(5_000).wrapped(), false)).toBe("It is done.");
    // The framework knows such tools by identity, and ours are others.
    expect(await approve(outer(5_000).bare(), true)).toBe("It is done.");
    expect(await approve(outer(5_000).wrapped(), true)).toBe("asked again");
  });

  test("cannot be asked for in the background: the task has failed", async () => {
    const { tasks, look, wrapped } = outer(30);
    expect((await runner.run(wrapped(), "Go.")).finalOutput).toBe("It is done.");
    look.resolve("looked");
    const [task] = (await tasks.list(scope)).tasks;
    await tasks.wait(scope, [task?.id ?? ""]);
    expect(await tasks.result(scope, task?.id ?? "")).toMatchObject({
      status: "failed",
      error: { code: "tool_error", message: expect.stringContaining("approval") },
    });
  });
});
