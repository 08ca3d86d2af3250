import type { StreamSource, ToolStream } from "../../core/calls/stream.ts";
import type { ToolCall, ToolContext, ToolExecuteFunction } from "../../core/model/call.ts";
import { isStream } from "../../core/values/iterables.ts";
import { metadataFor, scopeFor } from "../shared/options.ts";
import { outputOf } from "../shared/placeholder.ts";
import { CONTEXT, withSignal } from "../shared/tool-context.ts";
import type { ToolLike, ToolOptionsLike } from "./like.ts";
import { viewOf } from "./model-output.ts";
import type { OffloadToolsOptions } from "./options.ts";

/** Not async: what it answers for a tool that streams is an iterable, and no promise of one. */
export function executeOf(
  toolName: string,
  tool: ToolLike,
  { offload, scope, metadata }: OffloadToolsOptions,
) {
  const begin = (options: ToolOptionsLike) => (input: unknown, context: ToolContext) =>
    (tool.execute as ToolExecute)(input, ownOptions(options, context));
  const way = neverStreams(tool) ? answered : answeredOrStreamed;
  return (input: unknown, options: ToolOptionsLike): Answer => {
    const { toolCallId } = options;
    const call = {
      toolName,
      input,
      toolCallId,
      signal: options.abortSignal,
      scope: scopeFor(scope, options),
      metadata: metadataFor(metadata, options),
      view: viewOf(tool, { toolCallId, input }),
    };
    return way(offload, call, begin(options));
  };
}

type Answer = AsyncIterable<unknown> | Promise<unknown>;

type ToolExecute = (input: unknown, options: ToolOptionsLike) => unknown;

type Begin = ToolExecuteFunction<unknown, unknown>;

type Offload = OffloadToolsOptions["offload"];

/** Of other functions one can only know when they have answered. */
function neverStreams({ execute }: ToolLike): boolean {
  return Object.prototype.toString.call(execute) === "[object AsyncFunction]";
}

async function answered(offload: Offload, call: ToolCall, execute: Begin): Promise<unknown> {
  return outputOf(await offload.run(call, execute));
}

function answeredOrStreamed(offload: Offload, call: ToolCall, execute: Begin): Answer {
  let isStreaming = false;
  const begin: ToolExecuteFunction<unknown, StreamSource<unknown>> = (input, context) => {
    const answer = execute(input, context);
    isStreaming = isStream(answer);
    return isStreaming ? (answer as AsyncIterable<unknown>) : whole(answer);
  };
  const stream = offload.stream(call, begin, FOLD);
  return isStreaming ? live(stream) : atOnce(stream);
}

function ownOptions(options: ToolOptionsLike, context: ToolContext): ToolOptionsLike {
  return withSignal({ ...options, [CONTEXT]: context }, "abortSignal", context);
}

const DONE = { done: true, value: undefined } as const;

/** The answer of a tool that does not stream. In a box, since a text chunk would be the task's output too. */
class Whole {
  readonly answer: unknown;

  constructor(answer: unknown) {
    this.answer = answer;
  }
}

const FOLD = {
  initial: undefined as unknown,
  reduce: (_: unknown, chunk: unknown) => (chunk instanceof Whole ? chunk.answer : chunk),
};

function whole(answer: unknown): AsyncIterable<unknown> {
  const boxed = Promise.resolve(answer).then((value) => ({ done: false, value: new Whole(value) }));
  // A turn that is aborted at once never asks for it.
  boxed.catch(() => undefined);
  const results: (typeof boxed)[] = [boxed];
  return { [Symbol.asyncIterator]: () => ({ next: async () => results.pop() ?? DONE }) };
}

async function* live(stream: ToolStream<unknown, unknown>): AsyncGenerator<unknown> {
  yield* stream;
  const outcome = await stream.outcome;
  if (outcome.status === "offloaded") yield outputOf(outcome);
}

async function atOnce(stream: ToolStream<unknown, unknown>): Promise<unknown> {
  for await (const _ of stream);
  return outputOf(await stream.outcome);
}
