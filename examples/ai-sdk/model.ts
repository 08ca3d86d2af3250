import type { LanguageModel } from "ai";
import { MockLanguageModelV4 } from "ai/test";

type Answer = Awaited<ReturnType<MockLanguageModelV4["doGenerate"]>>;

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 1, text: 1, reasoning: undefined },
};

/**
 * The framework's own mock model: it calls both tools, answers with what it has, and puts into words what it reads
 * later. With a key for the gateway, a real one.
 */
export const model: LanguageModel = process.env.AI_GATEWAY_API_KEY
  ? "openai/gpt-5-mini"
  : new MockLanguageModelV4({ doGenerate: async ({ prompt }) => answerTo(JSON.stringify(prompt.at(-1))) });

function answerTo(last: string): Answer {
  const stars = /stars\\":(\d+)/.exec(last)?.[1];
  if (last.includes("Results of background tasks")) return says(`The catalogue has ${stars} stars.`);
  if (last.includes("tool-result")) return says("It is 21 °C in Paris. I am still counting the stars.");
  return calls(["count_stars", {}], ["weather", { city: "Paris" }]);
}

function says(text: string): Answer {
  return {
    content: [{ type: "text", text }],
    finishReason: { unified: "stop", raw: undefined },
    usage,
    warnings: [],
  };
}

function calls(...wanted: [toolName: string, input: object][]): Answer {
  const content = wanted.map(([toolName, input], index) => {
    return {
      type: "tool-call" as const,
      toolCallId: `call_${index + 1}`,
      toolName,
      input: JSON.stringify(input),
    };
  });
  return { content, finishReason: { unified: "tool-calls", raw: undefined }, usage, warnings: [] };
}
