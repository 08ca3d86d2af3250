/** What stands in a conversation, as providers have it. */
export type Message =
  | { role: "user"; text: string }
  /** Tells of late results: the ids of their tasks. */
  | { role: "user"; notice: string[] }
  | { role: "assistant"; text: string }
  | { role: "assistant"; toolCall: string }
  | { role: "tool"; toolCall: string; output: string };

/** Whether a provider would take it: each call is followed by its result, and no result comes without its call. */
export function isValid(messages: readonly Message[]): boolean {
  return messages.every((message, index) => {
    const [previous, next] = [messages[index - 1], messages[index + 1]];
    if (message.role === "tool") return isCallOf(previous, message.toolCall);
    if (!("toolCall" in message)) return true;
    return next?.role === "tool" && next.toolCall === message.toolCall;
  });
}

function isCallOf(message: Message | undefined, toolCall: string): boolean {
  return message?.role === "assistant" && "toolCall" in message && message.toolCall === toolCall;
}
