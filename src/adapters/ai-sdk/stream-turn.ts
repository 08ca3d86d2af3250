import { invalidOption } from "../../core/values/validate.ts";
import type { StreamEndLike, StreamResultLike } from "./like.ts";

/** The options of {@link streamTurn}: those of the framework's `toUIMessageStream`, and how the turn is kept. */
export type StreamTurnOptions<Result extends StreamResultLike, Message> = Omit<
  OptionsOf<Result>,
  "onEnd" | "onFinish" | "originalMessages" | "sendFinish"
> & {
  /** The conversation so far, in the page's form. */
  originalMessages?: Message[];
  /** Keeps the turn. Called once, with what the framework tells at the end of the stream, if the turn has completed. */
  write(end: EndOf<Result, Message>): unknown;
};

/** A turn that streams. */
export interface StreamedTurn<Stream> {
  /** For the page, which may leave, or never come. */
  readonly stream: Stream;
  /**
   * For `turn.waitUntil`: resolves once the turn has completed and is kept. Rejects with what the provider or `write`
   * has failed with, and with an `AbortError` if the turn was aborted.
   */
  readonly ended: Promise<void>;
}

/**
 * A turn of `streamText`, whose end the session can wait for. It goes on whoever reads its stream, or if nobody does.
 * (`consumeStream`, `text` and `finishReason` resolve, too, when the provider has told of its failure in the stream.)
 *
 * @param result of `streamText`, or of an agent's `stream`
 * @throws `invalid_option`, naming the option and its value
 * @example With a model
 * ```ts
 * import { createUIMessageStreamResponse, isStepCount, type ModelMessage, streamText, type ToolSet } from "ai";
 * import { streamTurn } from "tool-offload/adapters/ai-sdk";
 * import type { Turn } from "tool-offload/follow-up";
 *
 * declare const tools: ToolSet;
 * declare const chat: { messages: ModelMessage[]; append(messages: ModelMessage[]): Promise<void> };
 *
 * function answer(turn: Turn): Response {
 *   const result = streamText({
 *     model: "openai/gpt-5.2",
 *     tools,
 *     messages: chat.messages,
 *     stopWhen: isStepCount(20),
 *     abortSignal: turn.signal,
 *   });
 *   const { stream, ended } = streamTurn(result, {
 *     write: async () => chat.append(await result.responseMessages),
 *   });
 *   turn.waitUntil(ended);
 *   return createUIMessageStreamResponse({ stream });
 * }
 * ```
 */
export function streamTurn<Result extends StreamResultLike, Message extends MessageOf<Result>>(
  result: Result,
  options: StreamTurnOptions<Result, Message>,
): StreamedTurn<ReturnType<Result["toUIMessageStream"]>> {
  if (typeof result?.toUIMessageStream !== "function") {
    throw invalidOption("result", "a result of streamText", result);
  }
  const { write, ...rest } = options ?? {};
  if (typeof write !== "function") throw invalidOption("write", "a function", write);
  let fault: unknown = providerFailed();
  const atEnd = async (end: StreamEndLike & EndOf<Result, Message>) => {
    fault = faultIn(end);
    if (fault === undefined) await write(end);
  };
  // `ai` 6 knows it by its second name only, and 7 asks for the first.
  const source = result.toUIMessageStream({ ...rest, onEnd: atEnd, onFinish: atEnd } as never);
  const [stream, own] = source.tee();
  const ended = readToEnd(own).then(() => {
    if (fault !== undefined) throw fault;
  });
  // It may fail before the host has come to hand it on.
  ended.catch(() => undefined);
  return { stream: stream as ReturnType<Result["toUIMessageStream"]>, ended };
}

type OptionsOf<Result extends StreamResultLike> = NonNullable<Parameters<Result["toUIMessageStream"]>[0]>;

type EventOf<Result extends StreamResultLike> = Parameters<NonNullable<OptionsOf<Result>["onFinish"]>>[0];

type MessageOf<Result extends StreamResultLike> =
  EventOf<Result> extends { responseMessage: infer Message } ? Message : never;

type EndOf<Result extends StreamResultLike, Message> = Omit<
  EventOf<Result>,
  "messages" | "responseMessage"
> & { messages: Message[]; responseMessage: Message };

/** A reader that never leaves: a stream goes on as long as one of its branches is read. */
async function readToEnd(stream: ReadableStream<unknown>): Promise<void> {
  const reader = stream.getReader();
  while (!(await reader.read()).done);
}

/** Why the turn has not completed. */
function faultIn({ isAborted, outcome, finishReason }: StreamEndLike): unknown {
  if (isAborted) return new DOMException("The turn was aborted.", "AbortError");
  if (outcome?.status === "failed") return outcome.error ?? providerFailed();
  // If the failure came as a part of the stream, the framework's own outcome is that it has completed.
  return finishReason === undefined || finishReason === "error" ? providerFailed() : undefined;
}

function providerFailed(): Error {
  return new Error("The provider has failed; onError of streamText is told of it.");
}
