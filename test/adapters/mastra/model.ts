import type { LanguageModel } from "@mastra/core/llm";
import { MastraLanguageModelV2Mock } from "@mastra/core/test-utils/llm-mock";
import type { Message, Reply } from "../scenarios/framework.ts";
import { withImages } from "../scenarios/history.ts";

type Request = Parameters<MastraLanguageModelV2Mock["doStream"]>[0];
type Content = Awaited<ReturnType<MastraLanguageModelV2Mock["doGenerate"]>>["content"];
type Prompt = Request["prompt"];
type Turn = Prompt[number];
type ToolOutput = Extract<Extract<Turn, { role: "tool" }>["content"][number], { output: unknown }>["output"];

const usage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };

/** How a model is shown a signal of ours. */
const LATE = /^<notification source="tool-offload">([\s\S]*)<\/notification>$/;

/** Mastra's own mock of a model, which answers by a script. */
export function scriptedModel(
  answer: (shown: Message[]) => Reply | Promise<Reply>,
  provider = "scripted",
): LanguageModel {
  const replyTo = async ({ prompt, abortSignal }: Request): Promise<Reply> => {
    const reply = await answer(shownIn(prompt));
    // As a real model's request, which ends with the turn.
    abortSignal?.throwIfAborted();
    return reply;
  };
  const model = new MastraLanguageModelV2Mock({
    provider,
    async doGenerate(request) {
      const reply = await replyTo(request);
      if ("failure" in reply && reply.failure) throw reply.failure;
      return { content: contentOf(reply), finishReason: reasonOf(reply), usage, warnings: [] };
    },
    async doStream(request) {
      const reply = await replyTo(request);
      return { stream: ReadableStream.from(partsOf(reply)) as never };
    },
  });
  // The mock's types do not hold where optional properties are exact.
  return model as never;
}

function* partsOf(reply: Reply) {
  yield { type: "stream-start", warnings: [] };
  if ("text" in reply) {
    yield { type: "text-start", id: "1" };
    yield { type: "text-delta", id: "1", delta: reply.text };
    if (reply.failure) throw reply.failure;
    yield { type: "text-end", id: "1" };
  } else yield* contentOf(reply);
  yield { type: "finish", finishReason: reasonOf(reply), usage };
}

function contentOf(reply: Reply): Content {
  if ("text" in reply) return [{ type: "text", text: reply.text }];
  return reply.calls.map(({ id, toolName, input }) => {
    return { type: "tool-call", toolCallId: id, toolName, input: JSON.stringify(input) };
  });
}

function reasonOf(reply: Reply) {
  return "text" in reply ? "stop" : "tool-calls";
}

function shownIn(prompt: Prompt): Message[] {
  return prompt.flatMap((turn): Message[] => {
    if (turn.role === "user") {
      const text = turn.content.map((part) => (part.type === "text" ? part.text : "")).join("");
      const [, late] = LATE.exec(text) ?? [];
      const isFollowUp = late !== undefined;
      return [withImages({ role: "user", text: unescaped(late ?? text), isFollowUp }, turn.content)];
    }
    if (turn.role === "assistant") return [assistantOf(turn)];
    if (turn.role === "tool") return turn.content.map(toolOf);
    return [];
  });
}

function assistantOf({ content }: Extract<Turn, { role: "assistant" }>): Message {
  const text = content.map((part) => (part.type === "text" ? part.text : "")).join("");
  const calls = content.flatMap((part) => {
    if (part.type !== "tool-call") return [];
    return [{ id: part.toolCallId, toolName: part.toolName, input: part.input as Record<string, unknown> }];
  });
  return { role: "assistant", text, calls };
}

function toolOf(part: Extract<Turn, { role: "tool" }>["content"][number]): Message {
  return withImages({ role: "tool", callId: part.toolCallId, text: textOf(part.output) }, part.output);
}

function textOf({ value }: ToolOutput): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function unescaped(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
