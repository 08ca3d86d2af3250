import { expect, test } from "vitest";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "../src/index.ts";
import { heapUsed } from "./support/heap.ts";
import { STORES } from "./support/stores.ts";

/** A restless store takes its time. */
const CALLS: Record<string, number> = { "the memory store": 200_000, "a restless store": 20_000 };
const BATCH = 500;
const ALLOWED_BYTES = 10 * 1024 * 1024;

test.each(STORES)(
  "many calls, half of them offloaded, leave nothing behind on $name but what retention keeps",
  async ({ name, makeStore }) => {
    const tasks = new BackgroundTaskManager({ store: makeStore(), storeTimeoutMs: 60_000 });
    const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 0 });
    const turn = countingSignal();
    await callMany(offload, turn.signal, 5_000);
    await settled(tasks);
    const before = heapUsed();
    await callMany(offload, turn.signal, CALLS[name] ?? 0);
    await settled(tasks);
    expect(heapUsed() - before).toBeLessThan(ALLOWED_BYTES);
    expect(turn.listeners()).toBe(0);
    await tasks.close();
  },
  120_000,
);

async function callMany(offload: ToolOffloadMiddleware, signal: AbortSignal, calls: number): Promise<void> {
  for (let done = 0; done < calls; done += BATCH) {
    const ends: (() => void)[] = [];
    const outcomes = Array.from({ length: BATCH }, (_, index) => {
      const call = { toolName: "tool", input: { index }, scope: { userId: `u${index % 50}` }, signal };
      if (index % 2 === 0) return offload.run(call, () => index);
      return offload.run(call, (_, context) => {
        context.write("some output");
        return new Promise<void>((resolve) => ends.push(resolve));
      });
    });
    const statuses = (await Promise.all(outcomes)).map(({ status }) => status);
    expect(statuses.filter((status) => status === "offloaded")).toHaveLength(BATCH / 2);
    for (const end of ends) end();
  }
}

async function settled(tasks: BackgroundTaskManager): Promise<void> {
  while ((await tasks.stats()).running > 0) await new Promise((resolve) => setImmediate(resolve));
}

/** A turn's signal that counts who listens to it. */
function countingSignal(): { signal: AbortSignal; listeners(): number } {
  const { signal } = new AbortController();
  let count = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    count += 1;
    addEventListener.apply(signal, given);
  };
  signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
    count -= 1;
    removeEventListener.apply(signal, given);
  };
  return { signal, listeners: () => count };
}
