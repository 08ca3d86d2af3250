import type { LanguageModel } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { MockLanguageModelV3 } from "ai-6/test";
import { type Version, version6 } from "./versions.ts";

/**
 * What a provider sends: deltas of a text, then its finish. An error breaks the connection, `failure` is told as a
 * part, "wait" goes on until the request is aborted. An error in place of all: there is no stream.
 */
export type Parts = Error | (string | Error | { failure: Error } | { finish: "error" })[];

/** A model whose provider sends this. */
export function streamingModel(version: Version, parts: Parts): LanguageModel {
  const doStream = async ({ abortSignal }: { abortSignal?: AbortSignal }) => {
    if (parts instanceof Error) throw parts;
    return { stream: ReadableStream.from(chunksOf(parts, abortSignal)) as never };
  };
  return version === version6
    ? (new MockLanguageModelV3({ doStream }) as unknown as LanguageModel)
    : new MockLanguageModelV4({ doStream });
}

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 1, text: 1, reasoning: undefined },
};

async function* chunksOf(parts: Exclude<Parts, Error>, signal: AbortSignal | undefined) {
  yield { type: "stream-start", warnings: [] };
  if (typeof parts[0] === "string") yield { type: "text-start", id: "1" };
  let finish = "stop";
  for (const part of parts) {
    if (part instanceof Error) throw part;
    if (part === "wait") await aborted(signal);
    else if (typeof part === "string") yield { type: "text-delta", id: "1", delta: part };
    else {
      if ("failure" in part) yield { type: "error", error: part.failure };
      finish = "error";
    }
  }
  if (parts.length === 0) return;
  yield { type: "text-end", id: "1" };
  yield { type: "finish", finishReason: { unified: finish, raw: undefined }, usage };
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
