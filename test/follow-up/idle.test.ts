import { afterEach, expect, test, vi } from "vitest";
import { FollowUpDispatcher, FollowUpInbox } from "../../src/follow-up/index.ts";
import { BackgroundTaskManager, type TaskStore } from "../../src/index.ts";
import { sharedMemoryStore } from "../support/stores.ts";

const SECONDS = 600;

afterEach(() => {
  vi.useRealTimers();
});

/** A store that says which of its methods are called. */
function counted(store: TaskStore): { store: TaskStore; calls: string[] } {
  const calls: string[] = [];
  const get = (target: TaskStore, name: keyof TaskStore) => {
    const method = target[name];
    if (typeof method !== "function" || name === "watch") return method;
    return (...args: unknown[]) => {
      calls.push(name);
      return Reflect.apply(method, target, args);
    };
  };
  return { store: new Proxy(store, { get }) as TaskStore, calls };
}

test("a process with nothing to do makes at most one store call a second", async () => {
  vi.useFakeTimers();
  const { store, calls } = counted(sharedMemoryStore());
  const tasks = new BackgroundTaskManager({ store });
  new FollowUpInbox({ tasks });
  const dispatcher = new FollowUpDispatcher({ tasks, deliver: () => undefined });
  dispatcher.start();
  await vi.advanceTimersByTimeAsync(SECONDS * 1_000);
  expect(calls.length).toBeLessThanOrEqual(SECONDS);
  // It does look after what others may have left.
  expect(new Set(calls)).toEqual(new Set(["claim", "lapsed", "sweep"]));
  const closed = dispatcher.stop().then(() => tasks.close());
  await vi.advanceTimersByTimeAsync(10_000);
  await closed;
});
