import {
  Agent,
  AgentsError,
  MemorySession,
  tool as plainTool,
  type RunConfig,
  RunContext,
  Runner,
  RunState,
} from "@openai/agents";
import { modelResponder, ScriptedModel } from "@openai/agents/testing";
import {
  afterTools,
  type FollowUpInterrupts,
  followUpInterrupts,
  offloadingTool,
  offloadTools,
  takeIn,
  taskTools,
} from "tool-offload/adapters/openai-agents";
import type { Delivery } from "tool-offload/follow-up";
import type { Conversation, Framework, PlainTool, Setup } from "../scenarios/framework.ts";
import { toMessages, toOutput } from "./messages.ts";

const MAX_TURNS = 10;
const runner = new Runner({ tracingDisabled: true } satisfies Partial<RunConfig>);

/** Turns as most hosts run them, and tools that were finished before they were wrapped. */
export const openaiAgents: Framework = {
  name: "OpenAI Agents",
  open: async (setup) => new AgentConversation(setup, wrappedTools(setup)),
  cannot: {
    "a result that may interrupt is shown at the next step of the running turn":
      "a turn takes input only through its RunState, which `run` makes by itself here",
  },
};

/** Turns that results may interrupt, and tools that are made with the adapter's own `tool`. */
export const openaiAgentsFromState: Framework = {
  name: "OpenAI Agents, from a RunState",
  open: async (setup) => {
    const interrupts = setup.offload && followUpInterrupts(inboxOf(setup.offload));
    return new AgentConversation(setup, madeTools(setup), interrupts);
  },
  cannot: {},
};

type OwnTools = Agent["tools"];

class AgentConversation implements Conversation {
  readonly #session = new MemorySession();
  readonly #agent: Agent;
  readonly #isStreaming: boolean;
  readonly #interrupts: FollowUpInterrupts | undefined;
  #running = 0;

  constructor(setup: Setup, tools: OwnTools, interrupts?: FollowUpInterrupts) {
    const model = modelOf(setup);
    const toolUseBehavior = interrupts ? afterTools("run_llm_again", interrupts) : "run_llm_again";
    this.#agent = new Agent({ name: "Assistant", model, tools, toolUseBehavior });
    this.#isStreaming = setup.isStreaming;
    this.#interrupts = interrupts;
  }

  async say(text: string, signal?: AbortSignal): Promise<string> {
    const item = { role: "user", content: text } as const;
    const turn = () => (this.#interrupts ? this.#sayFromState(item, signal) : this.#run([item], signal));
    return this.#alone(() => turn().catch(withoutState));
  }

  async deliver(delivery: Delivery): Promise<unknown> {
    if (this.#running > 0) return "busy";
    return this.#alone(async () => {
      if (await takeIn(this.#session, delivery)) await this.#run([], delivery.signal);
    });
  }

  async history() {
    return toMessages(await this.#session.getItems());
  }

  raw() {
    return this.#session.getItems();
  }

  async #sayFromState(item: { role: "user"; content: string }, signal: AbortSignal | undefined) {
    await this.#session.addItems([item]);
    const runContext = new RunContext();
    const state = new RunState(runContext, await this.#session.getItems(), this.#agent, MAX_TURNS);
    const turn = { runContext, state, session: this.#session };
    return this.#interrupts?.during(turn, () => this.#run(state, signal)) ?? "";
  }

  async #run(input: { role: "user"; content: string }[] | RunState<unknown, Agent>, signal?: AbortSignal) {
    const options = { session: this.#session, ...(signal && { signal }) };
    if (!this.#isStreaming) return (await runner.run(this.#agent, input, options)).finalOutput ?? "";
    const result = await runner.run(this.#agent, input, { ...options, stream: true });
    for await (const _event of result) {
      // A host would show it.
    }
    await result.completed;
    if (result.cancelled) throw signal?.reason;
    return result.finalOutput ?? "";
  }

  async #alone<T>(turn: () => Promise<T>): Promise<T> {
    this.#running += 1;
    try {
      return await turn();
    } finally {
      this.#running -= 1;
    }
  }
}

/** An error carries the whole run, agent and tools included: those differ. */
function withoutState(error: unknown): never {
  if (error instanceof AgentsError) delete error.state;
  throw error;
}

/** The official test model, which asks the scenario each time. */
function modelOf({ answer }: Setup): ScriptedModel {
  const model: ScriptedModel = new ScriptedModel();
  const step = modelResponder(({ request }) => {
    model.enqueue(step);
    return toOutput(answer(toMessages(request.input)));
  });
  model.enqueue(step);
  return model;
}

function wrappedTools({ tools, offload }: Setup): OwnTools {
  // Errors come through, as they do from tools of other makes; by default the framework makes a text of them.
  const own = tools.map((tool) => plainTool({ ...optionsOf(tool), errorFunction: null }));
  if (offload === undefined) return own;
  const { tasks, scope, middleware } = offload;
  return [...offloadTools(own, { offload: middleware, scope }), ...taskTools({ tasks, scope })];
}

function madeTools({ tools, offload }: Setup): OwnTools {
  if (offload === undefined) return tools.map((tool) => plainTool(optionsOf(tool)));
  const { tasks, scope, middleware } = offload;
  const tool = offloadingTool(plainTool, { offload: middleware, scope });
  return [...tools.map((one) => tool(optionsOf(one))), ...taskTools({ tasks, scope })];
}

function optionsOf({ name, description, inputSchema, execute }: PlainTool) {
  return {
    name,
    description,
    parameters: inputSchema,
    execute: (input: unknown, _context?: unknown, details?: { signal?: AbortSignal }) =>
      execute(input as Record<string, unknown>, details?.signal),
  };
}

function inboxOf({ inbox, scope }: NonNullable<Setup["offload"]>) {
  return { inbox, scope };
}
