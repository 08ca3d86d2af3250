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
import type { Conversation, Framework, PlainTool, Run, Setup, Shown } from "../scenarios/framework.ts";
import { toMessages, toOutput } from "./messages.ts";

const MAX_TURNS = 10;
const runner = new Runner({ tracingDisabled: true } satisfies Partial<RunConfig>);

const NO_STATE = "a turn takes input only through its RunState, which `run` makes by itself here";
const NO_EMPTY_IDS = {
  "a call with an empty id, which is none, is offloaded as others are": "the framework fails such a turn",
};

/** Turns as most hosts run them, and tools that were finished before they were wrapped. */
export const openaiAgents: Framework = {
  name: "OpenAI Agents",
  open: async (setup, beside) => new AgentConversation(setup, wrappedTools(setup), sessionOf(beside)),
  cannot: {
    "a result that may interrupt is shown at the next step of the running turn": NO_STATE,
    "a turn that is aborted after a step was kept has told what that step was shown": NO_STATE,
    ...NO_EMPTY_IDS,
  },
};

/** Turns that results may interrupt, and tools that are made with the adapter's own `tool`. */
export const openaiAgentsFromState: Framework = {
  name: "OpenAI Agents, from a RunState",
  open: async (setup, beside) => {
    const interrupts = setup.offload && followUpInterrupts(inboxOf(setup.offload));
    return new AgentConversation(setup, madeTools(setup), sessionOf(beside), interrupts);
  },
  cannot: NO_EMPTY_IDS,
};

type OwnTools = Agent["tools"];

class AgentConversation implements Conversation {
  readonly session: MemorySession;
  readonly #agent: Agent;
  readonly #isStreaming: boolean;
  readonly #interrupts: FollowUpInterrupts | undefined;

  constructor(setup: Setup, tools: OwnTools, session: MemorySession, interrupts?: FollowUpInterrupts) {
    const model = modelOf(setup);
    const toolUseBehavior = interrupts ? afterTools("run_llm_again", interrupts) : "run_llm_again";
    this.#agent = new Agent({ name: "Assistant", model, tools, toolUseBehavior });
    this.session = session;
    this.#isStreaming = setup.isStreaming;
    this.#interrupts = interrupts;
  }

  async take({ turn, text, signal }: Run): Promise<string> {
    const isOwed = turn !== undefined && (await takeIn(this.session, turn));
    if (text === undefined) return isOwed ? this.#run([], signal) : "";
    const item = { role: "user", content: text } as const;
    const run = this.#interrupts ? this.#runFromState(item, signal) : this.#run([item], signal);
    return run.catch(withoutState);
  }

  async history() {
    return toMessages(await this.session.getItems());
  }

  raw() {
    return this.session.getItems();
  }

  async #runFromState(item: { role: "user"; content: string }, signal: AbortSignal | undefined) {
    await this.session.addItems([item]);
    const runContext = new RunContext();
    const state = new RunState(runContext, await this.session.getItems(), this.#agent, MAX_TURNS);
    const turn = { runContext, state, session: this.session };
    return this.#interrupts?.during(turn, () => this.#run(state, signal)) ?? "";
  }

  async #run(input: { role: "user"; content: string }[] | RunState<unknown, Agent>, signal?: AbortSignal) {
    const options = { session: this.session, ...(signal && { signal }) };
    if (!this.#isStreaming) return (await runner.run(this.#agent, input, options)).finalOutput ?? "";
    const result = await runner.run(this.#agent, input, { ...options, stream: true });
    for await (const _event of result) {
      // A host would show it.
    }
    await result.completed;
    if (result.cancelled) throw signal?.reason;
    return result.finalOutput ?? "";
  }
}

function sessionOf(beside: Conversation | undefined): MemorySession {
  return beside instanceof AgentConversation ? beside.session : new MemorySession();
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

function optionsOf({ name, description, inputSchema, execute, shows }: PlainTool) {
  const run = (input: unknown, _context?: unknown, details?: { signal?: AbortSignal }) =>
    execute(input as Record<string, unknown>, details?.signal);
  const showing = async (...given: Parameters<typeof run>) => {
    const value = await run(...given);
    return shows ? itemsOf(shows(value)) : value;
  };
  return { name, description, parameters: inputSchema, execute: shows ? showing : run };
}

function itemsOf({ text, png }: Shown) {
  return [
    { type: "text", text },
    { type: "image", image: { data: png, mediaType: "image/png" } },
  ];
}

function inboxOf({ inbox, scope }: NonNullable<Setup["offload"]>) {
  return { inbox, scope };
}
