import { DefaultChatTransport, generateId, readUIMessageStream } from "ai";
import { eventPageSchema, taskInfoSchema, taskPageSchema, taskResultSchema } from "tool-offload/http";
import type { ChatMessage } from "./conversations.ts";

/** What a user gets to see of the server: by the AI SDK's own transport, as `useChat` has it, and by asking. */
export class Browser {
  readonly #url: string;
  readonly #user: string;
  readonly #chatId = "main";
  readonly #open = new AbortController();

  constructor(url: string, user: string) {
    this.#url = url;
    this.#user = user;
  }

  /** Says something, and yields the answer as it grows. */
  async *say(text: string): AsyncGenerator<ChatMessage> {
    const transport = new DefaultChatTransport<ChatMessage>({
      api: `${this.#url}/chats/${this.#chatId}/messages`,
      headers: { "x-user": this.#user },
      prepareSendMessagesRequest: () => ({ body: { text } }),
    });
    const stream = await transport.sendMessages({
      trigger: "submit-message",
      chatId: this.#chatId,
      messageId: undefined,
      messages: [{ id: generateId(), role: "user", parts: [{ type: "text", text }] }],
      abortSignal: this.#open.signal,
    });
    yield* readUIMessageStream<ChatMessage>({ stream });
  }

  async messages(): Promise<ChatMessage[]> {
    return (await this.#read(`/chats/${this.#chatId}`)) as ChatMessage[];
  }

  async tasks() {
    return taskPageSchema.parse(await this.#read("/background-tasks")).tasks;
  }

  async task(id: string) {
    return taskInfoSchema.parse(await this.#read(`/background-tasks/${id}`));
  }

  /** Waits for it. */
  async result(id: string) {
    return taskResultSchema.parse(await this.#read(`/background-tasks/${id}/result?waitMs=20000`));
  }

  async events(id: string) {
    return eventPageSchema.parse(await this.#read(`/background-tasks/${id}/events`)).events;
  }

  /** Follows what happens, as a page does that is open. */
  watch(): Promise<Response> {
    return this.get(`/chats/${this.#chatId}/live`);
  }

  get(path: string): Promise<Response> {
    return fetch(this.#url + path, { headers: { "x-user": this.#user }, signal: this.#open.signal });
  }

  /** Closes all connections, whatever they are in the middle of. */
  close(): void {
    this.#open.abort();
  }

  async #read(path: string): Promise<unknown> {
    return (await this.get(path)).json();
  }
}
