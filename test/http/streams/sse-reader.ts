import type { TaskEvent } from "../../../src/http/index.ts";

/** What a stream has said in one go. */
export interface Message {
  /** `message` where it has no name. */
  event: string;
  id: string | undefined;
  data: unknown;
}

/** Reads server-sent events as clients do: a message counts once it is whole. */
export class SseReader {
  /** The comments that were sent, and when to come back. */
  readonly comments: string[] = [];
  retry: number | undefined;
  bytes = 0;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  readonly #messages: Message[] = [];
  #text = "";

  constructor({ body }: Response) {
    if (body === null) throw new Error("There is no stream.");
    this.#reader = body.getReader();
  }

  /** The next message; undefined when the stream has ended. */
  async next(): Promise<Message | undefined> {
    while (this.#messages.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.bytes += value.byteLength;
      this.hear(this.#decoder.decode(value, { stream: true }));
    }
    return this.#messages.shift();
  }

  /** What is said until the stream ends. */
  async rest(): Promise<Message[]> {
    const messages: Message[] = [];
    for (let message = await this.next(); message; message = await this.next()) messages.push(message);
    return messages;
  }

  async take(count: number): Promise<(Message | undefined)[]> {
    const messages: (Message | undefined)[] = [];
    for (let n = 0; n < count; n += 1) messages.push(await this.next());
    return messages;
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }

  hear(text: string): void {
    const blocks = (this.#text + text).split("\n\n");
    this.#text = blocks.pop() ?? "";
    for (const block of blocks) this.#heard(block);
  }

  #heard(block: string): void {
    if (block.startsWith(":")) return void this.comments.push(block);
    const fields = Object.fromEntries(
      block.split("\n").map((line) => {
        const at = line.indexOf(": ");
        return [line.slice(0, at), line.slice(at + 2)];
      }),
    );
    if (fields.retry !== undefined) this.retry = Number(fields.retry);
    if (fields.data === undefined) return;
    this.#messages.push({ event: fields.event ?? "message", id: fields.id, data: JSON.parse(fields.data) });
  }
}

/** The events among some messages, and `truncated` where it was said. */
export function told(messages: readonly (Message | undefined)[]): (number | "truncated")[] {
  return messages.map((message) => {
    if (message?.event === "truncated") return "truncated";
    return (message?.data as TaskEvent | undefined)?.seq ?? Number.NaN;
  });
}
