import { setTimeout as sleep } from "node:timers/promises";
import { generateText, hasToolCall, isStepCount, type ToolSet, tool } from "ai";
import { offloadTools, type ToolOptionsLike, unlessOffloaded } from "tool-offload/adapters/ai-sdk";
import { describe, expect, test, vi } from "vitest";
import { until } from "../../support/until.ts";
import {
  asks,
  call,
  done,
  forever,
  gate,
  anything as inputSchema,
  makeOffload,
  play,
  quick,
  scope,
  scripted,
} from "./lab.ts";

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
