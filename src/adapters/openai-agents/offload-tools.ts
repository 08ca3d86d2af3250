import { isBranded } from "../../core/copies.ts";
import { refuseWrapped, wrapped } from "../../core/model/wrapped.ts";
import { invalidOption } from "../../core/values/validate.ts";
import { isKept } from "../shared/tool-set.ts";
import { isFromProgram, raceCall } from "./call.ts";
import type { CallDetailsLike, FunctionToolLike, RunContextLike, ToolLike } from "./like.ts";
import { type OffloadToolsOptions, offloadTerms } from "./options.ts";
import { refuseStopRule } from "./stop-rules.ts";

/**
 * Lets an agent's tools be offloaded. Each function tool is raced: a fast call gives its value, a slow one a
 * placeholder, and goes on as a task. Everything else comes back as it is: hosted tools, computers, shells, and
 * the tools of `taskTools`.
 *
 * A tool's own `timeoutMs` is taken off, since it would end the tool and drop its result. The `signal` in its
 * `details` is its own: it outlives the turn, and reading it is what creates it. Errors look as they did: they
 * go through the tool's `errorFunction`. That is part of the tool, so an error after the hand-over is its text,
 * and the task is `completed`; the framework's generic text is recognized, and its task `failed`. For errors
 * that are told as they are, see {@link offloadingTool}.
 *
 * @throws `invalid_option`, naming the option and its value; for a tool that is wrapped already, with an `outputSchema`,
 * which no placeholder satisfies, or with `outputGuardrails`, which no late result would pass
 * @example
 * ```ts
 * import { Agent, run, tool } from "@openai/agents";
 * import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing";
 * import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
 * import { offloadTools } from "tool-offload/adapters/openai-agents";
 * import * as z from "zod";
 *
 * const tasks = new BackgroundTaskManager();
 * const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 5_000 });
 * const add = tool({
 *   name: "add",
 *   description: "Adds.",
 *   parameters: z.object({ a: z.number(), b: z.number() }),
 *   execute: ({ a, b }) => a + b,
 * });
 * const tools = offloadTools([add], {
 *   offload,
 *   scope: (context: { userId: string }) => ({ userId: context.userId }),
 * });
 *
 * const model = new ScriptedModel([
 *   [functionCall("add", { a: 1, b: 2 }, { callId: "call_1" })],
 *   [assistantMessage("It is 3.")],
 * ]);
 * const agent = new Agent<{ userId: string }>({ name: "Adder", model, tools });
 * const result = await run(agent, "What is 1 + 2?", { context: { userId: "ada" } });
 * console.log(result.finalOutput); // "It is 3."
 * await tasks.close();
 * ```
 */
export function offloadTools<Tool extends ToolLike, Context = unknown>(
  tools: readonly Tool[],
  options: OffloadToolsOptions<Context>,
): Tool[] {
  const terms = offloadTerms(options);
  if (!Array.isArray(tools)) throw invalidOption("tools", "an array of tools", tools);
  return tools.map((tool, index) => {
    if (typeof tool !== "object" || tool === null) throw invalidOption(`tools[${index}]`, "a tool", tool);
    refuseWrapped(`tools[${index}]`, tool);
    return isFunctionTool(tool) && !isKept(tool) ? offloaded(tool, terms) : tool;
  });
}

/** @throws `invalid_option` for a tool that promises something of its output that a placeholder breaks */
export function checkOutput({ name, outputSchema, outputGuardrails }: FunctionToolLike): void {
  if (outputSchema !== undefined) {
    throw invalidOption(`"${name}"`, "a tool without an outputSchema: a placeholder is text", outputSchema);
  }
  if (outputGuardrails !== undefined && outputGuardrails.length > 0) {
    const wanted = "a tool without outputGuardrails: a late result would pass them by";
    throw invalidOption(`"${name}"`, wanted, outputGuardrails);
  }
}

/** A stop rule would make an end of a placeholder; this is where a tool gets to see its agent. */
export function guarded<Tool extends FunctionToolLike>(tool: Tool): Tool {
  return wrapped({
    ...tool,
    async isEnabled(runContext, agent) {
      refuseStopRule(tool.name, agent);
      return tool.isEnabled(runContext, agent);
    },
  });
}

/** What a tool answers in place of an error that its `errorFunction` was not told to put into words. */
const GENERIC_ERROR = "An error occurred while running the tool. Please try again.";
const NO_OUTPUT =
  "The agent ended without an output. If one of its tools needs an approval: none can be asked for in the background.";

function offloaded<Tool extends FunctionToolLike>(tool: Tool, terms: OffloadToolsOptions): Tool {
  checkOutput(tool);
  const invoke = (runContext: RunContextLike, input: string, details?: CallDetailsLike) =>
    isFromProgram(details)
      ? tool.invoke(runContext, input, details)
      : invokeRaced(tool, terms, runContext, input, details);
  return { ...guarded(tool), timeoutMs: undefined, invoke };
}

async function invokeRaced(
  tool: FunctionToolLike,
  terms: OffloadToolsOptions,
  runContext: RunContextLike,
  input: string,
  details: CallDetailsLike | undefined,
): Promise<unknown> {
  const call = { toolName: tool.name, input: parsed(input), runContext, details };
  const execute = async (own: CallDetailsLike) => {
    const output = await tool.invoke(runContext, input, own);
    const failure = failureIn(tool, output);
    if (failure === undefined) return output;
    throw new HiddenFailure(failure, output);
  };
  return raceCall(terms, call, execute).catch((error) => {
    // In time, the framework hides it as it likes.
    if (isHiddenFailure(error)) return error.output;
    throw error;
  });
}

const HIDDEN_FAILURE = Symbol.for("tool-offload.openai-agents.hidden-failure");

/** Fails a task whose tool has answered `output`, and brings that to whoever waits: calls that joined it too. */
class HiddenFailure extends Error {
  readonly output: unknown;

  constructor(message: string, output: unknown) {
    super(message);
    this.output = output;
  }

  get [HIDDEN_FAILURE](): true {
    return true;
  }
}

/** A call may have joined one that another copy has made. */
function isHiddenFailure(error: unknown): error is HiddenFailure {
  return isBranded(error, HIDDEN_FAILURE);
}

/** What a tool's output says of a failure that the framework has hidden behind it. */
function failureIn(tool: object, output: unknown): string | undefined {
  if (output === GENERIC_ERROR) return GENERIC_ERROR;
  // Only an agent as a tool tells of what happens within it.
  return output === "" && "on" in tool ? NO_OUTPUT : undefined;
}

/** For the summary, which masks what is secret by its name, and to tell equal calls by. */
function parsed(input: string): unknown {
  try {
    return JSON.parse(input);
  } catch {
    return input;
  }
}

function isFunctionTool(tool: ToolLike): tool is FunctionToolLike {
  return tool.type === "function" && typeof (tool as FunctionToolLike).invoke === "function";
}
