import {
  convertToModelMessages,
  createUIMessageStreamResponse,
  generateId,
  isStepCount,
  type LanguageModel,
  streamText,
} from "ai";
import { type BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { offloadTools, streamTurn, taskTools, toUIMessage } from "tool-offload/adapters/ai-sdk";
import { FollowUpDispatcher, type Turn } from "tool-offload/follow-up";
import type { ChatMessage, ChatScope, Conversations } from "./conversations.ts";
import { tools as ownTools, toolOptions } from "./tools.ts";
import type { TurnNotes } from "./turn-notes.ts";

interface ChatsOptions {
  tasks: BackgroundTaskManager;
  conversations: Conversations;
  notes: TurnNotes;
  model: LanguageModel;
  /** How long a result waits for others, to be told in one turn with them. */
  coalesceMs: number;
}

/** Runs the turns of all chats: those that users ask for, and those for late results. A chat has one at a time. */
export class Chats {
  readonly #options: ChatsOptions;
  readonly #offload: ToolOffloadMiddleware;
  readonly #dispatcher: FollowUpDispatcher;

  constructor(options: ChatsOptions) {
    const { tasks, coalesceMs } = options;
    this.#options = options;
    // Short, so that nobody has to wait here. Yours is about what a turn of your model takes.
    this.#offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 300, tools: toolOptions });
    const deliver = (turn: Turn) => this.#takeTurn(turn);
    // The lease as for tasks, in server.ts.
    this.#dispatcher = new FollowUpDispatcher({ tasks, coalesceMs, leaseMs: 2_000, deliver });
  }

  start(): void {
    this.#dispatcher.start();
  }

  /** Begins no more turns, and lets those that run come to their end. */
  stop(): Promise<void> {
    return this.#dispatcher.stop();
  }

  /** A turn for what the user says, after the one that may be running, here or in another process. */
  say(scope: ChatScope, text: string): Promise<Response> {
    this.#options.notes.add("asked", { scope });
    return this.#dispatcher.turn(scope, (turn) => this.#takeTurn(turn, text));
  }

  /** The turn goes on until the answer is kept: the page may go away, and nobody reads what the library asks for. */
  async #takeTurn(turn: Turn, text?: string): Promise<Response> {
    const { notes } = this.#options;
    notes.add("begin", turn);
    const answer = this.#answer(turn, text);
    turn.waitUntil(answer.then((streamed) => streamed?.ended).finally(() => notes.add("end", turn)));
    const stream = (await answer)?.stream;
    return stream ? createUIMessageStreamResponse({ stream }) : new Response(null, { status: 204 });
  }

  /** It is called again for the same results if the process dies, or the model fails, before the answer is kept. */
  async #answer(turn: Turn, text: string | undefined) {
    const { tasks, conversations, model } = this.#options;
    const scope = turn.scope as ChatScope;
    const news = toUIMessage(turn, conversations.read(scope));
    // Before any tool is called: a result must find what was asked.
    conversations.append(turn, [...(news ? [news] : []), ...(text ? [saidByUser(text)] : [])]);
    const messages = conversations.read(scope);
    // The process died after it had kept the answer.
    if (messages.at(-1)?.role === "assistant") return undefined;

    const offloading = offloadTools(ownTools, { offload: this.#offload, scope });
    const tools = { ...offloading, ...taskTools({ tasks, scope }) };
    const result = streamText({
      model,
      tools,
      // With the tools, so that the model reads of a placeholder what it is to read.
      messages: await convertToModelMessages(messages, { tools }),
      stopWhen: isStepCount(10),
      abortSignal: turn.signal,
    });
    return streamTurn(result, {
      originalMessages: messages,
      generateMessageId: generateId,
      write: ({ responseMessage }) => conversations.append(turn, [responseMessage]),
    });
  }
}

function saidByUser(text: string): ChatMessage {
  return { id: generateId(), role: "user", parts: [{ type: "text", text }] };
}
