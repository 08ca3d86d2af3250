import { createUIMessageStreamResponse } from "ai";
import { streamTurn } from "tool-offload/adapters/ai-sdk";
import { FollowUpDispatcher, type Turn } from "tool-offload/follow-up";
import { describe, expect, test, vi } from "vitest";
import { until } from "../../support/until.ts";
import { makeOffload, scope } from "./lab.ts";
import { type Parts, streamingModel } from "./streaming-model.ts";
import { VERSIONS, type Version } from "./versions.ts";

const hello: Parts = ["Hel", "lo"];
const failure = new Error("The provider is down.");

/** A turn of the framework on what a provider sends, and what was kept of it. */
function begin(version: Version, parts: Parts, terms: { signal?: AbortSignal; write?: () => unknown } = {}) {
  const kept: string[] = [];
  const result = version.ai.streamText({
    model: streamingModel(version, parts),
    prompt: "Go.",
    maxRetries: 0,
    onError: () => undefined,
    ...(terms.signal && { abortSignal: terms.signal }),
  });
  const write = async () => {
    await terms.write?.();
    kept.push(await result.text);
  };
  return { kept, ...streamTurn(result, { write }) };
}

describe.each(VERSIONS)("a turn that streams, $name", (version) => {
  test("has ended when it is kept, and its page has seen all of it", async () => {
    const { stream, ended, kept } = begin(version, hello);
    const page = await createUIMessageStreamResponse({ stream }).text();
    await ended;
    expect(kept).toEqual(["Hello"]);
    expect(page).toMatch(/"Hel".*"lo".*finish.*\[DONE\]/s);
  });

  test("goes on if nobody reads it", async () => {
    const { ended, kept } = begin(version, hello);
    await ended;
    expect(kept).toEqual(["Hello"]);
  });

  test("goes on if its reader leaves after one chunk", async () => {
    const { stream, ended, kept } = begin(version, hello);
    const reader = createUIMessageStreamResponse({ stream }).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await ended;
    expect(kept).toEqual(["Hello"]);
  });

  test.each<[string, Parts]>([
    ["before the first chunk, instead of a stream", failure],
    ["before the first chunk, in the stream", [failure]],
    ["in mid-stream", ["Hel", failure]],
  ])("fails with its provider: %s", async (_, parts) => {
    const { ended, kept } = begin(version, parts);
    await expect(ended).rejects.toBe(failure);
    expect(kept).toEqual([]);
  });

  test.each<[string, Parts]>([
    ["by a part of the stream", ["Hel", { failure }]],
    ["by its finish", ["Hel", { finish: "error" }]],
    ["by sending nothing", []],
  ])("fails with a provider that says so %s", async (_, parts) => {
    const { ended, kept } = begin(version, parts);
    await expect(ended).rejects.toThrow(/The provider has failed|No output generated/);
    expect(kept).toEqual([]);
  });

  test("fails with its write", async () => {
    const full = new Error("The disk is full.");
    const { ended, kept } = begin(version, hello, { write: () => Promise.reject(full) });
    await expect(ended).rejects.toBe(full);
    expect(kept).toEqual([]);
  });

  test("fails when it is aborted, and is not kept", async () => {
    const turn = new AbortController();
    const { stream, ended, kept } = begin(version, ["Hel", "wait"], { signal: turn.signal });
    const reader = stream.getReader();
    const read = async (type: string): Promise<void> => {
      const { value, done } = await reader.read();
      if (!done && (value as { type: string }).type !== type) await read(type);
    };
    await read("text-delta");
    turn.abort();
    await expect(ended).rejects.toMatchObject({ name: "AbortError" });
    await read("abort");
    expect(kept).toEqual([]);
  });

  test("leaves no rejection behind that nobody waits for", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const { stream, ended } = begin(version, failure);
    await createUIMessageStreamResponse({ stream }).text();
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    await expect(ended).rejects.toBe(failure);
  });

  test("hands on the framework's own options, and what it tells at the end", async () => {
    const result = version.ai.streamText({ model: streamingModel(version, hello), prompt: "Go." });
    const write = vi.fn();
    const { ended } = streamTurn(result, { write, generateMessageId: () => "message-1" });
    await ended;
    const responseMessage = { id: "message-1", role: "assistant", parts: expect.anything() };
    expect(write).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ responseMessage }));
  });
});

describe("a session", () => {
  test.each<[string, Parts, string]>([
    ["fails, and its late results come again", ["Hel", failure], "pending"],
    ["ends well, and its late results are told", hello, "delivered"],
  ])("waits for a turn that nobody reads, which %s", async (_, parts, status) => {
    const { tasks } = makeOffload();
    const [version] = VERSIONS as [Version];
    const takeTurn = (turn: Turn) => {
      expect(turn.message?.text).toContain("done");
      const { stream, ended } = begin(version, parts);
      turn.waitUntil(ended);
      return createUIMessageStreamResponse({ stream });
    };
    const errors: unknown[] = [];
    tasks.on("delivery.failed", ({ error }) => errors.push(error));
    const dispatcher = new FollowUpDispatcher({ tasks, deliver: takeTurn, coalesceMs: 0 }).start();
    const { id } = await tasks.start({ toolName: "it", input: {}, scope }, () => "done");
    await until(async () => {
      expect((await tasks.get(scope, id))?.followUp).toMatchObject({ status, attempts: 1 });
    });
    expect(errors).toEqual(status === "pending" ? [failure] : []);
    await dispatcher.stop();
    await tasks.close();
  });
});

test("what is no such result, or no write, is refused by name", () => {
  const result = {
    toUIMessageStream: (_?: { onFinish?: (end: { responseMessage: object }) => void }) =>
      new ReadableStream(),
  };
  expect(() => streamTurn({} as typeof result, { write: () => undefined })).toThrow(/^result must be/);
  expect(() => streamTurn(result, {} as never)).toThrow(/^write must be/);
});
