import { expect, test } from "vitest";
import { sendable, sendableJson } from "../../../src/core/values/sendable.ts";

test("lone surrogates and NUL become U+FFFD, and nothing else does", () => {
  expect(sendable("a\ud83d\0b\ude00😀\n\u202e")).toBe("a\ufffd\ufffdb\ufffd😀\n\u202e");
});

test("in plain JSON every text, and nothing else", () => {
  const answer = {
    "ke\0y": 1,
    text: "\ud83d",
    list: ["\0", { deep: "\ude00" }],
    count: 1,
    none: null,
    yes: true,
  };
  const sent = {
    "ke\ufffdy": 1,
    text: "\ufffd",
    list: ["\ufffd", { deep: "\ufffd" }],
    count: 1,
    none: null,
    yes: true,
  };
  expect(sendableJson(answer)).toEqual(sent);
});
