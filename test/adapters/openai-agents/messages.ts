import type { AgentInputItem } from "@openai/agents";
import { assistantMessage, functionCall } from "@openai/agents/testing";
import { followUpOf } from "tool-offload/adapters/openai-agents";
import type { Message, ModelCall, Reply } from "../scenarios/framework.ts";
import { withImages } from "../scenarios/history.ts";

/** A reply of the scripted model, as the framework's models answer. */
export function toOutput(reply: Reply) {
  if ("failure" in reply && reply.failure) throw reply.failure;
  if ("text" in reply) return [assistantMessage(reply.text)];
  return reply.calls.map(({ id, toolName, input }) => functionCall(toolName, input, { callId: id }));
}

/** Items as messages: the calls of one step are one message of the assistant's. */
export function toMessages(input: string | readonly AgentInputItem[]): Message[] {
  if (typeof input === "string") return [{ role: "user", text: input, isFollowUp: false }];
  const messages: Message[] = [];
  for (const item of input) {
    const message = toMessage(item);
    const last = messages.at(-1);
    if (last?.role === "assistant" && message.role === "assistant" && message.text === "") {
      last.calls.push(...message.calls);
    } else messages.push(message);
  }
  return messages;
}

function toMessage(item: AgentInputItem): Message {
  if (item.type === "function_call") {
    const call: ModelCall = { id: item.callId, toolName: item.name, input: JSON.parse(item.arguments) };
    return { role: "assistant", text: "", calls: [call] };
  }
  if (item.type === "function_call_result") {
    return withImages({ role: "tool", callId: item.callId, text: textOf(item.output) }, item.output);
  }
  if (!("role" in item)) throw new Error(`There is no such item in a scenario: ${item.type}.`);
  if (item.role === "assistant") return { role: "assistant", text: textOf(item.content), calls: [] };
  const isFollowUp = followUpOf(item) !== undefined;
  return withImages({ role: "user", text: textOf(item.content), isFollowUp }, item.content);
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return [content]
    .flat()
    .map((part) => (part as { text?: string }).text ?? "")
    .join("");
}
