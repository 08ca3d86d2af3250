import { generateText, isStepCount, type ToolSet, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { offloadTools } from "tool-offload/adapters/ai-sdk";
import * as z from "zod";
import { nanoseconds, type Row, sideBySide } from "../side-by-side.ts";

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
  const cost = await sideBySide(
    {
      bare: () => turn({ add }),
      again: () => turn({ add }),
      wrapped: () => turn(offloadTools({ add }, terms)),
      asking: () => turn(offloadTools({ add: asks }, terms)),
    },
    { rounds: 80, repeat: 40 },
  );
  const row = (name: string, ns: number, limit: number): Row => ({
    name,
    detail: `${nanoseconds(ns)} a turn; ${nanoseconds(cost.bare)} unwrapped, ${added(ns, cost.bare)}`,
    ratio: ns / cost.bare,
    limit,
  });
  return [
    row("AI SDK: a turn with a fast call, wrapped", cost.wrapped, 1.15),
    row("… and a tool that reads its own signal", cost.asking, 1.2),
    row("for comparison: unwrapped once more", cost.again, Number.POSITIVE_INFINITY),
  ];
}

async function turn(tools: ToolSet): Promise<void> {
  const model = new MockLanguageModelV4({ doGenerate: [CALL, TEXT] });
  const { text } = await generateText({ model, tools, prompt: "Go.", stopWhen: isStepCount(3) });
  if (text !== "Done.") throw new Error(`The turn ended with ${text}.`);
}

function added(ns: number, bare: number): string {
  return `${ns < bare ? "-" : "+"}${nanoseconds(Math.abs(ns - bare))}`;
}
