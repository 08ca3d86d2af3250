import { expect, test } from "vitest";
import { hintOf } from "../../../src/core/model/store.ts";
import { parseHint } from "../../../src/store/index.ts";
import { makeTask } from "../../../src/testing/make-task.ts";

const HINT = hintOf({ ...makeTask().record, lastSeq: 4 }, 3);

test("a hint is read, and nothing beside its fields", () => {
  expect(parseHint(JSON.stringify(HINT))).toEqual(HINT);
  expect(parseHint(JSON.stringify({ ...HINT, sessionId: null, constructor: 1, more: "x" }))).toEqual({
    ...HINT,
    sessionId: null,
  });
  expect(parseHint(JSON.stringify({ ...HINT, firstSeq: 5 }))).toEqual({ ...HINT, firstSeq: 5 });
});

test.each([
  "",
  "rubbish",
  "null",
  "7",
  "[]",
  '"text"',
  "{}",
  "{",
  '{"__proto__":null}',
  "\u0000",
  "[".repeat(60_000),
  JSON.stringify({ ...HINT, more: "x".repeat(70_000) }),
])("what is no hint is none: %.20s", (text) => {
  expect(parseHint(text)).toBeUndefined();
});

const WRONG: [field: keyof typeof HINT, values: unknown[]][] = [
  ["id", [undefined, null, 7, {}, ["x"], "x".repeat(8_193)]],
  ["userId", [undefined, null, 7, {}, "x".repeat(8_193)]],
  ["sessionId", [undefined, 7, {}, "x".repeat(8_193)]],
  ["firstSeq", [undefined, null, "x", "3", -1, 1.5, 1e300, 6, []]],
  ["lastSeq", [undefined, null, "x", -1, 1.5, 2 ** 53, 1, []]],
  ["status", [undefined, null, "done", "toString", 7, ["completed"]]],
  ["followUp", [undefined, null, "told", "constructor", 7, ["pending"]]],
];

test.each(WRONG.flatMap(([field, values]) => values.map((value) => [field, value] as const)))(
  "a wrong %s makes it none: %j",
  (field, value) => {
    expect(parseHint(JSON.stringify({ ...HINT, [field]: value }))).toBeUndefined();
  },
);
