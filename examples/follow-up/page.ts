import type { Conversation } from "./conversations.ts";

/** Prints a conversation as a page would draw it: what the agent was told by itself is no word of the user's. */
export function show({ messages }: Conversation): void {
  for (const { role, content, calls, marker } of messages) {
    if (marker) {
      for (const { toolName, status } of marker.tasks) console.log(`[notice]    ${toolName} has ${status}`);
      console.log(content.replaceAll(/^/gm, "            | "));
    } else if (calls) {
      console.log(`[assistant] calls ${calls.map(({ toolName }) => toolName).join(" and ")}`);
    } else {
      console.log(`${`[${role}]`.padEnd(11)} ${content}`);
    }
  }
}
