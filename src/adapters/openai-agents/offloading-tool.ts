import { refuseWrapped, wrapped } from "../../core/model/wrapped.ts";
import { checkFunction, invalidOption } from "../../core/values/validate.ts";
import { isFromProgram, raceCall } from "./call.ts";
import type { CallDetailsLike, FunctionToolLike, RunContextLike, ToolOptionsLike } from "./like.ts";
import { checkOutput, guarded } from "./offload-tools.ts";
import { type OffloadToolsOptions, offloadTerms } from "./options.ts";

/**
 * The framework's `tool` function, making tools that are offloaded. It does what {@link offloadTools} does to a
 * finished tool, but races the tool's `execute` alone, inside of what the framework puts around it. So an error
 * after the hand-over never meets the `errorFunction`: its task is `failed`, with the error's own message. And a
 * `needsApproval` function is given what the schema has made of the arguments, as ever.
 *
 * @param make `tool` of `@openai/agents`
 * @throws `invalid_option`, naming the option and its value; the function it gives, like `offloadTools`
 * @example
 * ```ts
 * import { tool as plainTool } from "@openai/agents";
 * import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
 * import { offloadingTool } from "tool-offload/adapters/openai-agents";
 * import * as z from "zod";
 *
 * const offload = new ToolOffloadMiddleware({ tasks: new BackgroundTaskManager() });
 * const tool = offloadingTool(plainTool, { offload, scope: { userId: "ada" } });
 * const build = tool({
 *   name: "build",
 *   description: "Builds a branch.",
 *   parameters: z.object({ branch: z.string() }),
 *   execute: async ({ branch }) => `built ${branch}`,
 * });
 * console.log(build.name); // "build"
 * ```
 */
export function offloadingTool<Make extends (options: never) => unknown, Context = unknown>(
  make: Make,
  options: OffloadToolsOptions<Context>,
): Make {
  checkFunction("make", make);
  refuseWrapped("make", make);
  const terms = offloadTerms(options);
  const makeAny = make as unknown as (options: ToolOptionsLike) => FunctionToolLike;
  return wrapped((toolOptions: ToolOptionsLike) => made(makeAny, toolOptions, terms)) as unknown as Make;
}

function made(
  make: (options: ToolOptionsLike) => FunctionToolLike,
  options: ToolOptionsLike,
  terms: OffloadToolsOptions,
): FunctionToolLike {
  if (typeof options !== "object" || options === null) throw invalidOption("options", "an object", options);
  checkFunction("execute", options.execute);
  refuseWrapped("options", options);
  const { timeoutMs: _, ...rest } = options;
  const execute = (
    input: unknown,
    runContext: RunContextLike = { context: undefined },
    details?: CallDetailsLike,
  ) =>
    isFromProgram(details)
      ? options.execute(input, runContext, details)
      : raceCall(terms, { toolName: tool.name, input, runContext, details }, (own) =>
          options.execute(input, runContext, own),
        );
  const tool = make({ ...rest, name: options.name ?? options.execute.name, execute });
  checkOutput(tool);
  return guarded(tool);
}
