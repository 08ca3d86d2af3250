import { setTimeout as sleep } from "node:timers/promises";
import { createTool, type ToolExecutionContext } from "@mastra/core/tools";
import { createStep, createWorkflow } from "@mastra/core/workflows";
import { ToolOffloadMiddleware } from "tool-offload";
import { offloadTools, type ToolContextLike, toolContext } from "tool-offload/adapters/mastra";
import { describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { calls, Stage, slowTool, text } from "./stage.ts";

const inputSchema = z.object({});
const description = "A tool.";

describe("whose the calls are", () => {
  test("the run's resource and thread", async () => {
    const { tool } = slowTool();
    const stage = new Stage({
      steps: [calls("slow"), text("Started.")],
      tools: ({ offload }) => offloadTools({ slow: tool }, { offload }),
    });
    await stage.agent.generate("Go.", stage.inThread);
    expect((await stage.tasks.list(stage.scope)).tasks).toHaveLength(1);
    expect((await stage.tasks.list({ userId: "ada", sessionId: "chat-2" })).tasks).toEqual([]);
  });

  test("what a function of the context says, and its metadata", async () => {
    const { tool } = slowTool();
    const given: ToolContextLike[] = [];
    const stage = new Stage({
      steps: [calls("slow"), text("Started.")],
      tools: ({ offload }) =>
        offloadTools(
          { slow: tool },
          {
            offload,
            scope: (context) => {
              given.push(context);
              return { userId: `user of ${context.agent?.resourceId}`, agentId: "support" };
            },
            metadata: ({ agent }) => ({ thread: agent?.threadId }),
          },
        ),
    });
    await stage.agent.generate("Go.", stage.inThread);
    const { tasks } = await stage.tasks.list({ userId: "user of ada" });
    expect(tasks).toMatchObject([
      { agentId: "support", metadata: { thread: stage.thread.threadId }, toolCallId: "one" },
    ]);
    expect(given[0]?.requestContext?.get("MastraMemory")).toMatchObject({ resourceId: "ada" });
  });

  test("nobody's: a run without memory tells the model so", async () => {
    const { tool, signals } = slowTool();
    const stage = new Stage({
      steps: [calls("slow"), text("It failed.")],
      tools: ({ offload }) => offloadTools({ slow: tool }, { offload }),
    });
    await stage.agent.generate("Go.");
    expect(JSON.stringify(stage.shown[1])).toContain(
      "scope.userId must be a non-empty string; got undefined. Run the agent with memory:",
    );
    expect(signals).toEqual([]);
  });
});

describe("the signal", () => {
  const outside = { agent: { toolCallId: "one", resourceId: "ada", threadId: "chat" } };

  function counted() {
    const made = vi.fn();
    class Counted extends AbortController {
      constructor() {
        super();
        made();
      }
    }
    vi.stubGlobal("AbortController", Counted);
    return made;
  }

  test.each([
    { name: "no look", look: () => undefined, times: 0 },
    { name: "a look", look: (context: ToolContextLike) => context.abortSignal, times: 1 },
    { name: "a spread", look: (context: ToolContextLike) => ({ ...context }), times: 1 },
  ])("$name at the context makes $times", async ({ look, times }) => {
    const { offload } = new Stage({});
    const tool = { execute: (_: unknown, context: ToolContextLike) => void look(context) };
    const { own } = offloadTools({ own: tool }, { offload });
    const made = counted();
    await own.execute({}, { ...outside });
    vi.unstubAllGlobals();
    expect(made).toHaveBeenCalledTimes(times);
  });

  test("is not the turn's, and aborts when the task is cancelled", async () => {
    const { tool, signals } = slowTool();
    const turn = new AbortController();
    const stage = new Stage({
      steps: [calls("slow"), text("Started.")],
      tools: ({ offload }) => offloadTools({ slow: tool }, { offload }),
    });
    await stage.agent.generate("Go.", { ...stage.inThread, abortSignal: turn.signal });
    turn.abort();
    expect(signals[0]?.aborted).toBe(false);
    await stage.tasks.cancel(stage.scope, (await stage.task())?.id ?? "");
    expect(signals[0]?.aborted).toBe(true);
  });
});

describe("what is left alone", () => {
  test("a tool that Mastra runs in the background is refused, by its name", () => {
    const { offload } = new Stage({});
    const build = createTool({ id: "b", description, background: { enabled: true }, execute: async () => 1 });
    expect(() => offloadTools({ build }, { offload })).toThrow(
      "tools.build is run in the background by Mastra",
    );
    const off = createTool({ id: "b", description, background: { enabled: false }, execute: async () => 1 });
    expect(offloadTools({ off }, { offload }).off).not.toBe(off);
  });

  test("a call that Mastra has put in the background, and one that no agent makes", async () => {
    const { offload } = new Stage({ middleware: { timeoutMs: 0 } });
    const slow = { execute: (..._given: unknown[]) => sleep(500, "the value") };
    const tools = offloadTools({ slow }, { offload });
    const agent = { toolCallId: "one", resourceId: "ada", threadId: "chat" };
    expect(await tools.slow.execute({}, { agent: { ...agent, isBackgroundTask: true } })).toBe("the value");
    expect(await tools.slow.execute({})).toBe("the value");
    expect(await tools.slow.execute({}, { agent })).toMatchObject({ type: "tool-offload.task" });
  });

  test("not a call of an agent that has an empty id, which is none", async () => {
    const { offload } = new Stage({ middleware: { timeoutMs: 0 } });
    const slow = { execute: (..._given: unknown[]) => sleep(500, "the value") };
    const tools = offloadTools({ slow }, { offload });
    const agent = { toolCallId: "", resourceId: "ada", threadId: "chat" };
    const [scope, whole] = [{ resourceId: "ada", threadId: "chat" }, { type: "tool-offload.task" }];
    expect(await tools.slow.execute({}, { agent })).toMatchObject(whole);
    expect(await tools.slow.execute({}, { agent: scope, toolCallId: "" })).toMatchObject(whole);
  });

  test("a step of a workflow", async () => {
    const { offload } = new Stage({ middleware: { timeoutMs: 0 } });
    const add = createTool({
      id: "add",
      description,
      inputSchema: z.object({ a: z.number() }),
      outputSchema: z.object({ sum: z.number() }),
      execute: ({ a }) => sleep(50, { sum: a + 1 }),
    });
    const tools = offloadTools({ add }, { offload });
    const workflow = createWorkflow({
      id: "sum",
      inputSchema: z.object({ a: z.number() }),
      outputSchema: z.object({ sum: z.number() }),
    })
      .then(createStep(tools.add))
      .commit();
    const run = await workflow.createRun();
    expect(await run.start({ inputData: { a: 1 } })).toMatchObject({ status: "success", result: { sum: 2 } });
  });

  test("the tools that were given, and tools without execute", async () => {
    const { offload } = new Stage({});
    const { tool: slow } = slowTool();
    const { execute } = slow;
    const client = createTool({ id: "client", description, inputSchema });
    const tools = offloadTools({ slow, client }, { offload });
    expect(slow.execute).toBe(execute);
    expect(tools.client).toBe(client);
    expect(tools.slow).toBeInstanceOf(slow.constructor);
  });
});

test("a tool of a class with private fields works in the agent's loop", async () => {
  class Counter {
    #from = 41;
    readonly id = "count";
    readonly #schema = inputSchema;
    get description() {
      return `Counts from ${this.#from}.`;
    }
    get inputSchema() {
      return this.#schema;
    }
    async execute() {
      this.#from += 1;
      return { from: this.#from };
    }
    toModelOutput({ from }: { from: number }) {
      return { type: "text", value: `${from} of ${this.#from}` };
    }
  }
  const stage = new Stage({
    steps: [calls("count"), text("Done.")],
    tools: ({ offload }) => offloadTools({ count: new Counter() as never }, { offload }),
  });
  await stage.agent.generate("Go.", stage.inThread);
  expect(stage.shown[1]).toContainEqual(expect.objectContaining({ role: "tool", text: "42 of 42" }));
});

test("a tool reports its progress and writes its output", async () => {
  let finish: (value: string) => void = () => undefined;
  const build = createTool({
    id: "build",
    description,
    inputSchema,
    execute: (_, context) => {
      toolContext(context)?.report({ value: 1, total: 2 });
      toolContext(context)?.write("compiling\n");
      return new Promise<string>((resolve) => {
        finish = resolve;
      }) as never;
    },
  });
  const stage = new Stage({
    steps: [calls("build"), text("Started.")],
    tools: ({ offload }) => offloadTools({ build }, { offload }),
  });
  await stage.agent.generate("Go.", stage.inThread);
  const task = await stage.task();
  expect(task?.progress).toEqual({ value: 1, total: 2 });
  const { events } = await stage.tasks.events(stage.scope, task?.id ?? "");
  expect(events).toContainEqual(expect.objectContaining({ type: "task.output", chunk: "compiling\n" }));
  finish("built");
  expect(toolContext({} as ToolExecutionContext)).toBe(undefined);
});

describe("odd options", () => {
  const { offload } = { offload: { run: ToolOffloadMiddleware.prototype.run } };

  test.each([
    { name: "no options", tools: {}, options: undefined, fault: /^options must be an object/ },
    { name: "no middleware", tools: {}, options: {}, fault: /^offload must be a ToolOffloadMiddleware/ },
    { name: "a misspelt one", tools: {}, options: { offload, scopes: 1 }, fault: /^scopes is not an option/ },
    {
      name: "an empty user",
      tools: {},
      options: { offload, scope: { userId: "" } },
      fault: /^scope.userId must be/,
    },
    {
      name: "a scope that is neither",
      tools: {},
      options: { offload, scope: 1 },
      fault: /^scope must be an object with a userId/,
    },
    { name: "no tools", tools: null, options: { offload }, fault: /^tools must be an object/ },
    { name: "a tool that is none", tools: { a: 1 }, options: { offload }, fault: /^tools.a must be a tool/ },
  ])("$name", ({ tools, options, fault }) => {
    expect(() => offloadTools(tools as never, options as never)).toThrow(fault);
  });
});
