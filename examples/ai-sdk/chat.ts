import { generateText, isStepCount, type LanguageModel, type ModelMessage } from "ai";
import { type BackgroundTaskManager, type TaskScope, ToolOffloadMiddleware } from "tool-offload";
import { followUpInterrupts, offloadTools, taskTools, toModelMessage } from "tool-offload/adapters/ai-sdk";
import { type Delivery, FollowUpInbox } from "tool-offload/follow-up";
import { show } from "./page.ts";
import { countStars, weather } from "./tools.ts";

interface ChatOptions {
  tasks: BackgroundTaskManager;
  scope: TaskScope;
  model: LanguageModel;
}

/** One conversation: it keeps the messages, and runs one turn at a time. */
export class Chat {
  readonly messages: ModelMessage[] = [];
  /** When a turn for late results has been kept. */
  readonly changed: Promise<void>;
  readonly #options: ChatOptions;
  readonly #tools;
  readonly #inbox: FollowUpInbox;
  #isBusy = false;
  #tell: () => void = () => undefined;

  constructor(options: ChatOptions) {
    const { tasks, scope } = options;
    this.#options = options;
    this.#inbox = new FollowUpInbox({ tasks });
    const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 200 });
    this.#tools = {
      ...offloadTools({ count_stars: countStars, weather }, { offload, scope }),
      ...taskTools({ tasks, scope }),
    };
    this.changed = new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  /** A turn for what the user says. */
  say(content: string) {
    return this.#turn({ role: "user", content }, undefined);
  }

  /** A turn for late results. It may be bounded more tightly than one that the user waits for. */
  async deliver(delivery: Delivery): Promise<"busy" | "done"> {
    if (this.#isBusy) return "busy";
    const news = toModelMessage(delivery, this.messages);
    // A delivery that was kept, and interrupted before that was noted, comes again.
    if (news === undefined) return "done";
    await this.#turn(news, delivery.signal, 5);
    this.#tell();
    return "done";
  }

  async #turn(message: ModelMessage, abortSignal: AbortSignal | undefined, steps = 20) {
    this.#isBusy = true;
    // What may interrupt a turn comes in at its steps.
    const followUps = followUpInterrupts({ inbox: this.#inbox, scope: this.#options.scope });
    try {
      const result = await generateText({
        model: this.#options.model,
        tools: this.#tools,
        messages: [...this.messages, message],
        stopWhen: isStepCount(steps),
        prepareStep: followUps.prepareStep,
        ...(abortSignal && { abortSignal }),
      });
      await followUps.save(result.responseMessages, (messages) => this.#keep([message, ...messages]));
      return result;
    } finally {
      await followUps.release();
      this.#isBusy = false;
    }
  }

  /** Put your write here: one for the whole turn, so that a result and the answer to it are kept together. */
  async #keep(messages: ModelMessage[]): Promise<void> {
    for (const message of messages) show(message);
    this.messages.push(...messages);
  }
}
