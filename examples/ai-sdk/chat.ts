import { generateText, isStepCount, type LanguageModel, type ModelMessage } from "ai";
import { type BackgroundTaskManager, type TaskScope, ToolOffloadMiddleware } from "tool-offload";
import { followUpInterrupts, offloadTools, taskTools, toModelMessage } from "tool-offload/adapters/ai-sdk";
import { FollowUpInbox, type Turn } from "tool-offload/follow-up";
import { show } from "./page.ts";
import { countStars, weather } from "./tools.ts";

interface ChatOptions {
  tasks: BackgroundTaskManager;
  scope: TaskScope;
  model: LanguageModel;
}

/** Steps of the loop. A turn that nobody waits for is bounded more tightly. */
const MOST_STEPS = { user: 20, host: 20, library: 5 };

/** One conversation: it keeps the messages. */
export class Chat {
  readonly messages: ModelMessage[] = [];
  readonly #model: LanguageModel;
  readonly #tools;
  readonly #inbox: FollowUpInbox;

  constructor({ tasks, scope, model }: ChatOptions) {
    this.#model = model;
    this.#inbox = new FollowUpInbox({ tasks });
    const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 200 });
    this.#tools = {
      ...offloadTools({ count_stars: countStars, weather }, { offload, scope }),
      ...taskTools({ tasks, scope }),
    };
  }

  /** A turn, for what the user says, for results that have come, or for both. `undefined`: there is nothing to say. */
  async takeTurn(turn: Turn, text?: string) {
    const news = toModelMessage(turn, this.messages);
    const said: ModelMessage[] = text === undefined ? [] : [{ role: "user", content: text }];
    const opening = news ? [news, ...said] : said;
    // Results that were kept, and whose turn died before that was noted, come again.
    if (opening.length === 0) return undefined;
    // What may interrupt a turn comes in at its steps.
    const followUps = followUpInterrupts({ inbox: this.#inbox, scope: turn.scope });
    try {
      const result = await generateText({
        model: this.#model,
        tools: this.#tools,
        messages: [...this.messages, ...opening],
        stopWhen: isStepCount(MOST_STEPS[turn.by]),
        prepareStep: followUps.prepareStep,
        abortSignal: turn.signal,
      });
      await followUps.save(result.responseMessages, (messages) => this.#keep([...opening, ...messages]));
      return result;
    } finally {
      await followUps.release();
    }
  }

  /** Put your write here: one for the whole turn, so that a result and the answer to it are kept together. */
  async #keep(messages: ModelMessage[]): Promise<void> {
    for (const message of messages) show(message);
    this.messages.push(...messages);
  }
}
