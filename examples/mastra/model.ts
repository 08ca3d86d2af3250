import type { LanguageModel } from "@mastra/core/llm";
import { MastraLanguageModelV2Mock } from "@mastra/core/test-utils/llm-mock";

type Prompt = Parameters<MastraLanguageModelV2Mock["doStream"]>[0]["prompt"];
type Reply = { text: string } | { calls: { toolName: string; input: object }[] };

/** The model of this example. It is scripted, since none can be asked offline. */
export function scriptedModel(): LanguageModel {
  const model = new MastraLanguageModelV2Mock({
    doStream: async ({ prompt }) => ({ stream: ReadableStream.from(partsOf(replyTo(prompt))) as never }),
  });
  // The mock's types do not hold where optional properties are exact.
  return model as never;
}

/** It calls both tools when the user asks, and otherwise puts into words what it has read last. */
function replyTo(prompt: Prompt): Reply {
  const last = prompt.at(-1);
  if (last?.role === "tool") return { text: "It is Proxima Centauri. I am still counting the others." };
  const words =
    last?.role === "user" ? last.content.map((part) => ("text" in part ? part.text : "")).join("") : "";
  if (words.startsWith("<notification")) return { text: `One can see ${/^\d+$/m.exec(words)} stars.` };
  return {
    calls: [
      { toolName: "lookUp", input: { question: "the nearest star" } },
      { toolName: "countStars", input: {} },
    ],
  };
}

function* partsOf(reply: Reply) {
  yield { type: "stream-start", warnings: [] };
  if ("text" in reply) {
    yield { type: "text-start", id: "1" };
    yield { type: "text-delta", id: "1", delta: reply.text };
    yield { type: "text-end", id: "1" };
  } else {
    for (const { toolName, input } of reply.calls) {
      yield { type: "tool-call", toolCallId: `call_${toolName}`, toolName, input: JSON.stringify(input) };
    }
  }
  const finishReason = "text" in reply ? "stop" : "tool-calls";
  yield { type: "finish", finishReason, usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 } };
}
