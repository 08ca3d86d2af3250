import type { TaskPlaceholder } from "../../core/model/placeholder.ts";
import { wrapped } from "../../core/model/wrapped.ts";
import { doubleOf, eachTool, isKept } from "../shared/tool-set.ts";
import { executeOf } from "./call.ts";
import type { ModelOutputOptions, ToolLike, ToolSetLike } from "./like.ts";
import { modelOutputOf } from "./model-output.ts";
import { type OffloadToolsOptions, offloadTerms } from "./options.ts";
import { withPlaceholder } from "./output-schema.ts";

/** The same tool. Where it may have an `execute`, its output may be a placeholder. */
export type OffloadedTool<T> = T extends { execute: (input: infer I, options: infer X) => infer R }
  ? Omit<T, "execute" | "toModelOutput"> & {
      execute: (input: I, options: X) => Widened<Settled<R> | TaskPlaceholder>;
      toModelOutput: (options: ModelOutputOptions) => ModelOutput<T>;
    }
  : T;

/** The same tools by the same names. */
export type OffloadedTools<T> = { [Name in keyof T]: OffloadedTool<T[Name]> };

/**
 * Runs the calls of these tools through the middleware. A fast call looks as it did. A slow one goes on as a
 * task, and its output is a {@link TaskPlaceholder}, of which the model reads the message. What a tool yields
 * before that comes through as preliminary results.
 *
 * The `abortSignal` of a tool is its own from now on: it outlives the turn. Tools without `execute`, provider
 * tools and those of `taskTools` stay as they are.
 *
 * @returns new tools; those given are not changed
 * @throws `invalid_option`, naming the option and its value, or a tool that is wrapped already. A call rejects with what
 * the tool threw, as ever, and with what `run` of the middleware throws
 * @example
 * ```ts
 * import { setTimeout as sleep } from "node:timers/promises";
 * import { tool } from "ai";
 * import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
 * import { offloadTools } from "tool-offload/adapters/ai-sdk";
 * import * as z from "zod";
 *
 * const offload = new ToolOffloadMiddleware({ tasks: new BackgroundTaskManager(), timeoutMs: 50 });
 * const report = tool({
 *   description: "Writes a report.",
 *   inputSchema: z.object({ pages: z.number() }),
 *   execute: ({ pages }, { abortSignal }) => sleep(1_000, `${pages} pages`, { signal: abortSignal }),
 * });
 * const tools = offloadTools({ report }, { offload, scope: { userId: "ada", sessionId: "chat-7" } });
 *
 * // generateText, streamText or an agent do this with what the model asks for:
 * const call = { toolCallId: "call_1", messages: [], context: {} };
 * console.log(await tools.report.execute({ pages: 3 }, call)); // { type: 'tool-offload.task', …
 * ```
 */
export function offloadTools<T extends ToolSetLike>(
  tools: T,
  options: OffloadToolsOptions,
): OffloadedTools<T> {
  const terms = offloadTerms(options);
  const wrapped = eachTool<ToolLike>(tools, (name, tool) =>
    isOffloadable(tool) ? offloaded(name, tool, terms) : tool,
  );
  return wrapped as OffloadedTools<T>;
}

/** A tool's output, whichever way it is handed over. */
type Settled<R> = R extends AsyncIterable<infer O> ? O : R extends PromiseLike<infer O> ? O : R;

type Widened<O> = AsyncIterable<O> | PromiseLike<O> | O;

type ModelOutput<T> = T extends { toModelOutput?: infer F }
  ? NonNullable<F> extends (options: never) => infer R
    ? R
    : never
  : never;

function isOffloadable(tool: ToolLike): boolean {
  return typeof tool.execute === "function" && tool.type !== "provider" && !isKept(tool);
}

function offloaded(name: string, tool: ToolLike, terms: OffloadToolsOptions): ToolLike {
  const { outputSchema } = tool;
  return doubleOf(tool, {
    execute: wrapped(executeOf(name, tool, terms)),
    toModelOutput: modelOutputOf(tool),
    ...(outputSchema !== undefined && { outputSchema: withPlaceholder(outputSchema) }),
  });
}
