import { generateId, type LanguageModel, simulateReadableStream } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { followUpOf } from "tool-offload/adapters/ai-sdk";

type Prompt = Parameters<MockLanguageModelV4["doStream"]>[0]["prompt"];
type StreamPart =
  Awaited<ReturnType<MockLanguageModelV4["doStream"]>>["stream"] extends ReadableStream<infer Part>
    ? Part
    : never;
type Call = [toolName: string, input: object];

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 1, text: 1, reasoning: undefined },
};

/** The framework's own mock model, which speaks word by word. With a key for the gateway, a real one. */
export const model: LanguageModel = process.env.AI_GATEWAY_API_KEY
  ? "openai/gpt-5-mini"
  : new MockLanguageModelV4({
      doStream: async ({ prompt }) => ({
        stream: simulateReadableStream({
          chunks: answerTo(prompt),
          // Of late results it thinks for a while: there is time to speak meanwhile, or to kill its process.
          initialDelayInMs: newsIn(prompt) ? 1_500 : 0,
          chunkDelayInMs: 15,
        }),
      }),
    });

/** It calls the tools it is asked for, answers with what it has, and puts late results into words. */
function answerTo(prompt: Prompt): StreamPart[] {
  const last = prompt.at(-1);
  if (last?.role === "tool") return says(last.content.map(sentenceOf).join(" "));
  const text =
    last?.role === "user" ? last.content.map((part) => ("text" in part ? part.text : "")).join() : "";
  const news = newsIn(prompt);
  if (news) return says(news.tasks.map(({ toolName, status }) => newsOf(toolName, status, text)).join(" "));
  const wanted = callsFor(text);
  return wanted.length > 0
    ? calls(wanted)
    : says("I am a mock: ask me for the stars, a report on something, or the weather in a city.");
}

function newsIn(prompt: Prompt) {
  const last = prompt.at(-1);
  return last && followUpOf(last);
}

function callsFor(text: string): Call[] {
  const subject = /report on ([\w ]+?)(?: and |[,.?!]|$)/i.exec(text)?.[1];
  const city = /weather in (\w+)/i.exec(text)?.[1];
  return [
    ...(/stars/i.test(text) ? [["count_stars", {}] satisfies Call] : []),
    ...(subject ? [["write_report", { subject }] satisfies Call] : []),
    ...(city ? [["weather", { city }] satisfies Call] : []),
  ];
}

function sentenceOf(part: Extract<Prompt[number], { role: "tool" }>["content"][number]): string {
  if (part.type !== "tool-result") return "";
  const { toolName, output } = part;
  if (output.type === "json" && toolName === "weather") {
    const { city, celsius } = output.value as { city: string; celsius: number };
    return `It is ${celsius} °C in ${city}.`;
  }
  // All that it reads of a task is a text.
  if (toolName === "count_stars") return "I am still counting the stars, and will tell you when I know.";
  return "Your report is being written. I will come back to you with it.";
}

function newsOf(toolName: string, status: string, text: string): string {
  if (status !== "completed")
    return `Sorry: ${toolName} has ${status === "failed" ? "failed" : "been stopped"}.`;
  const stars = Number(/"stars":(\d+)/.exec(text)?.[1]);
  if (toolName === "count_stars")
    return `I have counted them: there are ${stars.toLocaleString("en")} stars.`;
  return `Your report is ready: “${/"title":"([^"]+)"/.exec(text)?.[1]}”.`;
}

function says(text: string): StreamPart[] {
  const deltas = text.split(/(?<= )/).map((delta) => ({ type: "text-delta" as const, id: "text", delta }));
  return [{ type: "text-start", id: "text" }, ...deltas, { type: "text-end", id: "text" }, finish("stop")];
}

function calls(wanted: Call[]): StreamPart[] {
  const parts = wanted.map(([toolName, input]) => {
    return { type: "tool-call" as const, toolCallId: generateId(), toolName, input: JSON.stringify(input) };
  });
  return [...parts, finish("tool-calls")];
}

function finish(unified: "stop" | "tool-calls"): StreamPart {
  return { type: "finish", finishReason: { unified, raw: undefined }, usage };
}
