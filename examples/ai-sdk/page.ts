import type { ModelMessage } from "ai";
import { followUpOf } from "tool-offload/adapters/ai-sdk";

/** Prints a message as a page would draw it: what the agent was told by itself is no word of the user's. */
export function show(message: ModelMessage): void {
  const news = followUpOf(message);
  if (news) {
    line("notice", news.tasks.map(({ toolName, status }) => `${toolName} has ${status}`).join(", "));
    return;
  }
  if (typeof message.content === "string") line(message.role, message.content);
  else for (const part of message.content) showPart(message.role, part);
}

function showPart(role: string, part: Exclude<ModelMessage["content"], string>[number]): void {
  if (part.type === "text") line(role, part.text);
  if (part.type === "tool-call") line(role, `calls ${part.toolName}(${JSON.stringify(part.input)})`);
  if (part.type !== "tool-result" || !("value" in part.output)) return;
  const { value } = part.output;
  line(part.toolName, typeof value === "string" ? value : JSON.stringify(value));
}

function line(who: string, text: string): void {
  console.log(`${`[${who}]`.padEnd(14)} ${text.length > 100 ? `${text.slice(0, 100)}…` : text}`);
}
