import { dynamicTool, generateText, isStepCount, tool } from "ai";
import { isPlaceholder, offloadTools, taskTools } from "tool-offload/adapters/ai-sdk";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import {
  asks,
  call,
  done,
  anything as inputSchema,
  makeOffload,
  play,
  quick,
  scope,
  scripted,
  toolParts,
} from "./lab.ts";

describe("tools that stay as they are", () => {
  const execute = async () => "value";
  const without = tool({ inputSchema });
  const provider = {
    type: "provider",
    id: "some.shell",
    isProviderExecuted: false,
    args: {},
    inputSchema,
    execute,
  };

  test("have no execute, or a kind of their own, or are ours", () => {
    const { tasks, ...terms } = makeOffload();
    const own = taskTools({ tasks, scope });
    const given = { without, provider, ...own, copy: { ...own.task_list } };
    const tools = offloadTools(given, terms);
    expect(Object.keys(tools)).toEqual(Object.keys(given));
    for (const [name, tool] of Object.entries(given))
      expect(tools[name as keyof typeof tools], name).toBe(tool);
  });

  test("dynamic tools, as MCP clients make them, do not", async () => {
    const { tasks, ...terms } = makeOffload({ timeoutMs: 0 });
    const dynamic = dynamicTool({ inputSchema, execute: () => new Promise(() => undefined) });
    const [part] = await toolParts(offloadTools({ count: dynamic }, terms));
    expect(part).toMatchObject({ type: "tool-result", dynamic: true });
    expect(isPlaceholder(part?.output)).toBe(true);
    expect((await tasks.list(scope)).tasks).toMatchObject([{ toolName: "count", status: "running" }]);
  });

  test("the tool that is given is not changed, and what it inherits is not lost", async () => {
    class Counter {
      readonly inputSchema = inputSchema;
      readonly from = 41;
      get description() {
        return "Counts.";
      }
      async execute() {
        return this.from + 1;
      }
    }
    const counter = Object.freeze(new Counter());
    const { count } = offloadTools({ count: counter }, quick());
    expect(count).not.toBe(counter);
    expect(count.description).toBe("Counts.");
    expect(await count.execute({}, call)).toBe(42);
  });

  test("a tool of a class with private fields works in the framework's loop as it does by itself", async () => {
    class Counter {
      #from = 41;
      readonly #schema = inputSchema;
      title = "Counter";
      get inputSchema() {
        return this.#schema;
      }
      get description() {
        return `Counts from ${this.#from}.`;
      }
      needsApproval() {
        return this.#from > 100;
      }
      onInputAvailable() {
        this.#from += 1;
        this.title = "Has counted";
      }
      execute() {
        return this.#from;
      }
    }
    const bare = await play({ count: new Counter() }, [asks("count"), { text: "Done." }]);
    const counter = new Counter();
    const tools = offloadTools({ count: counter }, quick());
    const wrapped = await play(tools, [asks("count"), { text: "Done." }]);
    expect(wrapped.shown).toEqual(bare.shown);
    const { count } = tools;
    expect(count).toBeInstanceOf(Counter);
    expect(count.constructor).toBe(Counter);
    expect([count.title, count.description]).toEqual(["Has counted", `Counts from ${counter.execute()}.`]);
    expect(count.needsApproval).toBe(count.needsApproval);
    expect({ ...count }).toMatchObject({ title: "Has counted", execute: count.execute });
    // What is set on the one stays with it.
    count.title = "Mine";
    expect([count.title, counter.title]).toEqual(["Mine", "Has counted"]);
  });

  test("a function of one's own keeps what it carries along, as a schema that is one", () => {
    const schema = Object.assign(() => inputSchema, { "~standard": { vendor: "it" } });
    class Odd {
      readonly inputSchema = schema;
      get description() {
        return "Odd.";
      }
      async execute() {}
    }
    expect(offloadTools({ odd: new Odd() }, quick()).odd.inputSchema).toBe(schema);
  });
});

test("generateText takes the tools as they are typed", async () => {
  const { offload } = makeOffload();
  const count = tool({ inputSchema: z.object({ to: z.number() }), execute: async ({ to }) => to });
  const { model } = scripted([asks("count", "one", { to: 3 }), done]);
  const tools = offloadTools({ count }, { offload, scope });
  const { steps } = await generateText({ model, tools, prompt: "Go.", stopWhen: isStepCount(2) });
  const [result] = steps[0]?.toolResults ?? [];
  expect(result && !result.dynamic && !isPlaceholder(result.output) && result.output + 1).toBe(4);
});
