import { TaskOffloadError } from "../../core/errors.ts";
import { wrapped } from "../../core/model/wrapped.ts";
import { doubleOf, eachTool, isKept } from "../shared/tool-set.ts";
import { executeOf } from "./call.ts";
import type { ToolLike, ToolSetLike } from "./like.ts";
import { modelOutputOf } from "./model-output.ts";
import { type OffloadToolsOptions, offloadTerms } from "./options.ts";

/**
 * Runs the calls of these tools through the middleware. A fast call looks as it did. A slow one goes on as a
 * task, and its output is a {@link TaskPlaceholder}, of which the model reads the message.
 *
 * The `abortSignal` of a tool is its own from now on: it outlives the turn. After the hand-over `suspend` throws
 * `not_supported`, and what goes to `writer` reaches nobody. Tools without `execute` and those of `taskTools`
 * stay as they are; so do calls that no agent makes, as those of a workflow.
 *
 * @returns new tools by the same names; those given are not changed
 * @throws `invalid_option`, naming the option and its value, or a tool that is wrapped already; `not_supported` for a tool
 * whose `background.enabled` is set. A call rejects with what the tool threw, as ever, and with what `run` of the middleware throws
 * @example
 * ```ts
 * import { setTimeout as sleep } from "node:timers/promises";
 * import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
 * import { offloadTools, type ToolContextLike } from "tool-offload/adapters/mastra";
 *
 * const offload = new ToolOffloadMiddleware({ tasks: new BackgroundTaskManager(), timeoutMs: 50 });
 * // In an app: createTool({ id: "report", … })
 * const report = {
 *   id: "report",
 *   execute: ({ pages }: { pages: number }, { abortSignal }: ToolContextLike) =>
 *     sleep(1_000, `${pages} pages`, { signal: abortSignal }),
 * };
 * const tools = offloadTools({ report }, { offload });
 *
 * // An agent does this with what the model asks for:
 * const context = { agent: { toolCallId: "call_1", resourceId: "ada", threadId: "chat-7" } };
 * console.log(await tools.report.execute({ pages: 3 }, context)); // { type: 'tool-offload.task', …
 * ```
 */
export function offloadTools<T extends ToolSetLike>(tools: T, options: OffloadToolsOptions): T {
  const terms = offloadTerms(options);
  const wrapped = eachTool<ToolLike>(tools as Record<string, ToolLike>, (name, tool) =>
    isOffloadable(name, tool) ? offloaded(name, tool, terms) : tool,
  );
  return wrapped as T;
}

function isOffloadable(name: string, tool: ToolLike): boolean {
  if (tool.background?.enabled) {
    const remedy = "Take one of the two: remove `background` from the tool, or the tool from offloadTools.";
    const fault = `tools.${name} is run in the background by Mastra, before its time is known. ${remedy}`;
    throw new TaskOffloadError("not_supported", fault);
  }
  return typeof tool.execute === "function" && !isKept(tool);
}

function offloaded(name: string, tool: ToolLike, terms: OffloadToolsOptions): ToolLike {
  return doubleOf(tool, {
    execute: wrapped(executeOf(name, tool, terms)),
    toModelOutput: modelOutputOf(tool),
  });
}
