import { Agent, tool as plainTool, RunContext } from "@openai/agents";
import { functionCall } from "@openai/agents/testing";
import { TaskOffloadError, type ToolOffloadMiddleware } from "tool-offload";
import { offloadTools, toolContext } from "tool-offload/adapters/openai-agents";
import { describe, expect, test, vi } from "vitest";
import * as z from "zod";
import {
  open,
  optionsFor,
  runner,
  scope,
  scripted,
  slowTool,
  type ToolOptions,
  toolFor,
  turn,
  WAYS,
} from "./stage.ts";

describe.each(Object.entries(WAYS))("%s", (_name, toolsOf) => {
  test("takes the framework's own timeout off, which would end the tool", async () => {
    const { tasks, offload } = open();
    const slow = slowTool();
    const tools = toolsOf(offload, { ...slow.options, timeoutMs: 60 });
    const { outcome } = await turn(scripted([["one", "slow"]], "Started."), tools);
    expect(outcome).toEqual({ finalOutput: "Started." });
    await new Promise((resolve) => setTimeout(resolve, 100));
    slow.resolve("late");
    const [task] = (await tasks.list(scope)).tasks;
    await tasks.wait(scope, [task?.id ?? ""]);
    expect(await tasks.result(scope, task?.id ?? "")).toMatchObject({ status: "completed", value: "late" });
  });

  test("waits longer than the framework's own timeout where the middleware does", async () => {
    const { offload } = open({ timeoutMs: 1_000 });
    const wait = () => new Promise((resolve) => setTimeout(() => resolve("waited for"), 80));
    const tools = toolsOf(offload, { ...optionsFor("patient", wait), timeoutMs: 20 });
    const { results } = await turn(scripted([["one", "patient"]], "Done."), tools);
    expect(results).toEqual({ one: "waited for" });
  });

  test.each([
    ["as text", {}],
    ["in words of its own", { errorFunction: (_: unknown, error: unknown) => `Sorry: ${error}` }],
    ["as the run's error", { errorFunction: null }],
  ])("shows an error before the hand-over as it was: %s", async (_how, more) => {
    const { tasks, offload } = open();
    class OwnError extends TypeError {
      override readonly name = "OwnError";
      readonly code = 7;
    }
    const error = new OwnError("It is broken.", { cause: "a cable" });
    const options = { ...optionsFor("broken", () => Promise.reject(error)), ...more };
    const model = () => scripted([["one", "broken"]], "It failed.");
    const bare = await turn(model(), [plainTool(options as ToolOptions)]);
    const wrapped = await turn(model(), toolsOf(offload, options));
    expect(whole(wrapped.outcome)).toEqual(whole(bare.outcome));
    expect(await wrapped.session.getItems()).toEqual(await bare.session.getItems());
    expect((await tasks.list(scope)).tasks).toEqual([]);
  });

  test("shows a turn's abort as it was", async () => {
    const { offload } = open({ timeoutMs: 60_000 });
    const aborted = async (toolsFor: (options: object) => Agent["tools"]) => {
      const turnSignal = new AbortController();
      const execute = (_input: unknown, _context: unknown, details?: { signal?: AbortSignal }) =>
        new Promise((_resolve, reject) => {
          details?.signal?.addEventListener("abort", () => reject(details.signal?.reason));
          setTimeout(() => turnSignal.abort(new Error("The user has left.")), 10);
        });
      const tools = toolsFor({ ...optionsFor("slow", () => undefined), execute });
      const agent = new Agent({
        name: "Assistant",
        model: scripted([["one", "slow"]], "Never said."),
        tools,
      });
      return runner.run(agent, "Go.", { signal: turnSignal.signal }).catch((error: unknown) => ({ error }));
    };
    const bare = await aborted((options) => [plainTool(options as ToolOptions)]);
    expect(whole(await aborted((options) => toolsOf(offload, options)))).toEqual(whole(bare));
  });

  test("creates no AbortController for a tool that does not read its signal", async () => {
    const { offload } = open();
    const created = vi.spyOn(globalThis, "AbortController");
    const countOf = async (tools: Agent["tools"], name: string) => {
      created.mockClear();
      await turn(scripted([["one", name]], "Done."), tools);
      return created.mock.calls.length;
    };
    const fast = optionsFor("fast", () => "fast");
    const reading = (_input: unknown, _context: unknown, details?: object) => `${{ ...details }}`;
    const bare = await countOf([plainTool(fast)], "fast");
    expect(await countOf(toolsOf(offload, fast), "fast")).toBe(bare);
    // Spreading counts as reading.
    expect(await countOf(toolsOf(offload, { ...fast, execute: reading }), "fast")).toBe(bare + 1);
    created.mockRestore();
  });

  test("hands the framework's details on, with a signal that is the tool's own", async () => {
    const { offload } = open();
    const { signal } = new AbortController();
    let seen: { toolCall?: { callId: string }; signal?: AbortSignal } = {};
    const execute = (_input: unknown, _context: unknown, details?: typeof seen) => {
      seen = { ...details };
      return "ok";
    };
    const tools = toolsOf(offload, { ...optionsFor("fast", () => ""), execute });
    const agent = new Agent({ name: "Assistant", model: scripted([["one", "fast"]], "Done."), tools });
    await runner.run(agent, "Go.", { signal });
    expect(seen.toolCall?.callId).toBe("one");
    expect(seen.signal).toBeInstanceOf(AbortSignal);
    expect(seen.signal).not.toBe(signal);
  });

  test("lets a tool report its progress and write its output", async () => {
    const { tasks, offload } = open();
    const slow = slowTool();
    const execute = (_input: unknown, _context: unknown, details?: object) => {
      toolContext(details)?.report({ value: 1, total: 2 });
      toolContext(details)?.write("compiling\n");
      return slow.options.execute();
    };
    await turn(scripted([["one", "slow"]], "Started."), toolsOf(offload, { ...slow.options, execute }));
    const [task] = (await tasks.list(scope)).tasks;
    expect(task?.progress).toEqual({ value: 1, total: 2 });
    const { events } = await tasks.events(scope, task?.id ?? "");
    expect(events).toContainEqual(expect.objectContaining({ type: "task.output", chunk: "compiling\n" }));
    slow.resolve("done");
    expect(toolContext(undefined)).toBe(undefined);
  });

  test("asks for approval first, and offloads the call once it has it", async () => {
    const { tasks, offload } = open();
    const slow = slowTool();
    const tools = toolsOf(offload, { ...slow.options, needsApproval: true });
    const agent = new Agent({ name: "Assistant", model: scripted([["one", "slow"]], "Started."), tools });
    const asked = await runner.run(agent, "Go.");
    expect(asked.interruptions.map(({ name }) => name)).toEqual(["slow"]);
    expect((await tasks.list(scope)).tasks).toEqual([]);
    for (const interruption of asked.interruptions) asked.state.approve(interruption);
    expect((await runner.run(agent, asked.state)).finalOutput).toBe("Started.");
    expect((await tasks.list(scope)).tasks).toMatchObject([{ status: "running", toolName: "slow" }]);
    slow.resolve("done");
  });

  test("does not run a call that was not approved", async () => {
    const { tasks, offload } = open();
    const execute = vi.fn(() => "never");
    const tools = toolsOf(offload, { ...optionsFor("risky", execute), needsApproval: true });
    const agent = new Agent({ name: "Assistant", model: scripted([["one", "risky"]], "Fine."), tools });
    const asked = await runner.run(agent, "Go.");
    for (const interruption of asked.interruptions) asked.state.reject(interruption);
    expect((await runner.run(agent, asked.state)).finalOutput).toBe("Fine.");
    expect(execute).not.toHaveBeenCalled();
    expect((await tasks.list(scope)).tasks).toEqual([]);
  });

  test("tells the model what it can mend, in our own words", async () => {
    const { offload } = open({ tools: { slow: { onDuplicate: "reject" } } });
    const slow = slowTool();
    const tools = toolsOf(offload, slow.options);
    const twice = scripted(
      [
        ["one", "slow"],
        ["two", "slow"],
      ],
      "Once is enough.",
    );
    const { results, outcome } = await turn(twice, tools);
    expect(outcome).toEqual({ finalOutput: "Once is enough." });
    expect(results.two).toMatch(/still running/);
    slow.resolve("done");
  });

  test("takes an error of the tool's own for none of ours, even where it is one of the kind", async () => {
    const { offload } = open();
    const error = new TaskOffloadError("overloaded", "There is too much to do.");
    const options = { ...optionsFor("busy", () => Promise.reject(error)), errorFunction: null };
    const { outcome } = await turn(scripted([["one", "busy"]], "Never."), toolsOf(offload, options));
    expect(outcome).toMatchObject({ error: { error } });
  });

  test.each([
    ["an error", new Error("It is broken."), {}],
    ["an error, as the run's", new Error("It is broken."), { errorFunction: null }],
    ["an error of our kind", new TaskOffloadError("overloaded", "Too much."), {}],
    [
      "an error of our kind, as the run's",
      new TaskOffloadError("overloaded", "Too much."),
      { errorFunction: null },
    ],
  ])("answers a call that joins another as it would be without us: %s", async (_what, error, more) => {
    const { offload } = open({ timeoutMs: 5_000, tools: { broken: { onDuplicate: "join" } } });
    const execute = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw error;
    };
    const options = { ...optionsFor("broken", execute), ...more };
    const both = async ([broken]: Agent["tools"]) => {
      const call = (callId: string) =>
        (broken as ReturnType<typeof plainTool>).invoke(new RunContext(), "{}", {
          toolCall: functionCall("broken", {}, { callId }),
        });
      return Promise.allSettled([call("one"), call("two")]);
    };
    const bare = await both([plainTool(options as ToolOptions)]);
    expect(await both(toolsOf(offload, options))).toEqual(bare);
  });

  test("waits for a call that a program makes: it could do nothing with a placeholder", async () => {
    const { tasks, offload } = open();
    const wait = () => new Promise((resolve) => setTimeout(() => resolve("waited for"), 80));
    const [patient] = toolsOf(offload, optionsFor("patient", wait));
    const call = {
      ...functionCall("patient", {}, { callId: "one" }),
      caller: { type: "program", callerId: "p" },
    };
    const details = { toolCall: call } as Parameters<NonNullable<typeof patient>["invoke"]>[2];
    expect(await patient?.invoke(new RunContext(), "{}", details)).toBe("waited for");
    expect((await tasks.list(scope)).tasks).toEqual([]);
  });

  test.each([
    ["outputSchema", { outputSchema: z.object({ n: z.number() }) }],
    [
      "outputGuardrails",
      { outputGuardrails: [{ name: "g", run: async () => ({ behavior: { type: "allow" } }) }] },
    ],
  ])("refuses a tool with %s", (option, more) => {
    const { offload } = open();
    const options = { ...optionsFor("slow", () => "x"), ...more };
    expect(() => toolsOf(offload, options)).toThrow(new RegExp(`^"slow" must be a tool without.* ${option}`));
  });
});

