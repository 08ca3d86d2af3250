import { Agent } from "@mastra/core/agent";
import type { MastraDBMessage } from "@mastra/core/agent/message-list";
import { InMemoryStore } from "@mastra/core/storage";
import { createTool } from "@mastra/core/tools";
import { Memory } from "@mastra/memory";
import {
  followUpInterrupts,
  followUpOf,
  offloadTools,
  sendFollowUps,
  taskTools,
} from "tool-offload/adapters/mastra";
import type {
  Conversation,
  Framework,
  Message,
  PlainTool,
  Run,
  Setup,
  Shown,
} from "../scenarios/framework.ts";
import { withImages } from "../scenarios/history.ts";
import { scriptedModel } from "./model.ts";

const RESOURCE = "ada";
const THREAD = "chat-1";

export const mastra: Framework = {
  name: "Mastra",
  open: async (setup, beside) =>
    new MastraConversation(setup, beside instanceof MastraConversation ? beside.memory : newMemory()),
  cannot: {},
};

class MastraConversation implements Conversation {
  readonly memory: Memory;
  readonly #agent: Agent;
  readonly #isStreaming: boolean;
  readonly #deliver: ReturnType<typeof sendFollowUps>;

  constructor({ tools, answer, isStreaming, offload }: Setup, memory: Memory) {
    this.#isStreaming = isStreaming;
    this.memory = memory;
    const own = Object.fromEntries(tools.map((tool) => [tool.name, toolOf(tool)]));
    this.#agent = new Agent({
      id: "agent",
      name: "agent",
      instructions: "Do as the script says.",
      model: scriptedModel(answer),
      memory,
      tools: offload
        ? { ...offloadTools(own, { offload: offload.middleware }), ...taskTools({ tasks: offload.tasks }) }
        : own,
      inputProcessors: offload ? [followUpInterrupts({ inbox: offload.inbox, memory })] : [],
    });
    this.#deliver = sendFollowUps(this.#agent, { streamOptions: { maxSteps: 5 } });
  }

  async take({ turn, text, signal }: Run): Promise<string> {
    if (text !== undefined) return this.#say(text, signal);
    if (turn !== undefined) await this.#deliver(turn);
    return "";
  }

  async history(): Promise<Message[]> {
    return (await this.#messages()).flatMap(messagesOf);
  }

  async raw(): Promise<unknown> {
    const messages = await this.#messages();
    const drop = (key: string, value: unknown) => (["id", "createdAt"].includes(key) ? undefined : value);
    return JSON.parse(JSON.stringify(messages, drop));
  }

  async #say(text: string, signal: AbortSignal | undefined): Promise<string> {
    const memory = { resource: RESOURCE, thread: THREAD };
    const options = { memory, maxSteps: 10, ...(signal && { abortSignal: signal }) };
    const output = this.#isStreaming
      ? await (await this.#agent.stream(text, options)).getFullOutput()
      : await this.#agent.generate(text, options);
    signal?.throwIfAborted();
    if (output.error) throw output.error;
    return output.text;
  }

  async #messages(): Promise<MastraDBMessage[]> {
    const orderBy = { field: "createdAt", direction: "ASC" } as const;
    const query = { resourceId: RESOURCE, threadId: THREAD, perPage: false, orderBy } as const;
    return (await this.memory.recall(query)).messages;
  }
}

function newMemory(): Memory {
  return new Memory({ storage: new InMemoryStore() });
}

function toolOf({ name, description, inputSchema, execute, shows }: PlainTool) {
  return createTool({
    id: name,
    description,
    inputSchema,
    execute: async (input, { abortSignal }) => execute(input, abortSignal),
    ...(shows && { toModelOutput: (value: unknown) => outputOf(shows(value)) }),
  });
}

function outputOf({ text, png }: Shown) {
  const image = { type: "image-data", mediaType: "image/png", data: png } as const;
  return { type: "content" as const, value: [{ type: "text" as const, text }, image] };
}

/**
 * Mastra keeps a turn's steps in one message, and a result within its call. A call that was aborted stays there without
 * one, and is left out of all that a model is shown.
 */
function messagesOf(message: MastraDBMessage): Message[] {
  const { role, content } = message;
  if (role !== "assistant") {
    const isFollowUp = followUpOf(message) !== undefined;
    return [withImages({ role: "user", text: textIn(content.parts), isFollowUp }, content.parts)];
  }
  return stepsOf(content.parts).flatMap((step): Message[] => {
    const invocations = step.flatMap((part) =>
      part.type === "tool-invocation" && part.toolInvocation.state === "result" ? [part.toolInvocation] : [],
    );
    const calls = invocations.map(({ toolCallId, toolName, args }) => {
      return { id: toolCallId, toolName, input: args };
    });
    const results = invocations.map(({ toolCallId, result }): Message => {
      return {
        role: "tool",
        callId: toolCallId,
        text: typeof result === "string" ? result : JSON.stringify(result),
      };
    });
    return [{ role: "assistant", text: textIn(step), calls }, ...results];
  });
}

type Parts = MastraDBMessage["content"]["parts"];

function stepsOf(parts: Parts): Parts[] {
  const steps: Parts[] = [[]];
  for (const part of parts) {
    if (part.type === "step-start") steps.push([]);
    else steps.at(-1)?.push(part);
  }
  return steps.filter((step) => step.length > 0);
}

function textIn(parts: Parts): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}
