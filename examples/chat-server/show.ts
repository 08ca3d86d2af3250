import { followUpOf, isPlaceholder } from "tool-offload/adapters/ai-sdk";
import type { ChatMessage } from "./conversations.ts";

const startedAt = performance.now();

/** A line of the story, and when. */
export function tell(text: string): void {
  console.log(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(5)} s  ${text}`);
}

/** Prints a chat as a page would draw it: what the agent was told by itself is no word of the user's. */
export function show(user: string, messages: readonly ChatMessage[]): void {
  for (const message of messages) {
    const news = followUpOf(message);
    if (news) line("(notice)", news.tasks.map(({ summary, status }) => `${summary}: ${status}`).join(", "));
    else for (const part of message.parts) showPart(message.role === "user" ? user : "agent", part);
  }
}

function showPart(who: string, part: ChatMessage["parts"][number]): void {
  if (part.type === "text") line(who, part.text);
  if (!part.type.startsWith("tool-") || !("output" in part)) return;
  const { output } = part;
  const answer = isPlaceholder(output) ? "goes on in the background" : JSON.stringify(output);
  line("", `${part.type.slice("tool-".length)} -> ${answer}`);
}

function line(who: string, text: string): void {
  console.log(`         ${who.padEnd(9)} ${text}`);
}
