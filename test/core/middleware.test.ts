import { describe, expect, expectTypeOf, test, vi } from "vitest";
import {
  BackgroundTaskManager,
  type MiddlewareOptions,
  type OffloadOutcome,
  ToolOffloadMiddleware,
} from "../../src/index.ts";
import {
  ADA,
  BOB,
  callOf,
  ended,
  gate,
  inFakeTime,
  isPending,
  offloaded,
  pass,
  read,
  sceneOf,
  scenesOn,
  soon,
  stubborn,
  TIMEOUT_MS,
} from "../support/scene.ts";
import { STORES } from "../support/stores.ts";

inFakeTime();

describe("options", () => {
  const bad: [options: object, option: string, shown: string][] = [
    [{ timeoutMs: "5" }, "timeoutMs", '"5"'],
    [{ timeoutMs: null }, "timeoutMs", "null"],
    [{ timeoutMs: {} }, "timeoutMs.timeoutMs", "undefined"],
    [{ timeoutMs: { timeoutMs: () => 1, observe: 5 } }, "timeoutMs.observe", "5"],
    [{ onTurnAbort: "stop" }, "onTurnAbort", '"stop"'],
    [{ placeholder: "text" }, "placeholder", '"text"'],
    [{ tools: 5 }, "tools", "5"],
    [{ tools: { search: 5 } }, "tools.search", "5"],
    [{ tools: { search: { timeoutMs: -1 } } }, "tools.search.timeoutMs", "-1"],
    [{ tools: { search: { mode: "sometimes" } } }, "tools.search.mode", '"sometimes"'],
    [{ tools: { search: { deadlineMs: Number.NaN } } }, "tools.search.deadlineMs", "NaN"],
    [{ tools: { search: { summarize: "x" } } }, "tools.search.summarize", '"x"'],
    [{ tools: { search: { followUp: "later" } } }, "tools.search.followUp", '"later"'],
    [{ tools: { search: { onDuplicate: "ignore" } } }, "tools.search.onDuplicate", '"ignore"'],
  ];

  test.each(bad)("%j is refused, naming %s and %s", (options, option, shown) => {
    const tasks = new BackgroundTaskManager();
    const build = () => new ToolOffloadMiddleware({ tasks, ...options });
    expect(build).toThrow(expect.objectContaining({ code: "invalid_option" }));
    expect(build).toThrow(option);
    expect(build).toThrow(shown);
  });

  test.each([undefined, null, {}, "tasks"])("tasks: %s is refused as invalid_option", (tasks) => {
    const options = { tasks } as unknown as MiddlewareOptions;
    expect(() => new ToolOffloadMiddleware(options)).toThrow(
      expect.objectContaining({ code: "invalid_option" }),
    );
  });

  test.each([
    [
      "a middleware",
      () => new ToolOffloadMiddleware({ tasks: new BackgroundTaskManager(), timeoutMS: 5 } as never),
      /timeoutMS is not an option/,
    ],
    [
      "a tool",
      () =>
        new ToolOffloadMiddleware({
          tasks: new BackgroundTaskManager(),
          tools: { x: { timeout: 5 } as never },
        }),
      /tools\.x\.timeout is not an option/,
    ],
  ])("a misspelt option of %s is refused", (_, create, message) => expect(create).toThrow(message));
});

test("types: run and wrap infer the value of the tool", () => {
  const { offload } = sceneOf();
  const either = (): string | Promise<string> => "text";
  const run = () => offload.run(callOf(), either);
  expectTypeOf(run).returns.resolves.toEqualTypeOf<OffloadOutcome<string>>();
  const nothing = () => offload.run(callOf(), () => undefined);
  expectTypeOf(nothing).returns.resolves.toEqualTypeOf<OffloadOutcome<undefined>>();
  const search = offload.wrap({
    name: "search",
    execute: async (input: { query: string }) => input.query.length,
  });
  expectTypeOf(search).parameter(0).toEqualTypeOf<{ query: string }>();
  expectTypeOf(search).returns.resolves.toEqualTypeOf<OffloadOutcome<number>>();
  const stream = () =>
    offload.stream(callOf(), async function* () {
      yield 1;
    });
  expectTypeOf(stream().outcome).resolves.toEqualTypeOf<OffloadOutcome<number>>();
  const folded = () =>
    offload.stream(
      callOf(),
      async function* () {
        yield 1;
      },
      { initial: "", reduce: (text, chunk) => `${text}${chunk}` },
    );
  expectTypeOf(folded().outcome).resolves.toEqualTypeOf<OffloadOutcome<string>>();
});

