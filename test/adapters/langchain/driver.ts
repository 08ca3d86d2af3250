import { MemorySaver } from "@langchain/langgraph";
import {
  type AgentMiddleware,
  AIMessage,
  type BaseMessage,
  createAgent,
  fakeModel,
  HumanMessage,
  type StructuredTool,
  ToolMessage,
  tool,
} from "langchain";
import {
  followUpInterrupts,
  followUpOf,
  offloadMiddleware,
  taskTools,
  toInput,
} from "tool-offload/adapters/langchain";
import type {
  Conversation,
  Framework,
  Message,
  Offloading,
  PlainTool,
  Run,
  Setup,
  Shown,
} from "../scenarios/framework.ts";
import { withImages } from "../scenarios/history.ts";

const MOST_REQUESTS = 50;

/** LangChain's own loop: an agent with a checkpointer, each conversation one of its threads. */
export const langchain: Framework = {
  name: "LangChain",
  open: async (setup, beside) =>
    new Thread(setup, beside instanceof Thread ? beside.checkpointer : new MemorySaver()),
  cannot: {
    "a turn that the user preempts is broken off, and its results are told in the user's":
      "LangGraph keeps the calls of a step that is aborted, without results, and the next request is refused",
  },
};

class Thread implements Conversation {
  readonly checkpointer: MemorySaver;
  readonly #agent: ReturnType<typeof agentOf>;
  readonly #isStreaming: boolean;
  readonly #config: { configurable: { thread_id: string; user_id: string } };

  constructor(setup: Setup, checkpointer: MemorySaver) {
    const { userId, sessionId = "chat-0" } = setup.offload?.scope ?? { userId: "nobody" };
    this.checkpointer = checkpointer;
    this.#agent = agentOf(setup, checkpointer);
    this.#isStreaming = setup.isStreaming;
    this.#config = { configurable: { thread_id: sessionId, user_id: userId } };
  }

  async take({ turn, text, signal }: Run): Promise<string> {
    const late = turn ? toInput(turn, await this.#messages()) : null;
    const said = text === undefined ? [] : [new HumanMessage(text)];
    const messages = [...(late?.messages ?? []), ...said];
    const input = messages.length > 0 ? { messages } : null;
    const config = { ...this.#config, ...(signal && { signal }) };
    if (this.#isStreaming) for await (const _ of await this.#agent.stream(input, config));
    else await this.#agent.invoke(input, config);
    return (await this.#messages()).at(-1)?.text ?? "";
  }

  async history(): Promise<Message[]> {
    return (await this.#messages()).map(toMessage);
  }

  async raw(): Promise<unknown> {
    return (await this.#messages()).map((message) => {
      const { type, data } = message.toDict();
      return { type, data: { ...data, id: undefined } };
    });
  }

  async #messages(): Promise<BaseMessage[]> {
    return (await this.#agent.graph.getState(this.#config)).values.messages ?? [];
  }
}

function agentOf({ tools, answer, offload }: Setup, checkpointer: MemorySaver) {
  const model = fakeModel();
  const reply = (shown: BaseMessage[]) => toReply(answer(shown.filter(isNoSystem).map(toMessage)));
  for (let request = 0; request < MOST_REQUESTS; request += 1) model.respond(reply);
  const own = tools.map(toTool);
  if (offload === undefined) return createAgent({ model, tools: own, checkpointer });
  const all = [...own, ...taskTools({ tasks: offload.tasks })];
  return createAgent({ model, tools: all, checkpointer, middleware: middlewareOf(offload) });
}

function middlewareOf({ middleware, inbox }: Offloading): AgentMiddleware[] {
  return [offloadMiddleware({ offload: middleware }), followUpInterrupts({ inbox })];
}

function toTool({ name, description, inputSchema, execute, shows }: PlainTool): StructuredTool {
  const run = async (input: Record<string, unknown>, { signal }: { signal?: AbortSignal }) => {
    const value = await execute(input, signal);
    return shows ? [blocksOf(shows(value)), value] : value;
  };
  const responseFormat = shows ? "content_and_artifact" : "content";
  const fields = { name, description, schema: inputSchema, responseFormat };
  return tool(run as never, fields as never) as unknown as StructuredTool;
}

function blocksOf({ text, png }: Shown) {
  const url = `data:image/png;base64,${png}`;
  return [
    { type: "text", text },
    { type: "image_url", image_url: { url } },
  ];
}

function isNoSystem(message: BaseMessage): boolean {
  return message.type !== "system";
}

function toReply(reply: ReturnType<Setup["answer"]>): AIMessage | Error {
  if ("failure" in reply && reply.failure) return reply.failure;
  if ("text" in reply) return new AIMessage(reply.text);
  const toolCalls = reply.calls.map(({ id, toolName, input }) => ({ id, name: toolName, args: input }));
  return new AIMessage({ content: "", tool_calls: toolCalls });
}

function toMessage(message: BaseMessage): Message {
  const { text, content } = message;
  if (ToolMessage.isInstance(message)) {
    return withImages({ role: "tool", callId: message.tool_call_id, text }, content);
  }
  if (!AIMessage.isInstance(message)) {
    return withImages({ role: "user", text, isFollowUp: followUpOf(message) !== undefined }, content);
  }
  const calls = message.tool_calls ?? [];
  return {
    role: "assistant",
    text,
    calls: calls.map(({ id = "", name, args }) => ({ id, toolName: name, input: args })),
  };
}
