import { expect, test } from "vitest";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { isStoredEvent, isStoredResult } from "../../../src/stores/shared/check-parts.ts";
import { wrongWithRecord } from "../../../src/stores/shared/check-record.ts";
import { makeTask } from "../../../src/testing/make-task.ts";

const RECORD: TaskRecord = makeTask({
  word: "w",
  metadata: { a: [1] },
  progress: { value: 1, message: "x" },
  error: { code: "lost", message: "x" },
  cancel: { at: 1, by: "user", reason: null },
}).record;

test("a whole record is whole, and so is one of 0.1.0", () => {
  expect(wrongWithRecord(RECORD)).toBeUndefined();
  const { word: _, ...old } = RECORD;
  expect(wrongWithRecord(old)).toBeUndefined();
});

test.each([null, undefined, 7, "x", []])("%j is none", (value) => {
  expect(wrongWithRecord(value)).toBe("it is no record");
});

test.each(Object.keys(RECORD))("%s has to be there, and of its type", (field) => {
  const { [field as keyof TaskRecord]: _, ...rest } = RECORD;
  if (field !== "word") expect(wrongWithRecord(rest)).toBe(`its ${field} is missing or wrong`);
  expect(wrongWithRecord({ ...RECORD, [field]: true })).toBe(`its ${field} is missing or wrong`);
});

test("what stands inside is checked too", () => {
  const wrong = {
    followUp: { ...RECORD.followUp, status: "told" },
    error: { code: "lost" },
    cancel: { at: "1" },
  };
  for (const [field, value] of Object.entries(wrong)) {
    expect(wrongWithRecord({ ...RECORD, [field]: value })).toBe(`its ${field} is missing or wrong`);
  }
});

test("results and events are whole, or none", () => {
  const results = [
    { kind: "whole", json: "42", lossy: [] },
    { kind: "cut", head: "a", tail: "b", bytes: 3, lossy: ["$.a"] },
  ];
  for (const result of results) {
    expect(isStoredResult(result)).toBe(true);
    for (const field of Object.keys(result)) expect(isStoredResult({ ...result, [field]: null })).toBe(false);
  }
  expect(isStoredResult({ kind: "whole", json: "{", lossy: [] })).toBe(false);
  expect(isStoredResult(null)).toBe(false);
  expect(isStoredEvent({ at: 1, type: "task.started" })).toBe(true);
  for (const event of [null, [], {}, { at: 1, type: "x" }, { at: "1", type: "task.started" }]) {
    expect(isStoredEvent(event)).toBe(false);
  }
});
