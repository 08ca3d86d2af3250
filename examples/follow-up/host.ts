import { type BackgroundTaskManager, type TaskScope, ToolOffloadMiddleware } from "tool-offload";
import type { Delivery } from "tool-offload/follow-up";
import * as z from "zod";
import type { Conversation, Conversations, Message } from "./conversations.ts";
import { askModel } from "./model.ts";
import { type ToolName, tools } from "./tools.ts";

/** What it takes to open a session again. It goes out with every tool call, and comes back with its result. */
const sessionSchema = z.object({ model: z.string(), workspace: z.string() });
export type Session = z.infer<typeof sessionSchema>;

/** An app with an agent. Of its sessions it remembers nothing but which of them has a turn running. */
export class Host {
  readonly #conversations: Conversations;
  readonly #offload: ToolOffloadMiddleware;
  readonly #turns = new Map<string, Promise<void>>();

  constructor(tasks: BackgroundTaskManager, conversations: Conversations) {
    this.#conversations = conversations;
    this.#offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 100 });
  }

  /** The user says something: a turn, after the one that may be running. */
  async hear(scope: TaskScope, session: Session, content: string): Promise<void> {
    await this.#alone(scope, async () => {
      const conversation = (await this.#conversations.read(scope)) ?? { messages: [], takenIn: [] };
      conversation.messages.push({ role: "user", content });
      // Before any tool is called: a result must find the conversation, even if this turn never ends.
      await this.#conversations.commit(scope, conversation);
      await this.#answer(scope, session, conversation);
    });
  }

  /**
   * Late results: a turn that the user has not asked for. It may be called twice for the same ones: a turn that
   * dies before its commit is run again, the tools it calls included; one that dies after it is not.
   */
  async deliver(delivery: Delivery): Promise<"busy" | "gone" | undefined> {
    if (this.#turns.has(keyOf(delivery.scope))) return "busy";
    return this.#alone(delivery.scope, () => this.#takeIn(delivery));
  }

  async #takeIn({ scope, followUps, messageFor, signal }: Delivery): Promise<"gone" | undefined> {
    const conversation = await this.#conversations.read(scope);
    if (conversation === undefined) return "gone";
    const news = followUps.filter(({ id }) => !conversation.takenIn.includes(id));
    const newest = news.at(-1);
    // Taken in before, by a turn whose process died: returning acknowledges it, and nothing is said twice.
    if (newest === undefined) return undefined;

    const { text, marker } = messageFor(news);
    conversation.messages.push({ role: "user", content: text, marker });
    conversation.takenIn.push(...news.map(({ id }) => id));
    await this.#answer(scope, sessionSchema.parse(newest.task.metadata), conversation, signal);
    return undefined;
  }

  /** Asks the model until it answers with a text, and commits everything at once. */
  async #answer(scope: TaskScope, session: Session, conversation: Conversation, signal?: AbortSignal) {
    const { messages } = conversation;
    for (;;) {
      const reply = await askModel(session.model, messages);
      if ("text" in reply) {
        messages.push({ role: "assistant", content: reply.text });
        break;
      }
      messages.push({ role: "assistant", content: "", calls: reply.calls });
      const calls = reply.calls.map(({ id, toolName }) => this.#call(scope, session, id, toolName, signal));
      messages.push(...(await Promise.all(calls)));
    }
    // Aborted: the delivery took too long, or another process has it now. That one will commit.
    signal?.throwIfAborted();
    await this.#conversations.commit(scope, conversation);
  }

  async #call(
    scope: TaskScope,
    session: Session,
    toolCallId: string,
    toolName: ToolName,
    signal: AbortSignal | undefined,
  ): Promise<Message> {
    const { workspace } = session;
    const call = { toolName, input: { workspace }, scope, toolCallId, metadata: session, signal };
    const outcome = await this.#offload.run(call, tools[toolName]);
    const content = outcome.status === "completed" ? outcome.value : outcome.message;
    return { role: "tool", content, toolCallId };
  }

  /** One turn of a session at a time. */
  async #alone<T>(scope: TaskScope, turn: () => Promise<T>): Promise<T> {
    const key = keyOf(scope);
    while (this.#turns.has(key)) await this.#turns.get(key);
    const running = turn();
    const ended = running.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(key, ended);
    return running.finally(() => this.#turns.delete(key));
  }
}

function keyOf({ userId, sessionId }: TaskScope): string {
  return JSON.stringify([userId, sessionId]);
}
