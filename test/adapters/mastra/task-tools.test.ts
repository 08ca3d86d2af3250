import { BackgroundTaskManager } from "tool-offload";
import { offloadTools, taskTools } from "tool-offload/adapters/mastra";
import { describe, expect, test } from "vitest";
import { calls, Stage, text } from "./stage.ts";

describe("in an agent's loop", () => {
  const answers = ({ shown }: Stage) =>
    (shown.at(-1) ?? []).flatMap((message) => (message.role === "tool" ? [message.text] : []));

  test("they see the run's thread, and nothing else", async () => {
    const stage = new Stage({
      steps: [calls("task_list"), text("Seen.")],
      tools: ({ tasks }) => ({ ...taskTools({ tasks }) }),
    });
    const mine = await stage.ended("mine");
    const other = { userId: "ada", sessionId: "chat-2" };
    await stage.tasks.start({ toolName: "other", input: {}, scope: other }, () => 1);
    await stage.agent.generate("Go.", stage.inThread);
    const { tasks } = JSON.parse(answers(stage)[0] ?? "");
    expect(tasks).toEqual([expect.objectContaining({ task_id: mine, tool: "report" })]);
  });

  test("they wait as long as the model wants, and are never offloaded", async () => {
    const stage: Stage = new Stage({
      middleware: { timeoutMs: 0 },
      steps: [
        async () => {
          const work = () => new Promise((resolve) => setTimeout(resolve, 100, "done"));
          const { id } = await stage.tasks.start({ toolName: "work", input: {}, scope: stage.scope }, work);
          return calls("task_output", { task_id: id, wait_ms: 5_000 });
        },
        text("I have it."),
      ],
      tools: ({ tasks, scope, offload }) => offloadTools({ ...taskTools({ tasks, scope }) }, { offload }),
    });
    await stage.agent.generate("Go.", stage.inThread);
    expect(JSON.parse(answers(stage)[0] ?? "")).toMatchObject({
      outcome: { status: "completed", text: "done" },
    });
    expect((await stage.tasks.list(stage.scope)).tasks).toHaveLength(1);
  });

  test("an argument that is wrong is told to the model, and so is a run without memory", async () => {
    const stage = new Stage({
      steps: [
        calls("task_output", { task_id: "x", wait_ms: -1 }),
        text("Hm."),
        calls("task_list"),
        text("Hm."),
      ],
      tools: ({ tasks }) => ({ ...taskTools({ tasks }) }),
    });
    await stage.agent.generate("Go.", stage.inThread);
    expect(answers(stage)[0]).toMatch(/validation failed[\s\S]*wait_ms/);
    await stage.agent.generate("Go.");
    expect(answers(stage)[0]).toContain(
      "scope.userId must be a non-empty string; got undefined. Run the agent with memory:",
    );
  });
});

test("they are refused where the run has no thread, unless a scope says that they see all of the user's", async () => {
  const stage = new Stage({ steps: [] });
  await stage.ended();
  const run = { agent: { resourceId: stage.scope.userId } };
  const message = /^scope.sessionId must be a non-empty string; got undefined. Run the agent with memory: /;
  const { tasks } = stage;
  const listed = async (options: Parameters<typeof taskTools>[0]) =>
    taskTools(options).task_list.execute({ limit: 20 }, run);
  await expect(listed({ tasks })).rejects.toMatchObject({
    code: "invalid_option",
    message: expect.stringMatching(message),
  });
  const { userId } = stage.scope;
  for (const scope of [{ userId }, () => ({ userId })]) {
    expect(await listed({ tasks, scope })).toMatchObject({ tasks: [{ tool: "report" }] });
  }
});

test.each([
  { name: "no options", options: undefined, fault: /^options must be an object/ },
  { name: "no tasks", options: {}, fault: /^tasks must be/ },
  { name: "a misspelt one", options: { tasks: 1, scopes: 1 }, fault: /^scopes is not an option/ },
  {
    name: "an empty user",
    options: { tasks: new BackgroundTaskManager(), scope: { userId: "" } },
    fault: /^scope.userId must be/,
  },
])("odd options: $name", ({ options, fault }) => {
  expect(() => taskTools(options as never)).toThrow(fault);
});
