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

/** A message with the images that its content has, whatever a framework calls them. */
export function withImages<M extends Message>(message: M, content: unknown): M {
  const images = imagesIn(content);
  return images.length === 0 ? message : { ...message, images };
}

function imagesIn(content: unknown): string[] {
  if (typeof content === "string") return IMAGE.exec(content)?.slice(1) ?? [];
  if (content instanceof Uint8Array) return [Buffer.from(content).toString("base64")];
  if (typeof content !== "object" || content === null) return [];
  return Object.values(content).flatMap(imagesIn);
}

/** Base64, or a data URL: nothing else in a scenario is that long. */
const IMAGE = /^(?:data:image\/png;base64,)?([A-Za-z\d+/]{400,}=*)$/;

export function toolTexts(messages: readonly Message[]): Record<string, string> {
  return Object.fromEntries(
    messages.flatMap((message) => (message.role === "tool" ? [[message.callId, message.text]] : [])),
  );
}

export function followUpsIn(messages: readonly Message[]): string[] {
  return messages.flatMap((message) => (message.role === "user" && message.isFollowUp ? [message.text] : []));
}
