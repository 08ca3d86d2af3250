import type { AgentInputItem } from "@openai/agents";
import { followUpOf } from "tool-offload/adapters/openai-agents";

/** Prints a session as a page would draw it: what the agent was told by itself is no word of the user's. */
export function show(items: readonly AgentInputItem[]): void {
  for (const item of items) {
    const marker = followUpOf(item);
    if (marker) {
      for (const { toolName, status } of marker.tasks) line("notice", `${toolName} has ${status}`);
    } else if (item.type === "function_call") line("call", `${item.name} ${item.arguments}`);
    else if (item.type === "function_call_result") line("result", `${item.name}: ${textOf(item.output)}`);
    else if ("role" in item) line(item.role, textOf(item.content));
  }
}

function line(kind: string, text: string): void {
  console.log(`${`[${kind}]`.padEnd(12)}${text.length > 96 ? `${text.slice(0, 96)}…` : text}`);
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return [content]
    .flat()
    .map((part) => (part as { text?: string }).text ?? "")
    .join(" ");
}
