import {
  convertToModelMessages,
  generateId,
  isStepCount,
  type LanguageModel,
  streamText,
  toUIMessageStream,
  type UIMessageChunk,
} from "ai";
import { type BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { offloadTools, taskTools, toUIMessage } from "tool-offload/adapters/ai-sdk";
import { type Delivery, FollowUpDispatcher, FollowUpInbox } from "tool-offload/follow-up";
import { type ChatMessage, type ChatScope, type Conversations, keyOf } from "./conversations.ts";
import { toolOptions, tools } from "./tools.ts";

interface ChatsOptions {
  tasks: BackgroundTaskManager;
  conversations: Conversations;
  model: LanguageModel;
  /** How long a result waits for others, to be told in one turn with them. */
  coalesceMs: number;
}

/** Runs the turns of all chats: those that users ask for, and those for late results. */
export class Chats {
  readonly #options: ChatsOptions;
  readonly #offload: ToolOffloadMiddleware;
  readonly #inbox: FollowUpInbox;
  readonly #dispatcher: FollowUpDispatcher;
  /** The chats that have a turn running. */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(options: ChatsOptions) {
    const { tasks, coalesceMs } = options;
    this.#options = options;
    // Short, so that nobody has to wait here. Yours is about what a turn of your model takes.
    this.#offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 300, tools: toolOptions });
    this.#inbox = new FollowUpInbox({ tasks });
    this.#dispatcher = new FollowUpDispatcher({
      tasks,
      coalesceMs,
      // As for tasks, in server.ts.
      leaseMs: 2_000,
      deliver: (delivery) => this.#deliver(delivery),
    });
  }

  start(): void {
    this.#dispatcher.start();
  }

  /** Begins no more turns by itself, and lets those that run come to their end. */
  async stop(): Promise<void> {
    await this.#dispatcher.stop();
    await Promise.all(this.#turns.values());
  }

  /** A turn for what the user says, after the one that may be running. */
  async say(scope: ChatScope, text: string): Promise<ReadableStream<UIMessageChunk>> {
    const leave = await this.#enter(scope);
    try {
      await this.#hear(scope, text);
      // The page may go away: it reads a copy.
      const [stream, copy] = (await this.#turn(scope, [])).tee();
      // Where it fails, the page is told, and the user can ask again.
      untilEnd(stream)
        .catch(() => undefined)
        .finally(leave);
      return copy;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Keeps the user's words, before any tool is called. What still waits to be told, such as a stopped task, comes first. */
  async #hear(scope: ChatScope, text: string): Promise<void> {
    const { conversations } = this.#options;
    await this.#dispatcher.userSpoke(scope);
    const claim = await this.#inbox.claim(scope, { during: "idle" });
    try {
      const news = claim && toUIMessage(claim, conversations.read(scope));
      const said: ChatMessage = { id: generateId(), role: "user", parts: [{ type: "text", text }] };
      conversations.append(scope, news ? [news, said] : [said]);
    } catch (error) {
      await claim?.release();
      throw error;
    }
    await claim?.acknowledge();
  }

  /** A turn for late results. It is called again for the same ones if the process dies before it has returned. */
  async #deliver(delivery: Delivery): Promise<"busy" | "gone" | "done"> {
    const { userId, sessionId } = delivery.scope;
    if (sessionId === undefined) return "gone";
    const scope = { userId, sessionId };
    if (this.#turns.has(keyOf(scope))) return "busy";
    const leave = await this.#enter(scope);
    try {
      const news = toUIMessage(delivery, this.#options.conversations.read(scope));
      // The process died after it had kept the turn: the chat knows it all.
      if (news === undefined) return "done";
      await untilEnd(await this.#turn(scope, [news], delivery.signal));
      return "done";
    } finally {
      leave();
    }
  }

  /** Reading it to its end is what keeps the turn. It throws if the turn fails, and then nothing is kept. */
  async #turn(scope: ChatScope, news: ChatMessage[], abortSignal?: AbortSignal) {
    const { conversations, model } = this.#options;
    const messages = [...conversations.read(scope), ...news];
    const tools = this.#toolsOf(scope);
    const result = streamText({
      model,
      tools,
      // With the tools, so that the model reads of a placeholder what it is to read.
      messages: await convertToModelMessages(messages, { tools }),
      stopWhen: isStepCount(10),
      ...(abortSignal && { abortSignal }),
    });
    return toUIMessageStream<typeof tools, ChatMessage>({
      stream: result.stream,
      originalMessages: messages,
      generateMessageId: generateId,
      onEnd({ outcome, responseMessage }) {
        if (outcome.status !== "completed") throw new Error(`The turn has ${outcome.status}.`);
        // In one write: a result is never in the chat without what the model made of it.
        conversations.append(scope, [...news, responseMessage]);
      },
    });
  }

  #toolsOf(scope: ChatScope) {
    const { tasks } = this.#options;
    return { ...offloadTools(tools, { offload: this.#offload, scope }), ...taskTools({ tasks, scope }) };
  }

  /** One turn of a chat at a time. What this answers ends it. */
  async #enter(scope: ChatScope): Promise<() => void> {
    const key = keyOf(scope);
    while (this.#turns.has(key)) await this.#turns.get(key);
    let end: () => void = () => undefined;
    const running = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#turns.set(key, running);
    return () => {
      this.#turns.delete(key);
      end();
      // What came while it ran need not wait longer.
      this.#dispatcher.turnEnded(scope).catch(() => undefined);
    };
  }
}

function untilEnd(stream: ReadableStream): Promise<void> {
  return stream.pipeTo(new WritableStream());
}
