import { type BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import type { Turn } from "tool-offload/follow-up";
import * as z from "zod";
import type { Conversation, Conversations, Message } from "./conversations.ts";
import { askModel } from "./model.ts";
import { type ToolName, tools } from "./tools.ts";

/** What it takes to open a session again. It goes out with every tool call, and comes back with its result. */
const sessionSchema = z.object({ model: z.string(), workspace: z.string() });
export type Session = z.infer<typeof sessionSchema>;

/** What the user says, and in which session. */
interface Said {
  content: string;
  session: Session;
}

/** An app with an agent. Of its sessions it remembers nothing. */
export class Host {
  readonly #conversations: Conversations;
  readonly #offload: ToolOffloadMiddleware;

  constructor(tasks: BackgroundTaskManager, conversations: Conversations) {
    this.#conversations = conversations;
    this.#offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 100 });
  }

  /**
   * A turn, for what the user says, for results that have come, or for both. It may be called twice for the same
   * results: a turn that dies before its commit is run again, the tools it calls included; one that dies after it is not.
   */
  async takeTurn(turn: Turn, said?: Said): Promise<void> {
    const { scope, followUps, messageFor } = turn;
    const found = await this.#conversations.read(scope);
    if (found === undefined && said === undefined) return turn.gone();
    const conversation = found ?? { messages: [], takenIn: [] };

    const news = followUps.filter(({ id }) => !conversation.takenIn.includes(id));
    if (news.length > 0) {
      const { text, marker } = messageFor(news);
      conversation.messages.push({ role: "user", content: text, marker });
      conversation.takenIn.push(...news.map(({ id }) => id));
    }
    if (said !== undefined) {
      conversation.messages.push({ role: "user", content: said.content });
      // Before any tool is called: a result must find the conversation, even if this turn never ends.
      await this.#conversations.commit(scope, conversation);
    }
    const session = said?.session ?? news.at(-1)?.task.metadata;
    // Taken in before, by a turn whose process died: returning acknowledges it, and nothing is said twice.
    if (session === undefined) return undefined;
    return this.#answer(turn, sessionSchema.parse(session), conversation);
  }

  /** Asks the model until it answers with a text, and commits everything at once. */
  async #answer(turn: Turn, session: Session, conversation: Conversation): Promise<void> {
    const { messages } = conversation;
    for (;;) {
      const reply = await askModel(session.model, messages);
      if ("text" in reply) {
        messages.push({ role: "assistant", content: reply.text });
        break;
      }
      messages.push({ role: "assistant", content: "", calls: reply.calls });
      const calls = reply.calls.map(({ id, toolName }) => this.#call(turn, session, id, toolName));
      messages.push(...(await Promise.all(calls)));
    }
    // It took too long, or was told to stop; or another process has the session now, and that one will commit.
    turn.signal.throwIfAborted();
    turn.throwIfLost();
    await this.#conversations.commit(turn.scope, conversation);
  }

  async #call(
    { scope, signal }: Turn,
    session: Session,
    toolCallId: string,
    toolName: ToolName,
  ): Promise<Message> {
    const { workspace } = session;
    const call = { toolName, input: { workspace }, scope, toolCallId, metadata: session, signal };
    const outcome = await this.#offload.run(call, tools[toolName]);
    const content = outcome.status === "completed" ? outcome.value : outcome.message;
    return { role: "tool", content, toolCallId };
  }
}
