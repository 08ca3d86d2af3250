import { Command } from "@langchain/langgraph";
import { type AIMessage, MiddlewareError, ToolMessage, toolRetryMiddleware } from "langchain";
import { TaskOffloadError, type TaskOffloadErrorCode } from "tool-offload";
import { describe, expect, test } from "vitest";
import { asks, aTool, bareLab, lab, latch, says } from "./lab.ts";

const scope = { userId: "ada", sessionId: "t1" };

/** Two calls of one tool with the same input, in one step. */
function twice(...ids: [string, string]): AIMessage {
  const calls = asks();
  calls.tool_calls = ids.map((id) => ({ id, name: "work", args: { what: "same" } }));
  return calls;
}

describe("a call that joins another", () => {
  const joining = { middleware: { tools: { work: { onDuplicate: "join" } as const } } };
  const steps = () => [twice("one", "two"), says("Done.")];
  const soon = (answer: () => unknown) =>
    new Promise((resolve) => setTimeout(resolve, 20)).then(() => answer());
  const message = (fields: object) => () =>
    new ToolMessage({ content: "It is.", tool_call_id: "", ...fields });

  test.each([
    ["a text", () => "plain", {}],
    ["an object", () => ({ a: [1] }), {}],
    ["blocks", () => [{ type: "text", text: "one" }], {}],
    ["content and an artifact", () => ["short", { a: 1 }], { responseFormat: "content_and_artifact" }],
    ["a text, of a tool with metadata", () => "plain", { metadata: { of: "the tool" } }],
    ["an error", () => Promise.reject(new Error("It is broken.")), {}],
    ["an error of our kind", () => Promise.reject(new TaskOffloadError("overloaded", "Too much.")), {}],
  ])("is answered as it would be without us: %s", async (_, answer, fields) => {
    const tools = [aTool("work", () => soon(answer), fields as never)];
    const bare = bareLab({ tools, steps: steps() });
    const { tasks, say, rawOf } = lab({ tools, steps: steps(), ...joining });
    await Promise.all([say("t1"), bare.say("t1")]);
    expect(await rawOf("t1")).toEqual(await bare.rawOf("t1"));
    await tasks.close();
  });

  test.each([
    ["an error", { content: "It is broken.", status: "error" }],
    ["an artifact", { artifact: { pages: 12 } }],
    ["an error with an artifact", { status: "error", artifact: { pages: 12 }, metadata: { a: 1 } }],
    ["what a provider reads", { additional_kwargs: { cached: true }, response_metadata: { b: 2 } }],
  ])("gets a message like the other's, with its own id: %s", async (_, fields) => {
    const tools = [aTool("work", () => soon(message({ name: "work", ...fields, tool_call_id: "one" })))];
    const { tasks, say, messagesOf } = lab({ tools, steps: steps(), ...joining });
    await say("t1");
    const [first, second] = (await messagesOf("t1")).slice(2, 4) as ToolMessage[];
    expect(first).toMatchObject({ ...fields, tool_call_id: "one" });
    expect({ ...shown(second) }).toEqual({ ...shown(first), tool_call_id: "two" });
    expect(second?.id).not.toBe(first?.id);
    await tasks.close();
  });

  test("is told of an error once the other has become a task", async () => {
    const gate = latch();
    const waits = [0];
    const tools = [aTool("work", () => gate.promise.then(message({ status: "error", name: "work" })))];
    // By then the first call is a task.
    const joined = () => {
      setTimeout(() => gate.resolve(undefined), 100);
      return twice("two", "three");
    };
    const { tasks, say, messagesOf } = lab({
      tools,
      steps: [asks(["same", "work"]), joined, says("Done.")],
      // The first call goes over at once; those that join it wait.
      middleware: {
        timeoutMs: { timeoutMs: () => waits.pop() ?? 5_000 },
        tools: { work: { onDuplicate: "join" } },
      },
    });
    await say("t1");
    const answers = (await messagesOf("t1")).filter((one) => ToolMessage.isInstance(one));
    expect(answers.map(({ status, text }) => [status, text]).slice(1)).toEqual([
      ["error", "It is."],
      ["error", "It is."],
    ]);
    const [task] = (await tasks.list(scope)).tasks;
    expect(task).toMatchObject({ status: "failed", error: { code: "tool_error", message: "It is." } });
    await tasks.close();
  });

  test("cannot have a Command, which acts on the run once: it is told so", async () => {
    const command = () =>
      new Command({ update: { messages: [new ToolMessage({ content: "Noted.", tool_call_id: "one" })] } });
    const tools = [aTool("work", () => soon(command))];
    const { tasks, say, messagesOf } = lab({ tools, steps: steps(), ...joining });
    expect(await say("t1")).toBe("Done.");
    const answers = (await messagesOf("t1")).slice(2, 4) as ToolMessage[];
    expect(answers.map(({ tool_call_id, status, text }) => [tool_call_id, status, text])).toEqual(
      expect.arrayContaining([
        ["one", undefined, "Noted."],
        ["two", "error", expect.stringContaining("answered a Command")],
      ]),
    );
    await tasks.close();
  });
});

