import { AIMessage, type BaseMessage } from "langchain";
import { followUpOf } from "tool-offload/adapters/langchain";

/** Prints a message as a page would draw it: what the agent was told by itself is no word of the user's. */
export function show(message: BaseMessage): void {
  const news = followUpOf(message);
  if (news) {
    line("notice", news.tasks.map(({ toolName, status }) => `${toolName} has ${status}`).join(", "));
    return;
  }
  if (message.text) line(message.name ?? message.type, message.text);
  if (!AIMessage.isInstance(message)) return;
  for (const { name, args } of message.tool_calls ?? []) {
    line("model", `calls ${name}(${JSON.stringify(args)})`);
  }
}

function line(who: string, text: string): void {
  console.log(`${`[${who}]`.padEnd(14)} ${text.length > 100 ? `${text.slice(0, 100)}…` : text}`);
}
