import { type ModelMessage, type streamText, type ToolSet, tool } from "ai";
import {
  followUpInterrupts,
  offloadTools,
  streamTurn,
  taskTools,
  toModelMessage,
} from "tool-offload/adapters/ai-sdk";
import type { Conversation, Framework, PlainTool, Run, Setup } from "../scenarios/framework.ts";
import { toMessages } from "./model.ts";
import type { Version } from "./versions.ts";

/** A host as the README describes one: it keeps the messages, and runs the turns. */
class Chat implements Conversation {
  readonly #version: Version;
  readonly #setup: Setup;
  readonly #tools: ToolSet;
  readonly #messages: ModelMessage[];

  constructor(version: Version, setup: Setup, messages: ModelMessage[]) {
    this.#version = version;
    this.#setup = setup;
    this.#messages = messages;
    this.#tools = toolsOf(setup);
  }

  async take({ turn, text, signal }: Run): Promise<string> {
    const messages = this.#messages;
    const late = turn && toModelMessage(turn, messages);
    if (text !== undefined) messages.push({ role: "user", content: text });
    else if (late === undefined) return "";
    const news = late ? [late] : [];
    const keep = (answers: ModelMessage[]) => {
      if (answers.length === 0) return undefined;
      messages.push(...news, ...answers);
      return turn?.acknowledge(turn.followUps);
    };
    return this.#run([...messages, ...news], signal, keep);
  }

  async history() {
    return this.#messages.flatMap(toMessages);
  }

  async raw(): Promise<unknown> {
    return this.#messages;
  }

  /** One that shares what is kept. */
  inAnotherProcess(setup: Setup): Chat {
    return new Chat(this.#version, setup, this.#messages);
  }

  /** Keeps what the run got, however far that was. */
  async #run(messages: ModelMessage[], signal: AbortSignal | undefined, keep: Keep): Promise<string> {
    const { ai, scriptedModel, keeping } = this.#version;
    const { offload, answer, isStreaming } = this.#setup;
    const followUps = offload && followUpInterrupts({ inbox: offload.inbox, scope: offload.scope });
    let answers: ModelMessage[] = [];
    try {
      const terms = {
        model: scriptedModel(answer),
        tools: this.#tools,
        messages,
        stopWhen: ai.isStepCount(20),
        maxRetries: 0,
        ...(signal && { abortSignal: signal }),
        ...(followUps && { prepareStep: followUps.prepareStep }),
        ...keeping((soFar) => {
          answers = soFar;
        }),
      };
      return isStreaming ? await streamed(ai, terms) : (await ai.generateText(terms)).text;
    } finally {
      await (followUps ? followUps.save(answers, keep) : keep(answers));
    }
  }
}

type Keep = (answers: ModelMessage[]) => Promise<unknown> | undefined;

/** Nobody reads the page's stream. */
async function streamed(
  ai: Version["ai"],
  terms: Parameters<typeof streamText<ToolSet>>[0],
): Promise<string> {
  const result = ai.streamText({ ...terms, onError: () => undefined });
  let answer = "";
  const write = async () => {
    answer = await result.text;
  };
  await streamTurn(result, { write }).ended;
  return answer;
}

/** As the framework wants them, and through the middleware unless the scenario runs bare. */
function toolsOf({ tools, offload }: Setup): ToolSet {
  const plain = Object.fromEntries(tools.map((one) => [one.name, toolOf(one)]));
  if (offload === undefined) return plain;
  const { tasks, middleware, scope } = offload;
  return { ...offloadTools(plain, { offload: middleware, scope }), ...taskTools({ tasks, scope }) };
}

function toolOf({ description, inputSchema, execute, shows }: PlainTool) {
  const plain = tool({
    description,
    inputSchema,
    execute: (input, { abortSignal }) => execute(input, abortSignal),
  });
  if (shows === undefined) return plain;
  const toModelOutput = ({ output }: { output: unknown }) => {
    const { text, png } = shows(output);
    const image = { type: "image-data", mediaType: "image/png", data: png } as const;
    return { type: "content" as const, value: [{ type: "text" as const, text }, image] };
  };
  return { ...plain, toModelOutput };
}

/** One of the framework's versions. */
export function aiSdk(version: Version): Framework {
  return {
    name: version.name,
    open: async (setup, beside) =>
      beside instanceof Chat ? beside.inAnotherProcess(setup) : new Chat(version, setup, []),
    cannot: {},
  };
}
