import { type generateText, isStepCount, type ModelMessage, streamText, type ToolSet } from "ai";
import { BackgroundTaskManager, type MiddlewareOptions, ToolOffloadMiddleware } from "tool-offload";
import * as z from "zod";
import type { Message, ModelCall, Reply } from "../scenarios/framework.ts";
import { scriptedModel } from "./model.ts";
import { version7 } from "./versions.ts";

export const scope = { userId: "ada", sessionId: "chat-1" };
export const anything = z.object({ what: z.string().optional() });
/** What the framework gives a tool. */
export const call = { toolCallId: "one", messages: [], context: {} };

/** The model's last words. */
export const done = { text: "Done." };
/** A tool that never ends. */
export const forever = () => new Promise<{ n: number }>(() => undefined);

/** A middleware that waits 30 ms unless told otherwise, and its tasks. */
export function makeOffload(options: Partial<MiddlewareOptions> = {}) {
  const tasks = new BackgroundTaskManager();
  return { tasks, scope, offload: new ToolOffloadMiddleware({ tasks, timeoutMs: 30, ...options }) };
}

/** The same, where nobody asks for the tasks. */
export function quick(options: Partial<MiddlewareOptions> = {}) {
  const { offload } = makeOffload(options);
  return { offload, scope };
}

/** One that nothing here is too slow for. */
export function patient() {
  return quick({ timeoutMs: 10_000 });
}

/** A promise in the hands of a test. */
export function gate<T>() {
  let open!: (value: T) => void;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export function asks(
  toolName: string,
  id = "one",
  input: Record<string, unknown> = {},
): { calls: ModelCall[] } {
  return { calls: [{ id, toolName, input }] };
}

type Script = (Reply | ((shown: Message[]) => Reply))[];
type Terms = Partial<Parameters<typeof generateText<ToolSet>>[0]> & { messages?: ModelMessage[] };

/** Answers one after the other, and what the model that gives them was shown. */
function answering(script: Script) {
  const shown: Message[][] = [];
  const answer = (messages: Message[]) => {
    const next = script[shown.push(messages) - 1];
    if (next === undefined) throw new Error("The model is asked more often than the test says.");
    return typeof next === "function" ? next(messages) : next;
  };
  return { answer, shown };
}

/** A model of such answers. */
export function scripted(script: Script) {
  const { answer, shown } = answering(script);
  return { model: scriptedModel(answer), shown };
}

/** One turn of the framework's own loop. */
export async function play(tools: ToolSet, script: Script, terms: Terms = {}, version = version7) {
  const { ai, scriptedModel } = version;
  const { answer, shown } = answering(script);
  const messages = [{ role: "user", content: "Go." }];
  const settings = { stopWhen: ai.isStepCount(10), maxRetries: 0, messages, ...terms };
  const result = await ai.generateText({ ...settings, model: scriptedModel(answer), tools } as Parameters<
    typeof generateText<ToolSet>
  >[0]);
  return { result, shown };
}

/** What a stream says of its tool calls, without what differs from run to run. */
export async function toolParts(tools: ToolSet) {
  const { model } = scripted([asks("count"), done]);
  const result = streamText({
    model,
    tools,
    prompt: "Go.",
    stopWhen: isStepCount(3),
    onError: () => undefined,
  });
  const parts: { type: string; output?: unknown; preliminary?: boolean; error?: unknown }[] = [];
  for await (const part of result.stream) {
    if (part.type === "tool-result" || part.type === "tool-error") parts.push(part);
  }
  return parts;
}
