import { setTimeout as sleep } from "node:timers/promises";
import { tool } from "ai";
import { isPlaceholder, offloadTools } from "tool-offload/adapters/ai-sdk";
import { describe, expect, test, vi } from "vitest";
import { call, gate, anything as inputSchema, makeOffload, patient, scope, toolParts } from "./lab.ts";

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

  test.each([
    ["an async function", async () => streams["an async generator"]()],
    ["any other", () => Promise.resolve(streams["an async generator"]())],
  ])("is a value where it is promised, by %s, as it is unwrapped", async (_, execute) => {
    const count = tool({ inputSchema, execute: execute as () => Promise<object> });
    const wrapped = await toolParts(offloadTools({ count }, patient()));
    expect(wrapped).toEqual(await toolParts({ count }));
    expect(wrapped).toMatchObject([{ type: "tool-result" }]);
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
