import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { MiddlewareError, ToolInvocationError, ToolMessage, type WrapToolCallHook } from "langchain";
import { isBranded } from "../../core/copies.ts";
import { TaskOffloadError } from "../../core/errors.ts";
import type { ToolContext } from "../../core/model/call.ts";
import { named } from "../../core/values/names.ts";
import { metadataFor } from "../shared/options.ts";
import { isForTheModel, isRefusal, noting } from "../shared/refusals.ts";
import { CONTEXT, toolContext as contextIn } from "../shared/tool-context.ts";
import { isKept } from "../shared/tool-set.ts";
import { viewOfBlocks } from "../shared/views.ts";
import { isBubbleUp, tooLate } from "./bubble-up.ts";
import type { RuntimeLike } from "./like.ts";
import type { OffloadOptions } from "./options.ts";
import { outside } from "./outside.ts";
import { scopeOf } from "./scope.ts";

/**
 * What the library gives a tool: `report` and `write` for its progress and its output, `taskId`, `scope`.
 *
 * @param config what the tool was given beside its input
 * @returns `undefined` where no {@link offloadMiddleware} runs the call
 * @example
 * ```ts
 * import { tool, type ToolRuntime } from "langchain";
 * import { toolContext } from "tool-offload/adapters/langchain";
 * import * as z from "zod";
 *
 * const count = tool(
 *   ({ to }, runtime: ToolRuntime) => {
 *     for (let value = 1; value <= to; value += 1) toolContext(runtime)?.report({ value, total: to });
 *     return "counted";
 *   },
 *   { name: "count", schema: z.object({ to: z.number() }) },
 * );
 * console.log(await count.invoke({ to: 3 })); // "counted"
 * ```
 */
export function toolContext(config: RuntimeLike): ToolContext | undefined {
  return contextIn(config.configurable ?? {});
}

/** Races each call of a tool; one that is slow answers a placeholder. */
export function offloadedCalls(options: OffloadOptions): WrapToolCallHook {
  return (request, handler) => {
    const { tool } = request;
    // A tool that is not known here is supplied further in, where its signal is out of reach.
    if (!isInvokable(tool) || isKept(tool)) return handler(request);
    return outside((inside) =>
      raced(options, request, tool, (own) => inside(() => handler({ ...request, tool: own }))),
    );
  };
}

type Request = Parameters<WrapToolCallHook>[0];

type ToolCall = Request["toolCall"];

type Output = Awaited<ReturnType<WrapToolCallHook>>;

type Content = ToolMessage["content"];

interface Invokable {
  invoke(input: unknown, config: Config): Promise<unknown>;
  returnDirect?: boolean;
}

interface Config {
  configurable?: object;
  config?: Config;
  signal?: AbortSignal;
}

async function raced<Tool extends Invokable>(
  { offload, scope, metadata }: OffloadOptions,
  { toolCall, runtime }: Request,
  tool: Tool,
  handle: (tool: Tool) => Output | Promise<Output>,
): Promise<Output> {
  let own: Output | undefined;
  const execute = (_: unknown, context: ToolContext) =>
    noting(context, async () => {
      own = await outputOf(() => handle(withOwnSignal(tool, context)), context);
      return keptOf(own, toolCall, context);
    });
  const call = {
    toolName: toolCall.name,
    input: toolCall.args,
    toolCallId: toolCall.id || undefined,
    signal: runtime.signal,
    scope: scopeOf(scope, runtime),
    metadata: metadataFor(metadata, runtime),
    view: viewOf,
  };
  try {
    const outcome = await offload.run(call, execute).catch(answerIn);
    if (outcome.status === "offloaded") return placeholder(outcome.message, toolCall, tool);
    return own ?? joined(outcome.value, toolCall);
  } catch (error) {
    throw asThrown(error, toolCall);
  }
}

async function outputOf(handle: () => Output | Promise<Output>, context: ToolContext): Promise<Output> {
  try {
    return await handle();
  } catch (error) {
    throw isBubbleUp(error) && context.taskId !== null ? tooLate(error) : error;
  }
}

function isInvokable(tool: object | undefined): tool is Invokable {
  return tool !== undefined && "invoke" in tool && typeof tool.invoke === "function";
}

/** The signal that the request carries reaches no tool: it goes by what `invoke` is given. */
function withOwnSignal<Tool extends Invokable>(tool: Tool, context: ToolContext): Tool {
  const invoke = (input: unknown, config: Config) => {
    const own = ownConfig(config, context);
    return AsyncLocalStorageProviderSingleton.runWithConfig(own, () => tool.invoke(input, own));
  };
  return Object.create(tool, { invoke: { value: invoke } });
}

function ownConfig(given: Config, context: ToolContext): Config {
  const { signal } = context;
  // An agent that runs within the tool would go by the outer run's signals, which lie in here as well.
  const configurable = {
    ...given.configurable,
    __pregel_abort_signals: undefined,
    [CONTEXT]: quiet(context),
  };
  return { ...given, signal, configurable, config: { ...given.config, signal, configurable } };
}

/** What it reports is heard outside of the run, as its end is. */
function quiet(context: ToolContext): ToolContext {
  const report: ToolContext["report"] = (progress) => outside(() => context.report(progress));
  const write: ToolContext["write"] = (chunk) => outside(() => context.write(chunk));
  return Object.create(context, { report: { value: report }, write: { value: write } });
}