test("what is none of the model's business fails the run, unless the tool's errorFunction makes a text of it", async () => {
  const { tasks, offload } = open();
  await tasks.close();
  const options = optionsFor("fast", () => "fast");
  const model = () => scripted([["one", "fast"]], "It failed.");
  const { outcome } = await turn(model(), WAYS.offloadTools(offload, options));
  expect(outcome).toMatchObject({ error: { message: expect.stringContaining("The manager is closed.") } });
  const ownText = { errorFunction: (_: unknown, error: unknown) => `Sorry: ${error}` };
  const { results } = await turn(model(), WAYS.offloadingTool(offload, { ...options, ...ownText }));
  expect(results.one).toEqual(expect.stringContaining("Sorry: TaskOffloadError: The manager is closed."));
});

test("an error after the hand-over is told of as failed where it can be known", async () => {
  const { tasks, offload } = open();
  const errorOf = async (tools: Agent["tools"], slow: ReturnType<typeof slowTool>) => {
    await turn(scripted([["one", "slow"]], "Started."), tools);
    slow.reject(new Error("The disk is full."));
    const [newest] = (await tasks.list(scope)).tasks;
    await tasks.wait(scope, [newest?.id ?? ""]);
    return tasks.result(scope, newest?.id ?? "");
  };
  const failed = (message: string) => ({ status: "failed", error: { code: "tool_error", message } });
  const ownText = { errorFunction: (_: unknown, error: unknown) => `Sorry: ${error}` };

  const made = slowTool();
  expect(await errorOf(WAYS.offloadingTool(offload, made.options), made)).toEqual(
    failed("The disk is full."),
  );
  const madeWithText = slowTool();
  const options = { ...madeWithText.options, ...ownText };
  expect(await errorOf(WAYS.offloadingTool(offload, options), madeWithText)).toEqual(
    failed("The disk is full."),
  );

  // Of a finished tool, the framework hides what was thrown.
  const plain = slowTool();
  const generic = "An error occurred while running the tool. Please try again.";
  expect(await errorOf(WAYS.offloadTools(offload, plain.options), plain)).toEqual(failed(generic));
  const loud = slowTool();
  const loudTools = WAYS.offloadTools(offload, { ...loud.options, errorFunction: null });
  expect(await errorOf(loudTools, loud)).toEqual(failed("The disk is full."));
  // Its own text cannot be told from a result.
  const worded = slowTool();
  const wordedTools = WAYS.offloadTools(offload, { ...worded.options, ...ownText });
  expect(await errorOf(wordedTools, worded)).toMatchObject({
    status: "completed",
    value: "Sorry: Error: The disk is full.",
  });
});

test("a generic error just as the placeholder would go out is a result, as it is without us", async () => {
  const generic = "An error occurred while running the tool. Please try again.";
  // What `run` does where a call ends in the very moment: the task is known, and the value goes out after all.
  const run = (async (_call: unknown, execute: (input: unknown, context: object) => unknown) => {
    await execute({}, { taskId: "t1" });
    return { status: "completed" };
  }) as unknown as ToolOffloadMiddleware["run"];
  const [broken] = offloadTools([toolFor("broken", () => Promise.reject(new Error("no")))], {
    offload: { run },
    scope,
  });
  expect(
    await broken?.invoke(new RunContext(), "{}", { toolCall: functionCall("broken", {}, { callId: "one" }) }),
  ).toBe(generic);
});

/** All that there is to an error, down its causes. */
function whole(outcome: unknown): unknown {
  const { error } = outcome as { error?: unknown };
  if (!(error instanceof Error)) return outcome;
  const { name, message, cause } = error;
  const own = Object.fromEntries(Object.entries(error).filter(([key]) => key !== "state" && key !== "error"));
  const inner = "error" in error ? whole({ error: error.error }) : undefined;
  return { type: error.constructor.name, name, message, own, inner, cause: whole({ error: cause }) };
}
