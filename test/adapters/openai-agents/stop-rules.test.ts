import { Agent, RunContext, type ToolUseBehavior, tool, toolNamespace } from "@openai/agents";
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing";
import { afterTools, offloadingTool, offloadTools } from "tool-offload/adapters/openai-agents";
import { describe, expect, test } from "vitest";
import { open, runner, scope, scripted, slowTool, toolFor, turn } from "./stage.ts";

function tools() {
  const { tasks, offload } = open();
  const slow = slowTool();
  const own = [tool(slow.options), toolFor("fast", () => ({ n: 1 })), toolFor("text", () => "plain text")];
  return { tasks, slow, tools: offloadTools(own, { offload, scope }) };
}

const RULES: [string, ToolUseBehavior][] = [
  ["stop_on_first_tool", "stop_on_first_tool"],
  ["stopAtToolNames", { stopAtToolNames: ["slow"] }],
];

describe.each(RULES)("%s", (_name, rule) => {
  test("is refused where it would make a final answer of a placeholder", async () => {
    const { outcome } = await turn(scripted([["one", "slow"]], "Never."), tools().tools, {
      toolUseBehavior: rule,
    });
    expect(outcome).toEqual({
      error: expect.objectContaining({
        code: "invalid_option",
        message: expect.stringMatching(
          /^toolUseBehavior must be afterTools\(…\), .* got ("stop_on_first_tool"|an object)\.$/,
        ),
      }),
    });
  });

  test("is refused for a tool that was made to be offloaded, too", async () => {
    const { offload } = open();
    const slow = offloadingTool(tool, { offload, scope })(slowTool().options);
    const { outcome } = await turn(scripted([["one", "slow"]], "Never."), [slow], { toolUseBehavior: rule });
    expect(outcome).toMatchObject({ error: { code: "invalid_option" } });
  });

  test("goes on where it is told of placeholders", async () => {
    const { tools: own, slow, tasks } = tools();
    const toolUseBehavior = afterTools(rule);
    const { outcome } = await turn(scripted([["one", "slow"]], "Started."), own, { toolUseBehavior });
    expect(outcome).toEqual({ finalOutput: "Started." });
    expect((await tasks.list(scope)).tasks).toHaveLength(1);
    slow.resolve("done");
  });
});

test("a rule that names no offloaded tool is left alone", async () => {
  const toolUseBehavior = { stopAtToolNames: ["other"] };
  const { outcome } = await turn(scripted([["one", "fast"]], "Done."), tools().tools, { toolUseBehavior });
  expect(outcome).toEqual({ finalOutput: "Done." });
});

test.each([
  [
    "stop_on_first_tool",
    "stop_on_first_tool",
    [
      ["one", "text"],
      ["two", "slow"],
    ],
  ],
  ["stop_on_first_tool", "stop_on_first_tool", [["one", "fast"]]],
  [
    "a tool that is named",
    { stopAtToolNames: ["text"] },
    [
      ["one", "fast"],
      ["two", "text"],
    ],
  ],
  ["a tool that is not named", { stopAtToolNames: ["text"] }, [["one", "fast"]]],
  ["run_llm_again", "run_llm_again", [["one", "text"]]],
] as [string, ToolUseBehavior, [string, string][]][])(
  "a value ends the turn as it does without us: %s %j",
  async (_what, rule, calls) => {
    const plain = [
      tool(slowTool().options),
      toolFor("fast", () => ({ n: 1 })),
      toolFor("text", () => "plain text"),
    ];
    const bareTools = plain.filter(
      ({ name }) => name !== "slow" || !calls.some(([, called]) => called === "slow"),
    );
    const called = calls.filter(([, name]) => bareTools.some((own) => own.name === name));
    const bare = await turn(scripted(called, "Asked again."), bareTools, { toolUseBehavior: rule });
    const own = await turn(scripted(calls, "Asked again."), tools().tools, {
      toolUseBehavior: afterTools(rule),
    });
    expect(own.outcome).toEqual(bare.outcome);
  },
);

test("a tool in a namespace is known by either name", async () => {
  const space = { name: "space", description: "Space.", tools: [toolFor("text", () => "plain text")] };
  for (const name of ["text", "space.text"]) {
    const call = functionCall("text", {}, { callId: "one", namespace: "space" });
    const model = () => new ScriptedModel([[call], [assistantMessage("Asked again.")]]);
    const rule = { stopAtToolNames: [name] };
    const bare = await turn(model(), toolNamespace(space), { toolUseBehavior: rule });
    const { offload } = open();
    const own = offloadTools(toolNamespace(space), { offload, scope });
    const wrapped = await turn(model(), own, { toolUseBehavior: afterTools(rule) });
    expect(wrapped.outcome).toEqual({ finalOutput: "plain text" });
    expect(wrapped.outcome).toEqual(bare.outcome);
  }
});

test("a function is asked, and overruled only for a placeholder", async () => {
  const quoting: ToolUseBehavior = (_context, results) => ({
    isFinalOutput: true,
    isInterrupted: undefined,
    finalOutput: `They say: ${results.map((result) => "output" in result && result.output).join()}`,
  });
  const toolUseBehavior = afterTools(quoting);
  const said = async (name: string) =>
    (await turn(scripted([["one", name]], "Started."), tools().tools, { toolUseBehavior })).outcome;
  expect(await said("text")).toEqual({ finalOutput: "They say: plain text" });
  expect(await said("slow")).toEqual({ finalOutput: "Started." });
});

test("what is no rule is refused", () => {
  for (const [rule, shown] of [
    ["stop", '"stop"'],
    [5, "5"],
    [null, "null"],
    [{}, "an object"],
  ]) {
    expect(() => afterTools(rule as never)).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: `rule must be a toolUseBehavior; got ${shown}.`,
      }),
    );
  }
});

test.each([
  ["runs", () => ({})],
  ["runs that share a context", (context: RunContext) => ({ context })],
])("a placeholder is told from a value of the same call id, in %s", async (_which, optionsFor) => {
  const { tools: own, slow } = tools();
  const model = scripted([["one", "slow"]], "Started.");
  const toolUseBehavior = afterTools("stop_on_first_tool");
  const agent = new Agent({ name: "Assistant", model, tools: own, toolUseBehavior });
  const options = optionsFor(new RunContext());
  expect((await runner.run(agent, "Go.", options)).finalOutput).toBe("Started.");
  slow.resolve("at once");
  model.enqueue([functionCall("slow", {}, { callId: "one" })]);
  expect((await runner.run(agent, "Again.", options)).finalOutput).toBe("at once");
});