function messageOf(content: Content, { id = "", name }: ToolCall): ToolMessage {
  return new ToolMessage({ content, tool_call_id: id, name });
}

/** A turn ends with the answer of a `returnDirect` tool, which LangChain knows by its name. */
function placeholder(message: string, toolCall: ToolCall, { returnDirect }: Invokable): ToolMessage {
  if (!returnDirect) return messageOf(message, toolCall);
  return new ToolMessage({ content: message, tool_call_id: toolCall.id ?? "" });
}

const ANSWER = Symbol.for("tool-offload.langchain.answer");
const FAILED_ANSWER = Symbol.for("tool-offload.langchain.failed-answer");

/** An output that is more than its content. Calls that join this one find it; where a store keeps it, it is its content. */
class Answer {
  readonly output: Output;
  readonly #content: Content;

  constructor(output: Output, content: Content) {
    this.output = output;
    this.#content = content;
  }

  get [ANSWER](): true {
    return true;
  }

  toJSON(): Content {
    return this.#content;
  }
}

/** Fails the task of a call, and brings its answer to those who still wait. */
class FailedAnswer extends Error {
  readonly answer: Answer;

  constructor(message: string, answer: Answer) {
    super(message);
    this.answer = answer;
  }

  get [FAILED_ANSWER](): true {
    return true;
  }
}

/** Here and there: a call may have joined one that another copy has made. */
function isAnswer(value: unknown): value is Answer {
  return isBranded(value, ANSWER);
}

function isFailedAnswer(error: unknown): error is FailedAnswer {
  return isBranded(error, FAILED_ANSWER);
}

/** What the task keeps of an output. Once there is one, what the turn would have acted on is a failure. */
function keptOf(output: Output, toolCall: ToolCall, { taskId }: ToolContext): Content | Answer {
  const content = contentOf(output, toolCall);
  if (ToolMessage.isInstance(output)) {
    if (output.status === "error") throw new FailedAnswer(output.text, new Answer(output, content));
    return taskId === null && hasMore(output) ? new Answer(output, content) : content;
  }
  if (taskId === null) return new Answer(output, content);
  const fault = `The tool${named(toolCall.name)} has ended, but answered a Command, which takes no effect after the hand-over.`;
  throw new FailedAnswer(`${fault} It says: ${JSON.stringify(content)}`, new Answer(output, content));
}

/** The model is shown a content of blocks block by block, and any other as it is. */
function viewOf(kept: unknown) {
  const content = isAnswer(kept) ? kept.toJSON() : kept;
  return Array.isArray(content) && content.length === 0 ? undefined : viewOfBlocks(content);
}

function contentOf(output: Output, { id }: ToolCall): Content {
  if (ToolMessage.isInstance(output)) return output.content;
  const { messages } = (output.update ?? {}) as { messages?: unknown };
  const own = [messages].flat().find((one) => ToolMessage.isInstance(one) && one.tool_call_id === id);
  return (own as ToolMessage | undefined)?.content ?? "";
}

function hasMore({ artifact, metadata, additional_kwargs, response_metadata }: ToolMessage): boolean {
  const more = { ...additional_kwargs, ...response_metadata, ...metadata };
  return artifact !== undefined || Object.keys(more).length > 0;
}

function answerIn(error: unknown): { status: "completed"; value: Answer } {
  if (isFailedAnswer(error)) return { status: "completed", value: error.answer };
  throw error;
}

/** A call that joined an equal one has a message of its own, which says the same. */
function joined(value: Content | Answer, toolCall: ToolCall): ToolMessage {
  const { id = "", name } = toolCall;
  if (!isAnswer(value)) {
    return new ToolMessage({ content: value, tool_call_id: id, name, status: "success" });
  }
  const { output } = value;
  if (!ToolMessage.isInstance(output)) {
    const fault = `The tool${named(name)} answered a Command, which takes effect for one call alone.`;
    throw new TaskOffloadError("duplicate", `${fault} This call equals one that was running already.`);
  }
  const { content, status, artifact, metadata, additional_kwargs, response_metadata } = output;
  const same = { content, artifact, additional_kwargs, response_metadata };
  return new ToolMessage({
    ...same,
    ...(status && { status }),
    ...(metadata && { metadata }),
    ...(output.name && { name: output.name }),
    tool_call_id: id,
  });
}

/**
 * Without a middleware around its tools LangChain tells the model of their errors, and with one it ends the
 * run: unless the error is of this class. Middleware that stands outside sees it thrown, as the cause of a
 * `MiddlewareError`: LangChain lets nothing through as it was but what the handler itself has thrown, and of
 * that it would end the run.
 */
function asThrown(error: unknown, toolCall: ToolCall): unknown {
  if (isBubbleUp(error) || MiddlewareError.isInstance(error) || ToolInvocationError.isInstance(error))
    return error;
  if (isRefusal(error)) return isForTheModel(error) ? telling(error, error.message, toolCall) : error;
  return telling(error, `${error}\n Please fix your mistakes.`, toolCall);
}

function telling(error: unknown, message: string, toolCall: ToolCall): ToolInvocationError {
  return Object.assign(new ToolInvocationError(error, toolCall), { message });
}
