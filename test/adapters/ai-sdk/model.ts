import type {
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4StreamPart,
} from "@ai-sdk/provider";
import { simulateReadableStream } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { followUpOf } from "tool-offload/adapters/ai-sdk";
import type { Message, ModelCall, Reply } from "../scenarios/framework.ts";

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 1, text: 1, reasoning: undefined },
};

/** The framework's own mock model, which answers what a script says, in streams too. */
export function scriptedModel(answer: (shown: Message[]) => Reply): MockLanguageModelV4 {
  const reply = ({ prompt }: LanguageModelV4CallOptions) => answer(prompt.flatMap(toMessages));
  return new MockLanguageModelV4({
    doGenerate: async (options) => {
      const given = reply(options);
      return { content: contentOf(given), finishReason: finishOf(given), usage, warnings: [] };
    },
    doStream: async (options) => ({ stream: streamOf(reply(options)) }),
  });
}

/** What a message of the framework says, whether kept by a host or shown to a model. */
export function toMessages(message: { role: string; content: unknown }): Message[] {
  const parts: Part[] = Array.isArray(message.content)
    ? message.content
    : [{ type: "text", text: message.content }];
  const text = parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
  if (message.role === "user") return [{ role: "user", text, isFollowUp: followUpOf(message) !== undefined }];
  if (message.role === "assistant") return [{ role: "assistant", text, calls: parts.flatMap(callOf) }];
  if (message.role !== "tool") return [];
  return parts.map(({ toolCallId, output }) => ({
    role: "tool",
    callId: toolCallId,
    text: typeof output.value === "string" ? output.value : JSON.stringify(output.value),
  }));
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

function contentOf(reply: Reply): LanguageModelV4Content[] {
  if ("text" in reply) return [{ type: "text", text: reply.text }];
  return reply.calls.map(({ id, toolName, input }) => {
    return { type: "tool-call", toolCallId: id, toolName, input: JSON.stringify(input) };
  });
}

function streamOf(reply: Reply) {
  const parts = contentOf(reply).flatMap((part): LanguageModelV4StreamPart[] => {
    if (part.type !== "text") return [part as LanguageModelV4StreamPart];
    return [
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: part.text },
      { type: "text-end", id: "1" },
    ];
  });
  const chunks: LanguageModelV4StreamPart[] = [
    { type: "stream-start", warnings: [] },
    ...parts,
    { type: "finish", finishReason: finishOf(reply), usage },
  ];
  return simulateReadableStream({ chunks });
}
