import { RunContext } from "@openai/agents";
import { asSchema, generateText, isStepCount } from "ai";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { taskTools as ofAiSdk } from "tool-offload/adapters/ai-sdk";
import { taskTools as ofLangchain } from "tool-offload/adapters/langchain";
import { taskTools as ofMastra } from "tool-offload/adapters/mastra";
import { taskTools as ofOpenaiAgents } from "tool-offload/adapters/openai-agents";
import { withBackgroundArgument } from "tool-offload/tools";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { scriptedModel } from "./ai-sdk/model.ts";
import type { Reply } from "./scenarios/framework.ts";

const scope = { userId: "ada", sessionId: "s1" };

async function lab() {
  const tasks = new BackgroundTaskManager();
  onTestFinished(() => tasks.close({ drainMs: 0 }));
  const { id } = await tasks.start({ toolName: "build", input: {}, scope }, () => "built");
  await tasks.wait(scope, [id]);
  /** Each as the text that a model has written for its arguments. */
  const arguments_ = { task_id: id, wait_ms: null, offset: "0", limit: 99_999, after: null };
  return { tasks, calls: { task_output: JSON.stringify(arguments_), task_list: "null", task_stop: "null" } };
}

type Ask = (tasks: BackgroundTaskManager, name: "task_output" | "task_list", json: string) => Promise<string>;

/** What a model is answered for its call. */
const FRAMEWORKS: Record<string, Ask> = {
  async "AI SDK"(tasks, toolName, input) {
    const call = { id: "one", toolName, input: JSON.parse(input) };
    const replies: Reply[] = [{ calls: [call] }, { text: "Done." }];
    const model = scriptedModel(() => replies.shift() as Reply);
    const tools = ofAiSdk({ tasks, scope });
    const { steps } = await generateText({ model, tools, prompt: "Go.", stopWhen: isStepCount(2) });
    return JSON.stringify(steps[0]?.content);
  },
  async LangChain(tasks, name, json) {
    const tool = ofLangchain({ tasks, scope }).find((one) => one.name === name);
    const call = { type: "tool_call", id: "one", name, args: JSON.parse(json) };
    return JSON.stringify(await tool?.invoke(call as never));
  },
  async "OpenAI Agents"(tasks, name, json) {
    const tool = ofOpenaiAgents({ tasks, scope }).find((one) => one.name === name);
    return (await tool?.invoke(new RunContext(), json)) ?? "";
  },
  // As its loop does, which takes any schema of the standard.
  async Mastra(tasks, name, json) {
    const { inputSchema, execute } = ofMastra({ tasks, scope })[name];
    const checked = await inputSchema["~standard"].validate(JSON.parse(json));
    if (checked.issues) return JSON.stringify(checked.issues);
    return JSON.stringify(await execute(checked.value as never, {}));
  },
};

test.each(Object.entries(FRAMEWORKS))(
  "%s: a model that sends null, and numbers as text, is served",
  async (_, ask) => {
    const { tasks, calls } = await lab();
    expect(await ask(tasks, "task_output", calls.task_output)).toContain("built");
    expect(await ask(tasks, "task_list", calls.task_list)).toContain("build");
  },
);

test("the background argument: a schema of one's own that every framework can show", async () => {
  const offload = new ToolOffloadMiddleware({ tasks: new BackgroundTaskManager() });
  const inputSchema = z.object({ branch: z.string() });
  const build = withBackgroundArgument({ name: "build", inputSchema, execute: () => 1 }, offload);
  const { toJsonSchema } = await import("@langchain/core/utils/json_schema");
  const shown = [
    await asSchema(build.inputSchema).jsonSchema,
    toJsonSchema(build.inputSchema),
    z.toJSONSchema(build.inputSchema, { io: "input" }),
  ];
  for (const { properties, required } of shown as { properties: object; required: string[] }[]) {
    expect(properties).toMatchObject({ run_in_background: { type: "boolean" } });
    expect(required).toEqual(["branch"]);
  }
});
