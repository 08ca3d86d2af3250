import { generateText, isStepCount, type ToolSet, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { offloadTools } from "tool-offload/adapters/ai-sdk";
import * as z from "zod";
import type { Row } from "../side-by-side.ts";
import { addedRow, turnsSideBySide } from "./turns.ts";

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 1, text: 1, reasoning: undefined },
};
const CALL = {
  content: [{ type: "tool-call" as const, toolCallId: "call_1", toolName: "add", input: '{"a":1}' }],
  finishReason: { unified: "tool-calls" as const, raw: undefined },
  usage,
  warnings: [],
};
const TEXT = {
  content: [{ type: "text" as const, text: "Done." }],
  finishReason: { unified: "stop" as const, raw: undefined },
  usage,
  warnings: [],
};

/** What a wrapped tool that answers at once adds to a turn of the AI SDK: two steps, one tool call, a mock model. */
export async function aiSdkBench(): Promise<Row[]> {
  const offload = new ToolOffloadMiddleware({ tasks: new BackgroundTaskManager(), timeoutMs: 10_000 });
  const inputSchema = z.object({ a: z.number() });
  const add = tool({ inputSchema, execute: async ({ a }) => a + 1 });
  const asks = tool({
    inputSchema,
    execute: async ({ a }, { abortSignal }) => (abortSignal?.aborted ? 0 : a + 1),
  });
  const terms = { offload, scope: { userId: "u1", sessionId: "s1" } };
  const cost = await turnsSideBySide(
    {
      bare: () => turn({ add }),
      again: () => turn({ add }),
      wrapped: () => turn(offloadTools({ add }, terms)),
      asking: () => turn(offloadTools({ add: asks }, terms)),
    },
    3_000,
  );
  return [
    addedRow("AI SDK: a turn with a fast call, wrapped", cost.wrapped, cost.bare),
    addedRow("… and a tool that reads its own signal", cost.asking, cost.bare),
    addedRow("for comparison: unwrapped once more", cost.again, cost.bare),
  ];
}

async function turn(tools: ToolSet): Promise<void> {
  const model = new MockLanguageModelV4({ doGenerate: [CALL, TEXT] });
  const { text } = await generateText({ model, tools, prompt: "Go.", stopWhen: isStepCount(3) });
  if (text !== "Done.") throw new Error(`The turn ended with ${text}.`);
}
