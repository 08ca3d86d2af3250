import type { ByteStream, Signal } from "./fetch.ts";
import { ignore, onAbort } from "./waiting.ts";

/** One message of a `text/event-stream`. */
export interface StreamMessage {
  event: string;
  data: string;
}

/**
 * Reads a stream as the standard has it, until it ends, is cut or `signal` is aborted; a chunk may end anywhere. `heard` is
 * called for all that comes, comments too.
 */
export async function* readMessages(
  body: ByteStream,
  signal: Signal,
  heard: () => void,
): AsyncGenerator<StreamMessage, void> {
  const reader = body.getReader();
  // Not every fetch ends a body with its signal.
  onAbort(signal, () => reader.cancel().catch(ignore));
  const read = () => reader.read().catch(() => ({ done: true, value: undefined }));
  const decoder = new TextDecoder();
  let rest = "";
  for (let part = await read(); !part.done; part = await read()) {
    heard();
    rest += decoder.decode(part.value, { stream: true });
    // A CR at the end may be half of a CRLF.
    const blocks = rest.replace(/\r\n|\r(?!$)/g, "\n").split("\n\n");
    rest = blocks.pop() ?? "";
    yield* blocks.map(messageOf).filter((message) => message.data !== "");
  }
}

function messageOf(block: string): StreamMessage {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    // A text in JSON may hold line separators of Unicode.
    const [, field, value = ""] = /^([^:]*):? ?(.*)/s.exec(line) ?? [];
    if (field === "event") event = value;
    if (field === "data") data.push(value);
  }
  return { event, data: data.join("\n") };
}
