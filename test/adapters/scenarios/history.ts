import type { Message } from "./framework.ts";

/**
 * What a provider would refuse in this history; `undefined`: nothing. Each call of an assistant's message has
 * exactly one result, right after it, in the order of the calls.
 */
export function faultOfHistory(messages: readonly Message[]): string | undefined {
  const open: string[] = [];
  for (const [index, message] of messages.entries()) {
    if (message.role === "tool") {
      const expected = open.shift();
      if (expected !== message.callId) return `message ${index} is of ${message.callId}, not of ${expected}`;
      continue;
    }
    if (open.length > 0) return `message ${index} comes before the result of ${open[0]}`;
    if (message.role === "assistant") open.push(...message.calls.map(({ id }) => id));
  }
  return open.length > 0 ? `${open[0]} has no result` : undefined;
}

export function toolTexts(messages: readonly Message[]): Record<string, string> {
  return Object.fromEntries(
    messages.flatMap((message) => (message.role === "tool" ? [[message.callId, message.text]] : [])),
  );
}

export function followUpsIn(messages: readonly Message[]): string[] {
  return messages.flatMap((message) => (message.role === "user" && message.isFollowUp ? [message.text] : []));
}
