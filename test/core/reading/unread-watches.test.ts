import { getEventListeners } from "node:events";
import { expect, test, vi } from "vitest";
import type { TaskHint } from "../../../src/core/model/store.ts";
import { BackgroundTaskManager, memoryStore, type TaskStore } from "../../../src/index.ts";
import { ADA, callOf, inFakeTime, pass, soon } from "../../support/scene.ts";

inFakeTime();

/** A store whose hints the test gives. */
function open() {
  let hint: (hint: TaskHint) => void = () => undefined;
  const watch = vi.fn<NonNullable<TaskStore["watch"]>>((listener) => {
    hint = listener;
    return () => undefined;
  });
  const inner = memoryStore();
  const events = vi.fn(inner.events.bind(inner));
  const tasks = new BackgroundTaskManager({ store: { ...inner, watch, events } });
  return { tasks, watch, events, hint: (given: TaskHint) => hint(given) };
}

function hintOf(id: string): TaskHint {
  return { id, userId: "ada", sessionId: "s1", firstSeq: 1, lastSeq: 1, status: "running", followUp: "none" };
}

test("a watch that nobody reads asks for no hints, and does not listen to its signal", async () => {
  const { tasks, watch } = open();
  const { signal } = new AbortController();
  const watches = Array.from({ length: 100 }, () => tasks.watch(ADA, { signal }));
  expect([watch.mock.calls.length, getEventListeners(signal, "abort").length]).toEqual([0, 0]);
  const iterator = watches[0]?.[Symbol.asyncIterator]();
  expect([watch.mock.calls.length, getEventListeners(signal, "abort").length]).toEqual([1, 1]);
  await iterator?.return?.();
  expect(getEventListeners(signal, "abort")).toEqual([]);
  await soon(tasks.close());
});

test("one that is read no more keeps the news of the newest tasks, and says that others are gone", async () => {
  const { tasks, events, hint } = open();
  const iterator = tasks.watch(ADA)[Symbol.asyncIterator]();
  const call = callOf();
  const { id } = await soon(tasks.start(call, async () => "done"));
  await pass(10);
  for (let task = 0; task < 30_000; task += 1) hint(hintOf(`task ${task}`));
  hint(hintOf(id));
  events.mockClear();
  const step = await soon(iterator.next());
  expect(step.value).toMatchObject({ task: { id }, event: { seq: 1 }, truncated: true });
  expect(events.mock.calls.length).toBeLessThanOrEqual(10_000);
  expect((await soon(iterator.next())).value).toMatchObject({ event: { seq: 2 }, truncated: false });
  await iterator.return?.();
  await soon(tasks.close());
});

test("news of others do not set back a reader who stands in the middle of a long log", async () => {
  const { tasks, hint } = open();
  const { id } = await soon(
    tasks.start(callOf(), async (_, { write }) => {
      for (let line = 0; line < 250; line += 1) {
        write(`${line}`);
        await new Promise((resolve) => setTimeout(resolve, 1_100));
      }
    }),
  );
  const iterator = tasks.watch(ADA, { from: { [id]: 0 } })[Symbol.asyncIterator]();
  await pass(300_000);
  const seqs: unknown[] = [];
  for (let count = 0; count < 200; count += 1) {
    const step = await soon(iterator.next());
    if (!step.done) seqs.push(step.value.event.seq);
    if (count === 50) for (let task = 0; task < 10_001; task += 1) hint(hintOf(`task ${task}`));
  }
  expect(seqs).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  await iterator.return?.();
  await soon(tasks.close());
});
