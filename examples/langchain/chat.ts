import { MemorySaver } from "@langchain/langgraph";
import { type BaseMessage, createAgent, HumanMessage } from "langchain";
import { type BackgroundTaskManager, type TaskScope, ToolOffloadMiddleware } from "tool-offload";
import { followUpInterrupts, offloadMiddleware, taskTools, toInput } from "tool-offload/adapters/langchain";
import { FollowUpInbox, type Turn } from "tool-offload/follow-up";
import type { chooseModel } from "./model.ts";
import { countStars, weather } from "./tools.ts";

/** Steps of the graph, three for each round of model and tools. A turn that nobody waits for is bounded more tightly. */
const MOST_STEPS = { user: 60, host: 60, library: 15 };

interface ChatOptions {
  tasks: BackgroundTaskManager;
  scope: TaskScope;
  model: Awaited<ReturnType<typeof chooseModel>>;
}

/** One conversation, a thread of the checkpointer. */
export class Chat {
  readonly #agent;
  readonly #config;

  constructor({ tasks, scope, model }: ChatOptions) {
    const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 200 });
    const inbox = new FollowUpInbox({ tasks });
    this.#agent = createAgent({
      model,
      tools: [countStars, weather, ...taskTools({ tasks })],
      middleware: [offloadMiddleware({ offload }), followUpInterrupts({ inbox })],
      checkpointer: new MemorySaver(),
    });
    this.#config = { configurable: { user_id: scope.userId, thread_id: scope.sessionId } };
  }

  /** A turn, for what the user says, for results that have come, or for both. */
  async takeTurn(turn: Turn, text?: string): Promise<void> {
    const news = toInput(turn, await this.messages())?.messages ?? [];
    const said = text === undefined ? [] : [new HumanMessage(text)];
    const messages = [...news, ...said];
    await this.#agent.invoke(
      // Results that were kept come again if their turn died before that was noted: it goes on from where it died.
      messages.length > 0 ? { messages } : null,
      { ...this.#config, signal: turn.signal, recursionLimit: MOST_STEPS[turn.by] },
    );
  }

  /** All that the thread holds. */
  async messages(): Promise<BaseMessage[]> {
    return (await this.#agent.graph.getState(this.#config)).values.messages ?? [];
  }
}
