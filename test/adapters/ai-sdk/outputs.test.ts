import {
  asSchema,
  convertToModelMessages,
  jsonSchema,
  type ToolSet,
  tool,
  type UIMessage,
  validateUIMessages,
} from "ai";
import { isPlaceholder, offloadTools } from "tool-offload/adapters/ai-sdk";
import { describe, expect, test, vi } from "vitest";
import * as z from "zod";
import {
  asks,
  call,
  done,
  forever,
  gate,
  anything as inputSchema,
  makeOffload,
  patient,
  play,
  quick,
  scope,
  toolParts,
} from "./lab.ts";

describe("what the model is shown", () => {
  test("of a value is what the tool's own conversion makes of it, and of a placeholder its message", async () => {
    const toModelOutput = vi.fn(
      ({ output }: { output: number }) => ({ type: "text", value: `n=${output}` }) as const,
    );
    const { opened, open } = gate<void>();
    const { tasks, ...terms } = makeOffload();
    const execute = vi.fn(async () => 42).mockImplementationOnce(() => opened.then(() => 1));
    const tools = offloadTools({ count: tool({ inputSchema, execute, toModelOutput }) }, terms);
    const { shown } = await play(tools, [asks("count"), asks("count", "two"), done]);
    const [task] = (await tasks.list(scope)).tasks;
    const texts = shown[2]?.flatMap((message) => (message.role === "tool" ? [message.text] : []));
    expect(texts).toEqual([expect.stringContaining(`as task ${task?.id}`), "n=42"]);
    expect(toModelOutput).toHaveBeenCalledTimes(1);
    open();
    await tasks.close({ drainMs: 0 });
  });

  const odd: [string, unknown][] = [
    ["a text", "text"],
    ["undefined", undefined],
    ["null", null],
    ["a date", new Date(0)],
    ["undefined inside", { a: undefined, b: [undefined], c: Number.NaN }],
    ["its own toJSON", { toJSON: () => "json" }],
    ["a function", () => 1],
    ["what looks like a placeholder", { type: "tool-offload.task", taskId: 7 }],
  ];
  test.each(odd)("of %s is what it is unwrapped", async (_, value) => {
    for (const execute of [async () => value, () => value]) {
      const odd = tool({ inputSchema, execute });
      const bare = await play({ odd }, [asks("odd"), done]);
      const wrapped = await play(offloadTools({ odd }, patient()), [asks("odd"), done]);
      expect(wrapped.shown).toEqual(bare.shown);
      expect(wrapped.result.responseMessages).toEqual(bare.result.responseMessages);
      expect(wrapped.result.steps[0]?.toolResults).toEqual(bare.result.steps[0]?.toolResults);
    }
  });

  test("of a page's stored placeholder is its message too", async () => {
    const tools = offloadTools({ count: tool({ inputSchema, execute: forever }) }, quick());
    const output = await tools.count.execute({}, call);
    const part = {
      type: "tool-count",
      toolCallId: "one",
      state: "output-available",
      input: {},
      output,
    } as const;
    const stored = JSON.parse(JSON.stringify([{ id: "1", role: "assistant", parts: [part] }])) as UIMessage[];
    const [, result] = await convertToModelMessages(stored, { tools: tools as ToolSet });
    const message = isPlaceholder(output) && output.message;
    expect(result).toMatchObject({ content: [{ output: { type: "text", value: message } }] });
  });
});

describe("an output schema", () => {
  const schemas = {
    zod: z.object({ n: z.number() }),
    json: jsonSchema<{ n: number }>(
      { type: "object" },
      {
        validate: (value) =>
          typeof (value as { n?: unknown } | null)?.n === "number"
            ? { success: true, value: value as { n: number } }
            : { success: false, error: new Error("n is no number") },
      },
    ),
    lazy: () => asSchema(z.object({ n: z.number() })),
  };
  test.each(Object.entries(schemas))(
    "lets placeholders through, and nothing else: %s",
    async (_, outputSchema) => {
      const count = tool({ inputSchema, outputSchema, execute: forever });
      const tools = offloadTools({ count }, quick());
      const validated = (output: unknown) => {
        const part = { type: "tool-count", toolCallId: "one", state: "output-available", input: {}, output };
        const messages = [{ id: "1", role: "assistant", parts: [part] }];
        return validateUIMessages({ messages, tools: tools as never });
      };
      const placeholder = await tools.count.execute({}, call);
      await expect(validated(placeholder)).resolves.toHaveLength(1);
      await expect(validated({ n: 1 })).resolves.toHaveLength(1);
      await expect(validated({ n: "one" })).rejects.toThrow();
      expect(asSchema(tools.count.outputSchema as never).jsonSchema).toEqual(
        asSchema(outputSchema).jsonSchema,
      );
    },
  );
});

describe("a failure in time looks as it does unwrapped", () => {
  class OwnError extends Error {
    readonly code = 7;
  }
  const failures: Record<string, () => unknown> = {
    "an error of its own class": async () => Promise.reject(new OwnError("own", { cause: "why" })),
    "thrown at once": () => {
      throw new OwnError("at once");
    },
    "a text": async () => Promise.reject("just text"),
    null: () => Promise.reject(null),
    "a thenable that rejects": () => ({
      // biome-ignore lint/suspicious/noThenProperty: that is what it is about
      then: (_: unknown, reject: (error: unknown) => void) => reject(new OwnError("then")),
    }),
  };
  test.each(Object.entries(failures))("%s", async (_, execute) => {
    const count = tool({ inputSchema, execute: execute as () => Promise<string> });
    const bare = await toolParts({ count });
    expect(bare).toMatchObject([{ type: "tool-error" }]);
    const wrapped = await toolParts(offloadTools({ count }, patient()));
    expect(wrapped).toEqual(bare);
    expect(wrapped[0]?.error).toStrictEqual(bare[0]?.error);
  });
});