function shown(message: ToolMessage | undefined) {
  const { content, name, status, artifact, metadata, additional_kwargs, response_metadata, tool_call_id } =
    message as ToolMessage;
  return { content, name, status, artifact, metadata, additional_kwargs, response_metadata, tool_call_id };
}

describe("a call that the library refuses or ends", () => {
  const steps = () => [asks(["one", "work"]), says("Done.")];
  const refusing = (code: TaskOffloadErrorCode) => ({
    run: () => Promise.reject(new TaskOffloadError(code, `It is ${code}.`)),
  });

  test.each(["overloaded", "conflict", "duplicate", "deadline_exceeded"] as const)(
    "tells the model, in its own words: %s",
    async (code) => {
      const { tasks, say, messagesOf } = lab({
        tools: [aTool("work", () => "x")],
        steps: steps(),
        adapter: { offload: refusing(code) },
      });
      expect(await say("t1")).toBe("Done.");
      expect((await messagesOf("t1"))[2]).toMatchObject({ status: "error", text: `It is ${code}.` });
      await tasks.close();
    },
  );

  test.each([
    "closed",
    "invalid_option",
    "invalid_input",
    "store_failed",
    "missing_peer",
    "not_supported",
  ] as const)("ends the run where only the host can mend it: %s", async (code) => {
    const { tasks, say } = lab({
      tools: [aTool("work", () => "x")],
      steps: steps(),
      adapter: { offload: refusing(code) },
    });
    const error = await say("t1").catch((thrown) => thrown);
    expect(MiddlewareError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ message: `It is ${code}.`, cause: { code } });
    await tasks.close();
  });

  test("… before the call, or while the tool runs and throws the reason that it is given", async () => {
    const closedError = { cause: { code: "closed" } };
    const before = lab({ tools: [aTool("work", () => "x")], steps: steps() });
    await before.tasks.close();
    await expect(before.say("t1")).rejects.toMatchObject(closedError);
    const during = lab({
      tools: [
        aTool("work", (_, { signal }) => {
          setTimeout(() => during.tasks.close({ drainMs: 0 }), 20);
          return new Promise((_resolve, reject) =>
            signal.addEventListener("abort", () => reject(signal.reason)),
          );
        }),
      ],
      steps: steps(),
    });
    await expect(during.say("t1")).rejects.toMatchObject(closedError);
  });

  test("a tool's own error of that kind is told like any other of its errors", async () => {
    const error = new TaskOffloadError("closed", "The shop is closed.");
    const tools = [aTool("work", () => Promise.reject(error))];
    const bare = bareLab({ tools, steps: steps() });
    const { tasks, say, rawOf } = lab({ tools, steps: steps() });
    await Promise.all([say("t1"), bare.say("t1")]);
    expect(await rawOf("t1")).toEqual(await bare.rawOf("t1"));
    await tasks.close();
  });
});

describe("trying again by the kind of error", () => {
  class RateLimited extends Error {}
  const retrying = (retryOn: never) =>
    toolRetryMiddleware({ maxRetries: 3, initialDelayMs: 1, jitter: false, retryOn });
  const byCause = ({ cause }: { cause?: { toolError?: unknown } }) => cause?.toolError instanceof RateLimited;

  test.each([
    ["after", "by its class", [RateLimited], 3],
    ["before", "by its class, which is hidden there", [RateLimited], 1],
    ["before", "by what it was caused by", byCause, 3],
  ])("middleware listed %s ours goes %s", async (place, _, retryOn, expected) => {
    let tries = 0;
    const tools = [aTool("work", () => (++tries < 3 ? Promise.reject(new RateLimited("429")) : "at last"))];
    const { tasks, say } = lab({
      tools,
      steps: [asks(["one", "work"]), says("Done.")],
      [place]: [retrying(retryOn as never)],
    });
    await say("t1");
    expect(tries).toBe(expected);
    await tasks.close();
  });
});
