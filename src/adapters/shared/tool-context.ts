import type { ToolContext } from "../../core/model/call.ts";

/** Under this key of what a framework gives a tool. */
export const CONTEXT = Symbol.for("tool-offload.context");

/**
 * What the library gives a tool: `report` and `write` for its progress and its output, `taskId`, `scope`.
 *
 * @param given what the tool's `execute` was given beside its input, or a copy of it: of OpenAI Agents, the `details`
 * @returns `undefined` where the tool runs without `offloadTools`
 * @example The AI SDK
 * ```ts
 * import { tool } from "ai";
 * import { toolContext } from "tool-offload/adapters/ai-sdk";
 * import * as z from "zod";
 *
 * export const count = tool({
 *   inputSchema: z.object({ to: z.number() }),
 *   async execute({ to }, options) {
 *     for (let value = 1; value <= to; value += 1) toolContext(options)?.report({ value, total: to });
 *     return to;
 *   },
 * });
 * ```
 * @example OpenAI Agents
 * ```ts
 * import { tool } from "@openai/agents";
 * import { toolContext } from "tool-offload/adapters/openai-agents";
 * import * as z from "zod";
 *
 * export const count = tool({
 *   name: "count",
 *   description: "Counts.",
 *   parameters: z.object({ to: z.number() }),
 *   async execute({ to }, _runContext, details) {
 *     for (let value = 1; value <= to; value += 1) toolContext(details)?.report({ value, total: to });
 *     return to;
 *   },
 * });
 * ```
 * @example Mastra
 * ```ts
 * import { toolContext } from "tool-offload/adapters/mastra";
 *
 * // The `execute` of a tool:
 * async function count({ to }: { to: number }, context: object) {
 *   for (let value = 1; value <= to; value += 1) toolContext(context)?.report({ value, total: to });
 *   return to;
 * }
 * console.log(await count({ to: 3 }, {})); // 3
 * ```
 */
export function toolContext(given: object | undefined): ToolContext | undefined {
  return (given as { [CONTEXT]?: ToolContext } | undefined)?.[CONTEXT];
}

/** The same object with the tool's own signal. Reading it is what creates it, so it is handed on as a getter. */
export function withSignal<Given extends object>(
  given: Given,
  name: "signal" | "abortSignal",
  context: ToolContext,
): Given {
  const get = () => context.signal;
  return Object.defineProperty(given, name, { get, enumerable: true, configurable: true });
}
