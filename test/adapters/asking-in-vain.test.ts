import { RunContext } from "@openai/agents";
import { BackgroundTaskManager } from "tool-offload";
import { taskTools as ofAiSdk } from "tool-offload/adapters/ai-sdk";
import { taskTools as ofLangchain } from "tool-offload/adapters/langchain";
import { taskTools as ofMastra } from "tool-offload/adapters/mastra";
import { taskTools as ofOpenaiAgents } from "tool-offload/adapters/openai-agents";
import { expect, onTestFinished, test } from "vitest";

const scope = { userId: "ada", sessionId: "s1" };

/** Asks for a task with the signal that the framework has given the turn. */
type Ask = (tasks: BackgroundTaskManager, task_id: string, signal: AbortSignal) => Promise<unknown>;

const rest = { wait_ms: 0, offset: 0, limit: 100 };

const FRAMEWORKS: Record<string, Ask> = {
  "AI SDK": (tasks, task_id, abortSignal) => {
    const call = { toolCallId: "one", messages: [], context: {}, abortSignal };
    return ofAiSdk({ tasks, scope }).task_output.execute({ ...rest, task_id }, call);
  },
  LangChain: async (tasks, task_id, signal) => {
    const [, output] = ofLangchain({ tasks, scope });
    return output?.invoke({ task_id } as never, { signal });
  },
  "OpenAI Agents": async (tasks, task_id, signal) => {
    const [, output] = ofOpenaiAgents({ tasks, scope });
    return output?.invoke(new RunContext(), JSON.stringify({ task_id }), { signal });
  },
  Mastra: (tasks, task_id, abortSignal) =>
    ofMastra({ tasks, scope }).task_output.execute({ ...rest, task_id }, { abortSignal }),
};

test.each(Object.entries(FRAMEWORKS))("%s: the signal of a turn tells when a model polls", async (_, ask) => {
  const tasks = new BackgroundTaskManager();
  onTestFinished(() => tasks.close({ drainMs: 0 }));
  const { id } = await tasks.start(
    { toolName: "build", input: {}, scope },
    () => new Promise(() => undefined),
  );
  const { signal } = new AbortController();
  const said = async (signal: AbortSignal) => JSON.stringify(await ask(tasks, id, signal));
  expect(await said(signal)).not.toContain("end your turn");
  expect(await said(signal)).toContain("end your turn");
  expect(await said(new AbortController().signal)).not.toContain("end your turn");
});
