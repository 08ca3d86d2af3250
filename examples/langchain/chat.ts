import { MemorySaver } from "@langchain/langgraph";
import { type BaseMessage, createAgent, HumanMessage } from "langchain";
import { type BackgroundTaskManager, type TaskScope, ToolOffloadMiddleware } from "tool-offload";
import { followUpInterrupts, offloadMiddleware, taskTools, toInput } from "tool-offload/adapters/langchain";
import { type Delivery, FollowUpInbox } from "tool-offload/follow-up";
import type { chooseModel } from "./model.ts";
import { countStars, weather } from "./tools.ts";

/** Steps of the graph, three for each round of model and tools. */
const MOST_STEPS = { user: 60, followUp: 15 };

interface ChatOptions {
  tasks: BackgroundTaskManager;
  scope: TaskScope;
  model: Awaited<ReturnType<typeof chooseModel>>;
}

/** One conversation, a thread of the checkpointer: one turn runs at a time. */
export class Chat {
  readonly #agent;
  readonly #config;
  #isBusy = false;

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

  /** A turn for what the user says. */
  say(text: string): Promise<void> {
    return this.#turn({ messages: [new HumanMessage(text)] }, { recursionLimit: MOST_STEPS.user });
  }

  /** A turn for late results, which nobody waits for, and which is bounded more tightly. */
  async deliver(delivery: Delivery): Promise<"busy" | "done"> {
    if (this.#isBusy) return "busy";
    const input = toInput(delivery, await this.messages());
    await this.#turn(input, { signal: delivery.signal, recursionLimit: MOST_STEPS.followUp });
    return "done";
  }

  /** All that the thread holds. */
  async messages(): Promise<BaseMessage[]> {
    return (await this.#agent.graph.getState(this.#config)).values.messages ?? [];
  }

  async #turn(
    input: ReturnType<typeof toInput>,
    terms: { signal?: AbortSignal; recursionLimit: number },
  ): Promise<void> {
    this.#isBusy = true;
    try {
      await this.#agent.invoke(input, { ...this.#config, ...terms });
    } finally {
      this.#isBusy = false;
    }
  }
}