describe.each(STORES)("the middleware on $name", ({ makeStore }) => {
  const scene = scenesOn(makeStore);

  describe("modes", () => {
    test("auto races; a tool's own timeout goes before the middleware's", async () => {
      const { offload } = scene({ tools: { quick: { timeoutMs: 10 } } });
      const quick = offload.run(callOf({ toolName: "quick" }), stubborn);
      const other = offload.run(callOf(), stubborn);
      await pass(TIMEOUT_MS - 10);
      expect([await isPending(quick), await isPending(other)]).toEqual([false, true]);
    });

    test("always starts in the background, whatever the timeout", async () => {
      const { offload, tasks } = scene({ tools: { search: { mode: "always", timeoutMs: 60_000 } } });
      const { id, status } = await offloaded(offload.run(callOf(), async () => "done"));
      expect(status).toBe("queued");
      expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
    });

    test("rule 12: never waits however long, and beats background", async () => {
      const { offload } = scene({ tools: { search: { mode: "never", timeoutMs: 1 } } });
      const slow = gate();
      const outcomes = [
        offload.run(callOf(), () => slow.promise),
        offload.run(callOf({ background: true }), () => slow.promise),
      ];
      await pass(1_000_000);
      slow.resolve("done");
      for (const outcome of outcomes) expect(await outcome).toEqual({ status: "completed", value: "done" });
    });

    test("background: true starts in the background", async () => {
      const { offload, tasks } = scene();
      const seen = gate<string | null>();
      const outcome = offload.run(callOf({ background: true, metadata: { a: 1 } }), (_, { taskId }) => {
        seen.resolve(taskId);
        return "done";
      });
      const { id } = await offloaded(outcome);
      expect(await soon(seen.promise)).toBe(id);
      expect(await ended(tasks, id)).toMatchObject({ status: "completed", metadata: { a: 1 } });
    });

    test("rule 12: background: true and always are refused as overloaded above the queue limit", async () => {
      const limits = { runningPerUser: 1, queuedPerUser: 1 };
      const { offload } = sceneOf({ store: makeStore(), limits }, { tools: { slow: { mode: "always" } } });
      for (const input of [1, 2]) {
        await offloaded(offload.run(callOf({ background: true, input }), stubborn));
        await pass(10);
      }
      for (const call of [callOf({ background: true }), callOf({ toolName: "slow" })]) {
        await expect(soon(offload.run(call, stubborn))).rejects.toMatchObject({ code: "overloaded" });
      }
    });

    test("background: true in a busy exclusive session is refused as conflict", async () => {
      const { offload } = sceneOf({ store: makeStore(), exclusive: "session" });
      await offloaded(offload.run(callOf({ background: true }), stubborn));
      const outcome = offload.run(callOf({ background: true }), stubborn);
      await expect(soon(outcome)).rejects.toMatchObject({ code: "conflict" });
    });

    test("a tool may be called like a property that every object has", async () => {
      const { offload } = scene({ tools: { constructor: { mode: "always" as const } } });
      const others = await soon(offload.run(callOf({ toolName: "toString" }), async () => "done"));
      expect(others).toMatchObject({ status: "completed" });
      const own = await soon(offload.run(callOf({ toolName: "constructor" }), async () => "done"));
      expect(own).toMatchObject({ status: "offloaded" });
    });
  });

  describe("per-tool options", () => {
    test("summarize, followUp and deadlineMs", async () => {
      const summarize = (input: unknown) => `Searching for ${JSON.stringify(input)}`;
      const { offload } = scene({ tools: { search: { summarize, followUp: "silent", deadlineMs: 5_000 } } });
      const at = Date.now();
      expect(await offloaded(offload.run(callOf(), stubborn))).toMatchObject({
        summary: 'Searching for {"query":"cats"}',
        deadlineAt: at + 5_000,
      });
    });

    test("rule 12: run rejects with deadline_exceeded in the foreground, and the tool is told to stop", async () => {
      const { offload, tasks } = scene({ timeoutMs: 60_000, tools: { search: { deadlineMs: 300 } } });
      const aborted = vi.fn();
      const outcome = offload.run(callOf(), (_, { signal }) => {
        signal.addEventListener("abort", () => aborted(signal.reason));
        return stubborn();
      });
      outcome.catch(() => undefined);
      await pass(299);
      expect(await isPending(outcome)).toBe(true);
      await pass(1);
      await expect(outcome).rejects.toMatchObject({ code: "deadline_exceeded" });
      expect(aborted.mock.calls).toEqual([[expect.objectContaining({ code: "deadline_exceeded" })]]);
      expect((await soon(tasks.list(ADA))).tasks).toEqual([]);
    });
  });

  describe("wrap", () => {
    test("runs each call through the middleware, with its this", async () => {
      const { offload } = scene();
      class Search {
        name = "search";
        prefix = "found ";
        async execute(input: string) {
          return this.prefix + input;
        }
      }
      const search = offload.wrap(new Search());
      expect(await search("cats", { scope: ADA })).toEqual({ status: "completed", value: "found cats" });
    });

    test("one that says it can be started again is refused where the manager does not know it", () => {
      const { offload } = scene();
      const sync = { name: "sync", execute: stubborn, idempotent: true };
      const plain = { ...sync, idempotent: false };
      expect(() => offload.wrap(sync)).toThrow('tool "sync" is idempotent');
      expect(() => offload.wrap(plain)).not.toThrow();
      const tasks = new BackgroundTaskManager({ tools: { sync } });
      expect(() => new ToolOffloadMiddleware({ tasks }).wrap(sync)).not.toThrow();
    });

    test("a slow one is offloaded under its name", async () => {
      const { offload } = scene();
      const wait = offload.wrap({ name: "wait", execute: stubborn });
      expect(await offloaded(wait(5, { scope: ADA, toolCallId: "c1" }))).toMatchObject({
        toolName: "wait",
        toolCallId: "c1",
        summary: "wait(5)",
      });
    });
  });

  test("bad calls are refused as invalid_input, before the tool runs", async () => {
    const { offload } = scene();
    const tool = vi.fn(async () => "done");
    const bad = [
      { toolName: "" },
      { scope: { userId: "" } },
      { scope: undefined },
      { signal: {} },
      { metadata: [] },
      { toolCallId: 1 },
    ];
    for (const fields of bad) {
      const call = { ...callOf(), ...fields } as ReturnType<typeof callOf>;
      await expect(offload.run(call, tool)).rejects.toMatchObject({ code: "invalid_input" });
    }
    await expect(offload.run(undefined as unknown as ReturnType<typeof callOf>, tool)).rejects.toMatchObject({
      code: "invalid_input",
    });
    await expect(offload.run(callOf(), "tool" as unknown as typeof tool)).rejects.toMatchObject({
      code: "invalid_input",
    });
    expect(tool).not.toHaveBeenCalled();
  });

  test("the scope a call was made with is the one it is kept under", async () => {
    const { offload, tasks } = scene();
    const scope = { ...ADA };
    const outcome = offload.run(callOf({ scope }), stubborn);
    scope.userId = "bob";
    const { id } = await offloaded(outcome);
    expect(await read(tasks, id)).toMatchObject({ id });
    expect(await soon(tasks.get(BOB, id))).toBeUndefined();
  });
});
