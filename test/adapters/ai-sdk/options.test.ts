import { tool } from "ai";
import { offloadTools, type ToolOptionsLike, unlessOffloaded } from "tool-offload/adapters/ai-sdk";
import { describe, expect, test, vi } from "vitest";
import { asks, call, done, anything as inputSchema, makeOffload, play, scope } from "./lab.ts";

describe("whose calls they are", () => {
  test("a function may tell from what the framework gives, and what is the host's own comes along", async () => {
    const { tasks, offload } = makeOffload({ tools: { it: { mode: "always" } } });
    const it = { inputSchema, execute: (_: unknown, __: ToolOptionsLike) => "value" };
    const tools = offloadTools(
      { it },
      {
        offload,
        scope: ({ context }) => ({ userId: "eve", sessionId: (context as { chat: string }).chat }),
        metadata: ({ toolCallId }) => ({ for: toolCallId }),
      },
    );
    await tools.it.execute({}, { ...call, context: { chat: "chat-9" } });
    const [task] = (await tasks.list({ userId: "eve", sessionId: "chat-9" })).tasks;
    expect(task?.metadata).toEqual({ for: "one" });
    await tasks.close({ drainMs: 0 });
  });

  test.each([
    [undefined, "scope must be an object with a userId; got undefined."],
    [{ userId: "" }, 'scope.userId must be a non-empty string; got "".'],
    [Promise.resolve(scope), "scope.userId must be a non-empty string; got undefined."],
  ])("a function that answers %o fails the call, which the model is told", async (answer, message) => {
    const { offload } = makeOffload();
    const execute = vi.fn(() => "value");
    const tools = offloadTools(
      { it: tool({ inputSchema, execute }) },
      { offload, scope: () => answer as never },
    );
    const { shown } = await play(tools, [asks("it"), done]);
    expect(shown[1]?.at(-1)).toMatchObject({ role: "tool", text: `TaskOffloadError: ${message}` });
    expect(execute).not.toHaveBeenCalled();
  });
});

describe("odd options", () => {
  const { offload, tasks } = makeOffload();
  const wrong: [string, () => unknown, string][] = [
    ["none", () => offloadTools({}, undefined as never), "options must be an object; got undefined."],
    [
      "no tools",
      () => offloadTools(null as never, { offload, scope }),
      "tools must be an object of tools by their names; got null.",
    ],
    [
      "a tool that is none",
      () => offloadTools({ count: 7 } as never, { offload, scope }),
      "tools.count must be a tool; got 7.",
    ],
    [
      "the manager",
      () => offloadTools({}, { offload: tasks as never, scope }),
      "offload must be a ToolOffloadMiddleware; got an object.",
    ],
    [
      "a scope without a user",
      () => offloadTools({}, { offload, scope: {} as never }),
      "scope.userId must be a non-empty string; got undefined.",
    ],
    [
      "metadata",
      () => offloadTools({}, { offload, scope, metadata: 7 as never }),
      "metadata must be an object or a function; got 7.",
    ],
    [
      "a misspelt one",
      () => offloadTools({}, { offload, scope, timeoutMs: 5 } as never),
      "timeoutMs is not an option; there are offload, scope, metadata.",
    ],
    ["a rule", () => unlessOffloaded(5 as never), "rules[0] must be a function; got 5."],
  ];
  test.each(wrong)("%s", (_, make, message) => {
    expect(make).toThrow(expect.objectContaining({ code: "invalid_option", message }));
  });
});
