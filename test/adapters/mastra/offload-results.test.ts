import { createTool } from "@mastra/core/tools";
import { isPlaceholder, offloadTools } from "tool-offload/adapters/mastra";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { gate } from "../../support/scene.ts";
import { calls, Stage, text } from "./stage.ts";

const inputSchema = z.object({});
const description = "A tool.";

describe("what the model is shown", () => {
  test("the placeholder alone, whatever the outputSchema and toModelOutput want", async () => {
    const { promise, resolve } = gate();
    const slow = createTool({
      id: "slow",
      description,
      inputSchema,
      outputSchema: z.object({ rows: z.array(z.string()) }),
      toModelOutput: ({ rows }) => ({ type: "text", value: rows.join(" and ") }),
      execute: async (_, { agent }) => {
        if (agent?.toolCallId === "one") await promise;
        return { rows: ["a", "b"] };
      },
    });
    const stage = new Stage({
      steps: [calls("slow"), calls("slow", {}, "two"), text("Done.")],
      tools: ({ offload }) => offloadTools({ slow }, { offload }),
    });
    const { toolResults } = (await stage.agent.generate("Go.", stage.inThread)).steps[0] ?? {};
    const task = await stage.task();
    const results = stage.shown[2]
      ?.filter(({ role }) => role === "tool")
      .map((message) => "text" in message && message.text);
    expect(results).toEqual([expect.stringMatching(`^The tool "slow" has not .*${task?.id}`), "a and b"]);
    expect(isPlaceholder(toolResults?.[0]?.payload.result)).toBe(true);
    resolve("done");
    await stage.tasks.wait(stage.scope, [task?.id ?? ""]);
    expect(await stage.tasks.result(stage.scope, task?.id ?? "")).toMatchObject({
      value: { rows: ["a", "b"] },
    });
  });

  test("a late result that breaks the outputSchema is told of as Mastra tells it", async () => {
    const { promise, resolve } = gate();
    const slow = createTool({
      id: "slow",
      description,
      inputSchema,
      outputSchema: z.object({ rows: z.array(z.string()) }),
      execute: () => promise as Promise<never>,
    });
    const stage = new Stage({
      steps: [calls("slow"), text("Started.")],
      tools: ({ offload }) => offloadTools({ slow }, { offload }),
    });
    await stage.agent.generate("Go.", stage.inThread);
    resolve("no rows");
    const { id = "" } = (await stage.task()) ?? {};
    await stage.tasks.wait(stage.scope, [id]);
    expect(await stage.tasks.result(stage.scope, id)).toMatchObject({
      value: { error: true, message: expect.stringContaining("output validation failed") },
    });
  });

  test("an input is parsed as often as without us", async () => {
    const parsed = { bare: 0, wrapped: 0 };
    const toolFor = (name: keyof typeof parsed) =>
      createTool({
        id: "count",
        description,
        inputSchema: z.object({
          to: z.string().transform((to) => {
            parsed[name] += 1;
            return Number(to);
          }),
        }),
        execute: async ({ to }) => to + 1,
      });
    // For a provider whose schemas it mends, Mastra parses but once.
    const steps = [calls("count", { to: "1" }), text("Done.")];
    const bare = new Stage({ provider: "openai", steps, tools: () => ({ count: toolFor("bare") }) });
    const own = { count: toolFor("wrapped") };
    const wrapped = new Stage({
      provider: "openai",
      steps,
      tools: ({ offload }) => offloadTools(own, { offload }),
    });
    await bare.agent.generate("Go.", bare.inThread);
    await wrapped.agent.generate("Go.", wrapped.inThread);
    expect(wrapped.shown).toEqual(bare.shown);
    expect(JSON.stringify(wrapped.shown[1])).toContain('"text":"2"');
    expect(parsed.wrapped).toBe(parsed.bare);
  });
});

describe("errors before the hand-over are the same, whole", () => {
  class OddError extends Error {
    override name = "OddError";
    code = "E_ODD";
  }

  test.each([
    {
      name: "an error with a cause",
      fail: () => Promise.reject(new OddError("Odd.", { cause: new Error("Why.") })),
    },
    {
      name: "a synchronous throw",
      fail: () => {
        throw new TypeError("At once.");
      },
    },
    { name: "no error at all", fail: () => Promise.reject("a text") },
    { name: "null", fail: () => Promise.reject(null) },
  ])("$name", async ({ fail }) => {
    const parts = async (isWrapped: boolean) => {
      const own = { odd: createTool({ id: "odd", description, inputSchema, execute: fail }) };
      const stage = new Stage({
        steps: [calls("odd"), text("Done.")],
        tools: ({ offload }) => (isWrapped ? offloadTools(own, { offload }) : own),
      });
      const output = await stage.agent.stream("Go.", stage.inThread);
      const errors = [];
      for await (const part of output.fullStream) if (part.type === "tool-error") errors.push(part.payload);
      return { errors, steps: stage.shown };
    };
    const wrapped = await parts(true);
    expect(wrapped).toEqual(await parts(false));
    expect(wrapped.errors).toHaveLength(1);
  });

  test("an input that the schema refuses", async () => {
    const shown = async (isWrapped: boolean) => {
      const own = {
        strict: createTool({
          id: "strict",
          description,
          inputSchema: z.object({ n: z.number() }),
          execute: async () => 1,
        }),
      };
      const stage = new Stage({
        steps: [calls("strict", { n: "no number" }), text("Done.")],
        tools: ({ offload }) => (isWrapped ? offloadTools(own, { offload }) : own),
      });
      await stage.agent.generate("Go.", stage.inThread);
      return stage.shown[1];
    };
    const wrapped = await shown(true);
    expect(wrapped).toEqual(await shown(false));
    expect(JSON.stringify(wrapped)).toContain("validation failed");
  });
});

describe("suspend", () => {
  function asking(asked: Promise<unknown>) {
    return createTool({
      id: "ask",
      description,
      inputSchema,
      suspendSchema: z.object({ question: z.string() }),
      execute: async (_, { agent }) => {
        await asked;
        await agent?.suspend?.({ question: "Really?" });
      },
    });
  }

  test("in the foreground it suspends the turn", async () => {
    const stage = new Stage({
      steps: [calls("ask")],
      tools: ({ offload }) => offloadTools({ ask: asking(Promise.resolve()) }, { offload }),
      middleware: { timeoutMs: 5_000 },
    });
    const output = await stage.agent.generate("Go.", stage.inThread);
    expect(output.finishReason).toBe("suspended");
    expect(await stage.task()).toBe(undefined);
  });

  test("after the hand-over it fails, and leaves the history alone", async () => {
    const { promise, resolve } = gate();
    const stage = new Stage({
      steps: [calls("ask"), text("Started.")],
      tools: ({ offload }) => offloadTools({ ask: asking(promise) }, { offload }),
    });
    await stage.agent.generate("Go.", stage.inThread);
    resolve("now");
    const { id = "" } = (await stage.task()) ?? {};
    const [task] = await stage.tasks.wait(stage.scope, [id]);
    expect(task).toMatchObject({
      status: "failed",
      error: { message: expect.stringContaining("no turn to suspend") },
    });
    expect(JSON.stringify(await stage.messages())).not.toContain("suspendedTools");
  });
});
