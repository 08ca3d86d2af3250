import { afterEach, expect, test, vi } from "vitest";
import type { TaskStore } from "../../src/core/model/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { makeTask } from "../../src/testing/make-task.ts";
import { restlessStore, seeded } from "./restless-store.ts";

const GUARD = { runningPerUser: null, runningPerSession: null, queuedPerUser: null, exclusive: false };
const ADA = { userId: "ada" };
const output = (chunk: string) => ({ at: 1, type: "task.output", chunk }) as const;

afterEach(() => void vi.useRealTimers());

async function withTask(store: TaskStore): Promise<string> {
  const { record } = makeTask();
  await store.insert({ record, events: [] }, GUARD, 1_000);
  return record.id;
}

test("calls made at once are executed and answered in any order", async () => {
  const store = restlessStore(memoryStore());
  const id = await withTask(store);
  const answered: number[] = [];
  const letters = [..."abcdefghijkl"];
  await Promise.all(
    letters.map((_, n) =>
      store.append({ ...ADA, id }, "process-1", [output(`${n}`)]).then(() => answered.push(n)),
    ),
  );
  const page = await store.events(ADA, id, { after: 0, limit: 99 });
  const executed = page?.events.map((event) => event.type === "task.output" && Number(event.chunk));
  const inOrder = letters.map((_, n) => n);
  expect(answered).not.toEqual(inOrder);
  expect(executed).not.toEqual(inOrder);
  expect(executed).not.toEqual(answered);
  expect([...answered].sort((one, other) => one - other)).toEqual(inOrder);
});

test("calls that are awaited one after another keep their order", async () => {
  const store = restlessStore(memoryStore(), { random: seeded(3) });
  const id = await withTask(store);
  for (let seq = 1; seq <= 20; seq += 1)
    expect(await store.append({ ...ADA, id }, "process-1", [output("x")])).toBe(seq);
});

test("no answer comes at once", async () => {
  const store = restlessStore(memoryStore());
  let isAnswered = false;
  const answer = store.get(ADA, "unknown").finally(() => {
    isAnswered = true;
  });
  expect(isAnswered).toBe(false);
  expect(await answer).toBeUndefined();
});

test("arguments arrive as frozen copies, and answers are copies", async () => {
  const answered = { records: [], more: false };
  const list = vi.fn<TaskStore["list"]>(async () => answered);
  const store = restlessStore({ ...memoryStore(), list });
  const scope = { userId: "ada", sessionId: undefined };
  const answer = await store.list(scope, { limit: 1, status: ["queued"] });
  const [arrivedScope, query] = list.mock.calls[0] ?? [];
  expect(Object.keys(arrivedScope ?? {})).toEqual(["userId"]);
  expect([Object.isFrozen(query), Object.isFrozen(query?.status), Object.isFrozen(scope)]).toEqual([
    true,
    true,
    false,
  ]);
  expect(answer).toEqual(answered);
  expect(answer).not.toBe(answered);
});

test("what JSON cannot carry is refused", async () => {
  const store = restlessStore(memoryStore());
  await expect(store.lapsed(Number.POSITIVE_INFINITY)).rejects.toThrow("Infinity");
});

test("an error comes late too", async () => {
  const store = restlessStore(memoryStore());
  await store.close();
  await expect(store.get(ADA, "id")).rejects.toThrow("The store is closed.");
});

test("hints travel as well, and end with the watching", async () => {
  const store = restlessStore(memoryStore());
  const hints: string[] = [];
  const stop = store.watch?.((hint) => void ("id" in hint && hints.push(hint.id)));
  const id = await withTask(store);
  await expect.poll(() => hints).toEqual([id]);
  await store.append({ ...ADA, id }, "process-1", [output("x")]);
  stop?.();
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(hints).toEqual([id]);
});

test("fake timers move it", async () => {
  vi.useFakeTimers();
  const store = restlessStore(memoryStore());
  const ids = Promise.all(Array.from({ length: 20 }, () => withTask(store)));
  await vi.advanceTimersByTimeAsync(5);
  expect(await ids).toHaveLength(20);
});

test("a delay of one's own takes the place of the built-in one", async () => {
  vi.useFakeTimers();
  const delay = vi.fn(async () => {});
  await restlessStore(memoryStore(), { delay }).get(ADA, "id");
  expect(delay).toHaveBeenCalledTimes(2);
});

test("the same seed gives the same numbers", () => {
  const [one, other] = [seeded(5), seeded(5)];
  const numbers = Array.from({ length: 100 }, one);
  expect(Array.from({ length: 100 }, other)).toEqual(numbers);
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
  expect(new Set(numbers).size).toBeGreaterThan(95);
});
