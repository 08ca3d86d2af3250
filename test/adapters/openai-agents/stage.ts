import { Agent, type AgentInputItem, MemorySession, tool as plainTool, Runner } from "@openai/agents";
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from "@openai/agents/testing";
import { BackgroundTaskManager, type MiddlewareOptions, ToolOffloadMiddleware } from "tool-offload";
import { offloadingTool, offloadTools } from "tool-offload/adapters/openai-agents";
import type { Delivery } from "tool-offload/follow-up";
import { followUpMessage } from "tool-offload/follow-up";
import { onTestFinished } from "vitest";
import * as z from "zod";

export const scope = { userId: "ada", sessionId: "chat-1" };
export const runner = new Runner({ tracingDisabled: true });

/** A manager that the test closes, and a middleware that waits 30 ms. */
export function open(options: Partial<MiddlewareOptions> = {}) {
  const tasks = new BackgroundTaskManager();
  onTestFinished(() => tasks.close({ drainMs: 0 }));
  return { tasks, offload: new ToolOffloadMiddleware({ tasks, timeoutMs: 30, ...options }) };
}

/** A model that makes these calls at once, then says these texts. */
export function scripted(calls: [id: string, toolName: string, input?: object][], ...texts: string[]) {
  const step = calls.map(([callId, name, input = {}]) => functionCall(name, { ...input }, { callId }));
  return new ScriptedModel([
    ...(calls.length > 0 ? [step] : []),
    ...texts.map((text) => [assistantMessage(text)]),
  ]);
}

/** A model that always says the same, and counts. */
export function saying(text: string): ScriptedModel {
  const model: ScriptedModel = new ScriptedModel();
  const step = modelResponder(() => {
    model.enqueue(step);
    return [assistantMessage(text)];
  });
  model.enqueue(step);
  return model;
}

/** A tool's options, whatever it does. */
export function optionsFor<R>(name: string, execute: () => R) {
  return { name, description: name, parameters: z.object({}), execute: async () => execute() };
}

export function toolFor<R>(name: string, execute: () => R) {
  return plainTool(optionsFor(name, execute));
}

/** A tool that ends when the test says so. */
export function slowTool(name = "slow") {
  let resolve: (value: unknown) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<unknown>((...ends) => {
    [resolve, reject] = ends;
  });
  promise.catch(() => undefined);
  return { options: optionsFor(name, () => promise), resolve, reject };
}

export type ToolOptions = Parameters<typeof plainTool>[0];

/** Both ways to have a tool offloaded. */
export const WAYS = {
  offloadTools: (offload: ToolOffloadMiddleware, options: object) =>
    offloadTools([plainTool(options as ToolOptions)], { offload, scope }),
  offloadingTool: (offload: ToolOffloadMiddleware, options: object) => [
    offloadingTool(plainTool, { offload, scope })(options as ToolOptions),
  ],
};

/** Runs one turn; the agent, its session and what came of it. */
export async function turn(model: ScriptedModel, tools: Agent["tools"], more: Partial<Agent> = {}) {
  const session = new MemorySession();
  const agent = new Agent({ name: "Assistant", model, tools, ...more } as ConstructorParameters<
    typeof Agent
  >[0]);
  const outcome = await runner.run(agent, "Go.", { session }).then(
    ({ finalOutput }) => ({ finalOutput }),
    (error: unknown) => ({ error }),
  );
  return { agent, session, outcome, results: toolResults(await session.getItems()) };
}

/** What the calls were answered, by their id. */
export function toolResults(items: readonly AgentInputItem[]): Record<string, string> {
  const results = items.flatMap((item) =>
    item.type === "function_call_result" ? [[item.callId, (item.output as { text: string }).text]] : [],
  );
  return Object.fromEntries(results);
}

/** Tasks that have ended, as a delivery of theirs. */
export async function deliveryOf(tasks: BackgroundTaskManager, ids: string[]): Promise<Delivery> {
  const followUps = await Promise.all(
    ids.map(async (id) => {
      const [task] = await tasks.wait(scope, [id]);
      const result = await tasks.result(scope, id);
      if (!task || !result) throw new Error(`There is no task ${id}.`);
      return { id, task, result, attempt: 1 };
    }),
  );
  const messageFor: Delivery["messageFor"] = (some) => followUpMessage(some);
  const { signal } = new AbortController();
  const nothing = async () => true;
  return {
    scope,
    number: 1,
    by: "library",
    waiting: 0,
    signal,
    followUps,
    message: messageFor(followUps),
    messageFor,
    interrupts: async () => undefined,
    waitUntil: () => undefined,
    beforeEnd: () => undefined,
    acknowledge: nothing,
    giveBack: nothing,
    busy: () => undefined,
    gone: () => undefined,
    throwIfLost: () => undefined,
  };
}
