import { generateText, isStepCount, type ModelMessage, streamText, type ToolSet, tool } from "ai";
import { followUpSteps, offloadTools, taskTools, toModelMessage } from "tool-offload/adapters/ai-sdk";
import type { Delivery } from "tool-offload/follow-up";
import type { Conversation, Framework, PlainTool, Setup } from "../scenarios/framework.ts";
import { scriptedModel, toMessages } from "./model.ts";

/** A host as the README describes one: it keeps the messages, and runs the turns. */
class Chat implements Conversation {
  readonly #setup: Setup;
  readonly #tools: ToolSet;
  readonly #messages: ModelMessage[] = [];
  #isBusy = false;

  constructor(setup: Setup) {
    this.#setup = setup;
    this.#tools = toolsOf(setup);
  }

  say(text: string, signal?: AbortSignal): Promise<string> {
    return this.#turn({ role: "user", content: text }, signal);
  }

  async deliver(delivery: Delivery): Promise<unknown> {
    if (this.#isBusy) return "busy";
    const news = toModelMessage(delivery, this.#messages);
    return news && this.#turn(news, delivery.signal);
  }

  async history() {
    return this.#messages.flatMap(toMessages);
  }

  async raw(): Promise<unknown> {
    return this.#messages;
  }

  async #turn(message: ModelMessage, signal: AbortSignal | undefined): Promise<string> {
    const { offload } = this.#setup;
    this.#isBusy = true;
    this.#messages.push(message);
    const followUps = offload && followUpSteps({ inbox: offload.inbox, scope: offload.scope });
    const kept: ModelMessage[] = [];
    const keep = (messages: ModelMessage[]) => void this.#messages.push(...messages);
    try {
      const terms = {
        model: scriptedModel(this.#setup.answer),
        tools: this.#tools,
        messages: [...this.#messages],
        stopWhen: isStepCount(20),
        maxRetries: 0,
        ...(signal && { abortSignal: signal }),
        ...(followUps && { prepareStep: followUps.prepareStep }),
        onStepEnd: ({ response }: { response: { messages: ModelMessage[] } }) => {
          kept.push(...response.messages);
        },
      };
      return this.#setup.isStreaming ? await streamed(terms) : (await generateText(terms)).text;
    } finally {
      await (followUps ? followUps.save(kept, keep) : keep(kept));
      this.#isBusy = false;
    }
  }
}

async function streamed(terms: Parameters<typeof streamText<ToolSet>>[0]): Promise<string> {
  const errors: unknown[] = [];
  const result = streamText({ ...terms, onError: ({ error }) => void errors.push(error) });
  await result.consumeStream();
  if (errors.length > 0) throw errors[0];
  return result.text;
}

/** As the framework wants them, and through the middleware unless the scenario runs bare. */
function toolsOf({ tools, offload }: Setup): ToolSet {
  const plain = Object.fromEntries(tools.map((one) => [one.name, toolOf(one)]));
  if (offload === undefined) return plain;
  const { tasks, middleware, scope } = offload;
  return { ...offloadTools(plain, { offload: middleware, scope }), ...taskTools({ tasks, scope }) };
}

function toolOf({ description, inputSchema, execute }: PlainTool) {
  return tool({ description, inputSchema, execute: (input, { abortSignal }) => execute(input, abortSignal) });
}

export const aiSdk: Framework = {
  name: "AI SDK",
  open: async (setup) => new Chat(setup),
  cannot: {},
};
