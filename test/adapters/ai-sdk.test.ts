import { setTimeout as sleep } from "node:timers/promises";
import {
  asSchema,
  convertToModelMessages,
  dynamicTool,
  generateText,
  hasToolCall,
  isStepCount,
  jsonSchema,
  streamText,
  type ToolSet,
  tool,
  type UIMessage,
  validateUIMessages,
} from "ai";
import type { ToolContext } from "tool-offload";
import {
  isPlaceholder,
  offloadTools,
  type ToolOptionsLike,
  taskTools,
  toolContext,
  unlessOffloaded,
} from "tool-offload/adapters/ai-sdk";
import { describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { until } from "../support/until.ts";
import { aiSdk } from "./ai-sdk/driver.ts";
import {
  anything,
  asks,
  call,
  gate,
  makeOffload,
  patient,
  play,
  quick,
  scope,
  scripted,
} from "./ai-sdk/lab.ts";
import { VERSIONS } from "./ai-sdk/versions.ts";
import { describeFramework } from "./scenarios/describe.ts";

for (const version of VERSIONS) describeFramework(aiSdk(version));

const inputSchema = anything;
const done = { text: "Done." };
const forever = () => new Promise<{ n: number }>(() => undefined);

/** What a stream says of its tool calls, without what differs from run to run. */
async function toolParts(tools: ToolSet) {
  const { model } = scripted([asks("count"), done]);
  const result = streamText({
    model,
    tools,
    prompt: "Go.",
    stopWhen: isStepCount(3),
    onError: () => undefined,
  });
  const parts: { type: string; output?: unknown; preliminary?: boolean; error?: unknown }[] = [];
  for await (const part of result.stream) {
    if (part.type === "tool-result" || part.type === "tool-error") parts.push(part);
  }
  return parts;
}

describe("a tool that streams", () => {
  const streams = {
    "an async generator": async function* () {
      yield { n: 1 };
      yield { n: 2 };
    },
    "a function that answers an iterable": () =>
      (async function* () {
        yield { n: 1 };
        yield { n: 2 };
      })(),
    "an empty one": async function* () {},
    "one that fails after a chunk": async function* () {
      yield { n: 1 };
      throw new Error("It broke.");
    },
  };

  test.each(Object.entries(streams))("in time looks as it does unwrapped: %s", async (_, execute) => {
    const count = tool({ inputSchema, execute: execute as () => AsyncIterable<{ n: number }> });
    const wrapped = await toolParts(offloadTools({ count }, patient()));
    expect(wrapped).toEqual(await toolParts({ count }));
    expect(wrapped.length).toBeGreaterThan(0);
  });

  test("shows its preliminary results live until the hand-over, and then the placeholder", async () => {
    const { opened, open } = gate<void>();
    const { tasks, ...terms } = makeOffload();
    const count = tool({
      inputSchema,
      async *execute() {
        yield { n: 1 };
        await opened;
        yield { n: 2 };
      },
    });
    const parts = await toolParts(offloadTools({ count }, terms));
    const [task] = (await tasks.list(scope)).tasks;
    const placeholder = {
      type: "tool-offload.task",
      taskId: task?.id,
      toolName: "count",
      summary: task?.summary,
    };
    expect(parts).toMatchObject([
      { preliminary: true, output: { n: 1 } },
      { preliminary: true, output: placeholder },
      { output: placeholder },
    ]);
    expect(parts[2]).not.toHaveProperty("preliminary");
    open();
    await tasks.wait(scope, [task?.id ?? ""]);
    expect(await tasks.result(scope, task?.id ?? "")).toMatchObject({ status: "completed", value: { n: 2 } });
    await tasks.close({ drainMs: 0 });
  });

  test("is read on in the background from the first moment, where it starts there", async () => {
    const { tasks, ...terms } = makeOffload({ tools: { count: { mode: "always" } } });
    const count = tool({ inputSchema, execute: streams["an async generator"] });
    const output = await offloadTools({ count }, terms).count.execute({}, call);
    expect(isPlaceholder(output)).toBe(true);
    const [task] = (await tasks.list(scope)).tasks;
    await tasks.wait(scope, [task?.id ?? ""]);
    expect(await tasks.result(scope, task?.id ?? "")).toMatchObject({ value: { n: 2 } });
    await tasks.close({ drainMs: 0 });
  });

  test("is refused where it is promised, since the framework itself would not read it", async () => {
    const execute = async () => streams["an async generator"]();
    const { count } = offloadTools({ count: { execute } }, patient());
    await expect(count.execute({}, call)).rejects.toMatchObject({ code: "not_supported" });
  });

  test("joins an equal call, and gets its outcome", async () => {
    const { tasks, ...terms } = makeOffload({ timeoutMs: 5_000, tools: { count: { onDuplicate: "join" } } });
    const execute = vi.fn(async function* () {
      await sleep(20);
      yield { n: 1 };
    });
    const { count } = offloadTools({ count: tool({ inputSchema, execute }) }, terms);
    const first = all(count.execute({}, call) as AsyncIterable<unknown>);
    expect(await count.execute({}, { ...call, toolCallId: "two" })).toEqual({ n: 1 });
    expect(await first).toEqual([{ n: 1 }]);
    expect(execute).toHaveBeenCalledTimes(1);
    await tasks.close({ drainMs: 0 });
  });
});

async function all(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const chunks: unknown[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

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
    const own = {
      ...taskTools({ tasks, scope }),
      ...offloadTools({ count: tool({ inputSchema, execute }) }, terms),
    };
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

describe("what a tool is given", () => {
  /** Counts how often the signal is read. */
  function watched() {
    const { offload } = makeOffload({ timeoutMs: 5_000 });
    const reads = { count: 0 };
    const spied = (context: ToolContext): ToolContext => ({
      ...context,
      get signal() {
        reads.count += 1;
        return context.signal;
      },
    });
    const run: typeof offload.run = (call, execute) =>
      offload.run(call, (input, it) => execute(input, spied(it)));
    return { reads, offload: { run, stream: offload.stream.bind(offload) } };
  }

  test("a signal that is made when it is read, be it by spreading", async () => {
    const { reads, offload } = watched();
    const seen: unknown[] = [];
    const execute = {
      none: async (_: unknown, { toolCallId }: ToolOptionsLike) => toolCallId,
      read: async (_: unknown, { abortSignal }: ToolOptionsLike) => seen.push(abortSignal),
      spread: async (_: unknown, options: ToolOptionsLike) => seen.push({ ...options }.abortSignal),
    };
    const turn = new AbortController().signal;
    const before = { none: 0, read: 1, spread: 2 };
    for (const name of ["none", "read", "spread"] as const) {
      const { it } = offloadTools({ it: { execute: execute[name] } }, { offload, scope });
      await it.execute({}, { ...call, toolCallId: name, abortSignal: turn });
      expect(reads.count, name).toBe(before[name]);
    }
    for (const signal of seen) expect(signal).toBeInstanceOf(AbortSignal);
    expect(seen).not.toContain(turn);
  });

  test("all the rest of its options, and its input, as they were", async () => {
    const execute = vi.fn((_input: unknown, _options: ToolOptionsLike) => "value");
    const tools = offloadTools({ it: tool({ inputSchema, execute }) }, quick());
    await play(tools, [asks("it", "one", { what: "x" }), done], {
      toolsContext: { it: { key: 1 } },
    } as never);
    const [input, options] = execute.mock.calls[0] ?? [];
    expect(input).toEqual({ what: "x" });
    expect(options).toMatchObject({ toolCallId: "one", messages: [{ role: "user" }], context: { key: 1 } });
  });

  test("our context, by which it reports and writes", async () => {
    const { opened, open } = gate<string>();
    const { tasks, ...terms } = makeOffload();
    const execute = (_: unknown, options: ToolOptionsLike) => {
      toolContext({ ...options })?.report({ value: 1, total: 2 });
      toolContext(options)?.write("written");
      return opened;
    };
    const tools = offloadTools({ it: { inputSchema, execute } }, terms);
    const output = await tools.it.execute({}, call);
    const id = isPlaceholder(output) ? output.taskId : "";
    expect((await tasks.get(scope, id))?.progress).toEqual({ value: 1, total: 2 });
    open("result");
    await tasks.wait(scope, [id]);
    const { events } = await tasks.events(scope, id);
    // What it returns is its result alone, though it is a text as well.
    expect(events.flatMap((event) => (event.type === "task.output" ? [event.chunk] : []))).toEqual([
      "written",
    ]);
    expect(toolContext(call)).toBe(undefined);
    await tasks.close({ drainMs: 0 });
  });
});

describe("the turn", () => {
  test.each([
    ["async", async () => forever()],
    ["not async", () => forever()],
  ])("that is aborted in time puts a tool that does not listen on record: %s", async (_, execute) => {
    const { tasks, ...terms } = makeOffload({ timeoutMs: 5_000 });
    const { it } = offloadTools(
      { it: { execute: execute as (i: object, o: ToolOptionsLike) => Promise<object> } },
      terms,
    );
    const turn = new AbortController();
    const output = it.execute({}, { ...call, abortSignal: turn.signal });
    await sleep(5);
    turn.abort(new Error("The user has left."));
    await expect(output).rejects.toThrow("The user has left.");
    await until(async () => {
      expect((await tasks.list(scope)).tasks).toMatchObject([{ toolName: "it", cancel: { by: "turn" } }]);
    });
    await tasks.close({ drainMs: 0 });
  });

  test("that is aborted in the very moment leaves no rejection behind", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const { tasks, ...terms } = makeOffload({ timeoutMs: 5_000 });
    const turn = new AbortController();
    const execute = (_: object, { abortSignal }: ToolOptionsLike) =>
      new Promise((_, reject) => abortSignal?.addEventListener("abort", () => reject(abortSignal.reason)));
    const output = offloadTools({ it: { execute } }, terms).it.execute(
      {},
      { ...call, abortSignal: turn.signal },
    );
    turn.abort(new Error("At once."));
    await expect(output).rejects.toThrow("At once.");
    await sleep(20);
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    await tasks.close({ drainMs: 0 });
  });

  test("with a step's own timeout fails as a turn does, and its tasks go on", async () => {
    const { tasks, ...terms } = makeOffload({ timeoutMs: 0 });
    const { opened, open } = gate<string>();
    const tools = offloadTools({ it: tool({ inputSchema, execute: () => opened }) }, terms);
    const { model } = scripted([asks("it")]);
    const { doGenerate } = model;
    model.doGenerate = (options) =>
      options.prompt.length === 1
        ? doGenerate(options)
        : sleep(10_000, undefined as never, { signal: options.abortSignal });
    const turn = generateText({
      model,
      tools,
      prompt: "Go.",
      stopWhen: isStepCount(3),
      timeout: { stepMs: 1_000 },
    });
    await expect(turn).rejects.toThrow("aborted");
    open("late");
    const [task] = (await tasks.list(scope)).tasks;
    await tasks.wait(scope, [task?.id ?? ""]);
    expect(await tasks.result(scope, task?.id ?? "")).toMatchObject({ status: "completed", value: "late" });
    await tasks.close({ drainMs: 0 });
  });

  test("with a tool timeout longer than ours: it does not reach what is a task", async () => {
    const { tasks, ...terms } = makeOffload({ timeoutMs: 0 });
    const { opened, open } = gate<string>();
    let signal: AbortSignal | undefined;
    const execute = (_: unknown, options: ToolOptionsLike) => {
      signal = options.abortSignal;
      return opened;
    };
    const tools = offloadTools({ it: tool({ inputSchema, execute }) }, terms);
    await play(tools, [asks("it"), done], { timeout: { toolMs: 1_000 } });
    await sleep(1_100);
    expect(signal?.aborted).toBe(false);
    open("late");
    await tasks.close({ drainMs: 0 });
  });

  test("with a tool timeout shorter than ours: the call fails, and is no task", async () => {
    const { tasks, ...terms } = makeOffload({ timeoutMs: 10_000 });
    const execute = (_: unknown, { abortSignal }: ToolOptionsLike) =>
      sleep(10_000, "late", { signal: abortSignal });
    const tools = offloadTools({ it: tool({ inputSchema, execute }) }, terms);
    const { result } = await play(tools, [asks("it"), done], { timeout: { toolMs: 20 } });
    expect(result.steps[0]?.content).toMatchObject([
      {},
      { type: "tool-error", error: { name: "TimeoutError" } },
    ]);
    expect((await tasks.list(scope)).tasks).toEqual([]);
    await tasks.close({ drainMs: 0 });
  });

  test("stops at no placeholder, where its rule is told so", async () => {
    const answer = tool({ inputSchema, execute: forever });
    const tools = offloadTools({ answer }, quick());
    const script = () => [asks("answer"), done];
    const rule = hasToolCall<ToolSet>("answer");
    const stopped = await play(tools, script(), { stopWhen: rule });
    expect([stopped.result.steps.length, stopped.result.text]).toEqual([1, ""]);
    const guarded = await play(tools, script(), { stopWhen: [unlessOffloaded(rule), isStepCount(9)] });
    expect(guarded.result.text).toBe("Done.");
    const fast = offloadTools({ answer: tool({ inputSchema, execute: async () => 42 }) }, quick());
    const ended = await play(fast, script(), { stopWhen: unlessOffloaded(rule) });
    expect(ended.result.steps).toHaveLength(1);
  });
});

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

test("generateText takes the tools as they are typed", async () => {
  const { offload } = makeOffload();
  const count = tool({ inputSchema: z.object({ to: z.number() }), execute: async ({ to }) => to });
  const { model } = scripted([asks("count", "one", { to: 3 }), done]);
  const tools = offloadTools({ count }, { offload, scope });
  const { steps } = await generateText({ model, tools, prompt: "Go.", stopWhen: isStepCount(2) });
  const [result] = steps[0]?.toolResults ?? [];
  expect(result && !result.dynamic && !isPlaceholder(result.output) && result.output + 1).toBe(4);
});
