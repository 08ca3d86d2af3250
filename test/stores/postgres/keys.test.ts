import fc from "fast-check";
import { expect, test } from "vitest";
import {
  fromKey,
  fromSessionKey,
  fromText,
  toKey,
  toSessionKey,
  toText,
} from "../../../src/stores/postgres/keys.ts";

/** Any code units, those that make no character and those at the edges of what is escaped more often. */
const unit = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }),
  fc.constantFrom(
    0,
    1,
    0x1f,
    0x20,
    0x21,
    0x5c,
    0xd7fe,
    0xd7ff,
    0xd800,
    0xdbff,
    0xdc00,
    0xdfff,
    0xe000,
    0xffff,
  ),
);
const text = fc.array(unit, { maxLength: 6 }).map((units) => String.fromCharCode(...units));

test("every text comes back", () => {
  fc.assert(
    fc.property(text, (given) => {
      expect(fromKey(toKey(given))).toBe(given);
      expect(fromText(toText(given))).toBe(given);
      expect(fromSessionKey(toSessionKey(given))).toBe(given);
    }),
  );
  expect(fromSessionKey(toSessionKey(null))).toBe(null);
});

test("PostgreSQL takes every key and text", () => {
  fc.assert(
    fc.property(text, (given) => {
      for (const kept of [toKey(given), toText(given), toSessionKey(given)]) {
        expect(kept).not.toMatch(/\p{Cs}/u);
        expect(kept).not.toContain("\0");
      }
    }),
  );
});

test("bytes of keys are in the order of the code units of what they stand for", () => {
  fc.assert(
    fc.property(text, text, (one, other) => {
      const bytes = Buffer.compare(Buffer.from(toKey(one)), Buffer.from(toKey(other)));
      expect(bytes).toBe(one < other ? -1 : Number(one > other));
    }),
  );
});

test("what is usual stands as it is", () => {
  for (const usual of ["V1StGXR8_Z5jdHi6B-myT", "ada@example.com", "é – ü", ":\\'\"%"]) {
    expect(toKey(usual)).toBe(usual);
    expect(toText(`${usual}\n😀`)).toBe(`${usual}\n😀`);
  }
});

test("no session is another's", () => {
  expect(new Set([null, "", ":", "null"].map(toSessionKey)).size).toBe(4);
});
