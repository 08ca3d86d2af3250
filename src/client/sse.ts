import type { ByteStream } from "./fetch.ts";

/** One message of a `text/event-stream`. */
export interface StreamMessage {
  event: string;
  data: string;
}

/** Reads a stream as the standard has it; a chunk may end anywhere. `heard` is called for all that comes, comments too. */
export async function* readMessages(
  body: ByteStream,
  heard: () => void,
): AsyncGenerator<StreamMessage, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      heard();
      rest += decoder.decode(part.value, { stream: true });
      // A CR at the end may be half of a CRLF.
      const blocks = rest.replace(/\r\n|\r(?!$)/g, "\n").split("\n\n");
      rest = blocks.pop() ?? "";
      yield* blocks.map(messageOf).filter((message) => message.data !== "");
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function messageOf(block: string): StreamMessage {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, field, value = ""] = /^([^:]*):? ?(.*)/.exec(line) ?? [];
    if (field === "event") event = value;
    if (field === "data") data.push(value);
  }
  return { event, data: data.join("\n") };
}
