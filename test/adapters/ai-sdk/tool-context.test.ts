import { tool } from "ai";
import type { ToolContext } from "tool-offload";
import { isPlaceholder, offloadTools, type ToolOptionsLike, toolContext } from "tool-offload/adapters/ai-sdk";
import { describe, expect, test, vi } from "vitest";
import { asks, call, done, gate, anything as inputSchema, makeOffload, play, quick, scope } from "./lab.ts";

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
