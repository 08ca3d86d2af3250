import { Agent, RunContext } from "@openai/agents";
import { BackgroundTaskManager } from "tool-offload";
import { taskTools } from "tool-offload/adapters/openai-agents";
import { expect, test } from "vitest";
import { open, runner, scope, scripted, toolResults, turn } from "./stage.ts";

test("they are function tools that say what they take", () => {
  const { tasks } = open();
  const [list, output, stop] = taskTools({ tasks, scope, maxWaitMs: 7 });
  expect([list?.name, output?.name, stop?.name]).toEqual(["task_list", "task_output", "task_stop"]);
  expect(output).toMatchObject({
    type: "function",
    strict: false,
    description: expect.stringContaining("task"),
  });
  expect(output?.parameters).toMatchObject({
    type: "object",
    additionalProperties: false,
    required: [],
    properties: {
      task_id: { type: "string" },
      task_ids: { type: "array", maxItems: 20 },
      wait_ms: { type: "integer", minimum: 0, maximum: 7 },
    },
  });
  expect(list?.parameters.required).toEqual([]);
});

test("they see the tasks of the run's own context, and no others", async () => {
  const { tasks } = open();
  const start = (userId: string) =>
    tasks.start({ toolName: `dig-${userId}`, input: {}, scope: { userId } }, () => 1);
  await Promise.all([start("ada"), start("grace")]);
  const tools = taskTools({ tasks, scope: ({ user }: { user: string }) => ({ userId: user }) });
  const seenBy = async (user: string) => {
    const model = scripted([["one", "task_list"]], "Done.");
    const agent = new Agent<{ user: string }>({ name: "Assistant", model, tools });
    const { history } = await runner.run(agent, "Go.", { context: { user } });
    return toolResults(history).one;
  };
  expect(await seenBy("ada")).toContain("dig-ada");
  expect(await seenBy("ada")).not.toContain("dig-grace");
  expect(await seenBy("grace")).toContain("dig-grace");
});

test("a wrong argument is told to the model", async () => {
  const { tasks } = open();
  const calls: [string, string, object][] = [
    ["one", "task_output", { task_id: "x", wait_ms: -1 }],
    ["two", "task_list", { what: 1 }],
    ["three", "task_stop", { task_id: "nobody's" }],
  ];
  const { results, outcome } = await turn(scripted(calls, "Sorry."), taskTools({ tasks, scope }));
  expect(outcome).toEqual({ finalOutput: "Sorry." });
  expect(results.one).toMatch(/^wait_ms must be /);
  expect(results.two).toMatch(/^what is no argument/);
  expect(results.three).toMatch(/There is no such task/);
});

test("what is no JSON is told too, and no input is an empty one", async () => {
  const { tasks } = open();
  const [list] = taskTools({ tasks, scope });
  expect(await list?.invoke(new RunContext(), "{")).toMatch(/JSON/);
  expect(JSON.parse((await list?.invoke(new RunContext(), "")) ?? "")).toEqual({ tasks: [], more: false });
});

test("a turn that is aborted waits no longer", async () => {
  const { tasks } = open();
  const { id } = await tasks.start({ toolName: "dig", input: {}, scope }, () => new Promise(() => undefined));
  const [, output] = taskTools({ tasks, scope });
  const abort = new AbortController();
  const input = JSON.stringify({ task_id: id, wait_ms: 20_000 });
  const waiting = output?.invoke(new RunContext(), input, { signal: abort.signal });
  abort.abort(new Error("The user has left."));
  await expect(waiting).rejects.toThrow("The user has left.");
  await tasks.cancel(scope, id);
});

test.each([
  [undefined, "options must be an object; got undefined."],
  [
    { tasks: new BackgroundTaskManager(), scope: { userId: "" } },
    'scope.userId must be a non-empty string; got "".',
  ],
  [{ scope: () => scope, maxWaitMs: -1 }, /tasks must be/],
])("odd options: %j", (options, message) => {
  expect(() => taskTools(options as never)).toThrow(
    expect.objectContaining({
      code: "invalid_option",
      message: typeof message === "string" ? message : expect.stringMatching(message),
    }),
  );
});
