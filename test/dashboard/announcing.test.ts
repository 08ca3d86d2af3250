import { signal } from "@preact/signals";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { TaskInfo } from "../../src/client/index.ts";
import { announceEnds, announcement, sentence } from "../../src/dashboard/app/announcing.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function task(id: string, status: string): TaskInfo {
  return { id, status, summary: `task ${id}` } as TaskInfo;
}

test("ends are told together, in one sentence", () => {
  expect(sentence([task("1", "completed")])).toBe("task 1: completed.");
  expect(sentence([task("1", "completed"), task("2", "failed"), task("3", "completed")])).toBe(
    "3 tasks have ended: 2 completed, 1 failed.",
  );
});

test("at most one sentence is told in five seconds, and nothing of what had ended before", () => {
  const tasks = signal([task("0", "completed"), ...["1", "2", "3"].map((id) => task(id, "running"))]);
  const told: string[] = [];
  announceEnds(tasks);
  announcement.subscribe((text) => told.push(text));
  const end = (id: string) => {
    tasks.value = tasks.value.map((each) => (each.id === id ? task(id, "completed") : each));
  };
  end("1");
  expect(told).toEqual(["", "task 1: completed."]);
  end("2");
  vi.advanceTimersByTime(2_000);
  end("3");
  vi.advanceTimersByTime(2_999);
  expect(told).toHaveLength(2);
  vi.advanceTimersByTime(1);
  expect(told.at(-1)).toBe("2 tasks have ended: 2 completed.");
  vi.advanceTimersByTime(60_000);
  expect(told).toHaveLength(3);
});
