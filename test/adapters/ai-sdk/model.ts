import { simulateReadableStream } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { MockLanguageModelV3 } from "ai-6/test";
import { followUpOf } from "tool-offload/adapters/ai-sdk";
import type { Message, ModelCall, Reply } from "../scenarios/framework.ts";
import { withImages } from "../scenarios/history.ts";

/** What a model answers to what it is shown. */
export type Answer = (shown: Message[]) => Reply;

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 1, text: 1, reasoning: undefined },
};

/** The framework's own mock model, which answers what a script says, in streams too. */
export function scriptedModel(answer: Answer): MockLanguageModelV4 {
  return new MockLanguageModelV4(scriptOf(answer));
}

/** The same of `ai` 6. */
export function scriptedModelOf6(answer: Answer): MockLanguageModelV3 {
  return new MockLanguageModelV3(scriptOf(answer));
}

type Options = { prompt: Parameters<typeof toMessages>[0][] };

/** In the words that are the same for the models of both versions. */
function scriptOf(answer: Answer) {
  const reply = ({ prompt }: Options) => answer(prompt.flatMap(toMessages));
  return {
    doGenerate: async (options: Options) => {
      const given = reply(options);
      if (failureOf(given)) throw failureOf(given);
      return { content: contentOf(given), finishReason: finishOf(given), usage, warnings: [] };
    },
    doStream: async (options: Options) => ({ stream: streamOf(reply(options)) }),
  };
}

/** What a message of the framework says, whether kept by a host or shown to a model. */
export function toMessages(message: { role: string; content: unknown }): Message[] {
  const parts: Part[] = Array.isArray(message.content)
    ? message.content
    : [{ type: "text", text: message.content }];
  const text = parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
  if (message.role === "user") {
    return [withImages({ role: "user", text, isFollowUp: followUpOf(message) !== undefined }, parts)];
  }
  if (message.role === "assistant") return [{ role: "assistant", text, calls: parts.flatMap(callOf) }];
  if (message.role !== "tool") return [];
  return parts.map(({ toolCallId, output: { value } }) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return withImages({ role: "tool", callId: toolCallId, text }, value);
  });
}

interface Part {
  type: string;
  text?: unknown;
  toolCallId: string;
  toolName: string;
  input: Record<string, unknown>;
  output: { value: unknown };
}

function callOf({ type, toolCallId: id, toolName, input }: Part): ModelCall[] {
  return type === "tool-call" ? [{ id, toolName, input }] : [];
}

function finishOf(reply: Reply) {
  return { unified: "text" in reply ? ("stop" as const) : ("tool-calls" as const), raw: undefined };
}

type Call = { type: "tool-call"; toolCallId: string; toolName: string; input: string };
type Chunk =
  | Call
  | { type: "text-start" | "text-end"; id: string }
  | { type: "text-delta"; id: string; delta: string };

function contentOf(reply: Reply): (Call | { type: "text"; text: string })[] {
  if ("text" in reply) return [{ type: "text", text: reply.text }];
  return reply.calls.map(({ id, toolName, input }) => {
    return { type: "tool-call", toolCallId: id, toolName, input: JSON.stringify(input) };
  });
}

function failureOf(reply: Reply): Error | undefined {
  return "failure" in reply ? reply.failure : undefined;
}

function streamOf(reply: Reply): ReadableStream {
  const failure = failureOf(reply);
  const parts = contentOf(reply).flatMap((part): Chunk[] => {
    if (part.type !== "text") return [part];
    return [
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: part.text },
      { type: "text-end", id: "1" },
    ];
  });
  const start = { type: "stream-start" as const, warnings: [] };
  const finish = { type: "finish" as const, finishReason: finishOf(reply), usage };
  if (failure === undefined) return simulateReadableStream({ chunks: [start, ...parts, finish] });
  return ReadableStream.from(breaking([start, ...parts.slice(0, 2)], failure));
}

async function* breaking(chunks: object[], failure: Error) {
  yield* chunks;
  throw failure;
}
