import { expect, test } from "vitest";
import { BackgroundTaskManager, memoryStore, ToolOffloadMiddleware } from "../../../src/index.ts";
import { faultyStore, rejects } from "../../support/faulty-store.ts";
import { ADA, callOf, stubborn } from "../../support/scene.ts";
import { TestClock } from "../../support/test-clock.ts";

test("what a tool has written survives a hand-over that ends at the deadline, between the abort and the next one", async () => {
  const passes: (() => void)[] = [];
  const clock = new TestClock((callback) => void passes.push(callback));
  const settle = async () => {
    for (let i = 0; i < 20; i += 1) {
      for (const pass of passes.splice(0)) pass();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const store = faultyStore(memoryStore({ clock }));
  store.next("insert", rejects);
  const tasks = new BackgroundTaskManager({ clock, store });
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 10, tools: { search: { deadlineMs: 100 } } });
  const turn = new AbortController();
  const outcome = offload.run(callOf({ signal: turn.signal }), (_, { write }) => {
    write("so far");
    return stubborn();
  });
  clock.advance(10);
  await settle();
  turn.abort();
  await expect(outcome).rejects.toBe(turn.signal.reason);
  clock.advance(90);
  await settle();
  const [task] = (await tasks.list(ADA)).tasks;
  const { events } = await tasks.events(ADA, task?.id ?? "");
  expect(events.map((event) => (event.type === "task.output" ? event.chunk : event.type))).toEqual([
    "task.started",
    "so far",
    "task.cancel_requested",
    "task.cancelled",
  ]);
});
