import fc from "fast-check";
import { expect, test } from "vitest";
import { digest } from "../../../src/core/values/digest.ts";

test("equal texts have the same digest, of 64 bits however long they are", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      expect(digest(text)).toBe(digest(text.slice()));
      expect(digest(text)).toMatch(/^[0-9a-f]{16}$/);
    }),
  );
});

test("texts that differ little have digests that differ", () => {
  const digests = new Set<string>();
  for (let i = 0; i < 100_000; i += 1) {
    digests.add(digest(`{"query":"cats","limit":${i}}`));
    digests.add(digest(`{"query":"${i.toString(36)}"}`));
  }
  for (let length = 0; length < 1_000; length += 1) digests.add(digest("\0".repeat(length)));
  expect(digests.size).toBe(201_000);
});

test("each half of the digest depends on every character", () => {
  const text = "a text of some length, with nothing much in it";
  for (let index = 0; index < text.length; index += 1) {
    for (const unit of ["\u0000", "b", "\ud800", "\uffff"]) {
      const other = digest(text.slice(0, index) + unit + text.slice(index + 1));
      if (text[index] === unit) continue;
      expect(other.slice(0, 8)).not.toBe(digest(text).slice(0, 8));
      expect(other.slice(8)).not.toBe(digest(text).slice(8));
    }
  }
});
