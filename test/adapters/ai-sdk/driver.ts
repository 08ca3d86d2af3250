import { type ModelMessage, type streamText, type ToolSet, tool } from "ai";
import { followUpInterrupts, offloadTools, taskTools, toModelMessage } from "tool-offload/adapters/ai-sdk";
import type { Delivery } from "tool-offload/follow-up";
import type { Conversation, Framework, PlainTool, Setup } from "../scenarios/framework.ts";
import { toMessages } from "./model.ts";
import type { Version } from "./versions.ts";

/** A host as the README describes one: it keeps the messages, and runs the turns. */
class Chat implements Conversation {
  readonly #version: Version;
  readonly #setup: Setup;
  readonly #tools: ToolSet;
  readonly #messages: ModelMessage[] = [];
  #isBusy = false;

  constructor(version: Version, setup: Setup) {
    this.#version = version;
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
    const { ai, scriptedModel, keeping } = this.#version;
    const { offload, answer, isStreaming } = this.#setup;
    this.#isBusy = true;
    this.#messages.push(message);
    const followUps = offload && followUpInterrupts({ inbox: offload.inbox, scope: offload.scope });
    let kept: ModelMessage[] = [];
    const keep = (messages: ModelMessage[]) => void this.#messages.push(...messages);
    try {
      const terms = {
        model: scriptedModel(answer),
        tools: this.#tools,
        messages: [...this.#messages],
        stopWhen: ai.isStepCount(20),
        maxRetries: 0,
        ...(signal && { abortSignal: signal }),
        ...(followUps && { prepareStep: followUps.prepareStep }),
        ...keeping((soFar) => {
          kept = soFar;
        }),
      };
      return isStreaming ? await streamed(ai, terms) : (await ai.generateText(terms)).text;
    } finally {
      await (followUps ? followUps.save(kept, keep) : keep(kept));
      this.#isBusy = false;
    }
  }
}

async function streamed(
  ai: Version["ai"],
  terms: Parameters<typeof streamText<ToolSet>>[0],
): Promise<string> {
  const errors: unknown[] = [];
  const result = ai.streamText({ ...terms, onError: ({ error }) => void errors.push(error) });
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

/** One of the framework's versions. */
export function aiSdk(version: Version): Framework {
  return { name: version.name, open: async (setup) => new Chat(version, setup), cannot: {} };
}
