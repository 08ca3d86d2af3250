import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readResult, storeResult } from "../../../src/core/model/result.ts";

const bytesOf = (text: string): number => Buffer.byteLength(text);
const wellFormed = fc.string({ unit: "binary", maxLength: 60 });
const maxBytes = fc.nat({ max: 80 });

function readCut(text: string, max: number, range?: { offset?: number; limit?: number }) {
  const read = readResult(storeResult(text, max), range);
  if (read.truncated === null) throw new Error("expected a truncated result");
  return read;
}

describe("a result within its limit", () => {
  test("is kept whole, to the byte", () => {
    const value = { text: "é€😀" };
    const size = bytesOf(JSON.stringify(value));
    expect(storeResult(value, size).kind).toBe("whole");
    expect(storeResult(value, size - 1).kind).toBe("cut");
    expect(readResult(storeResult(value, size))).toEqual({
      status: "completed",
      value,
      truncated: null,
      lossy: [],
    });
  });

  test("is kept whole exactly while its JSON text has no more bytes than the limit", () => {
    fc.assert(
      fc.property(fc.oneof(wellFormed, fc.jsonValue()), maxBytes, (value, max) => {
        const { kind } = storeResult(value, max);
        expect(kind).toBe(bytesOf(JSON.stringify(value)) <= max ? "whole" : "cut");
      }),
    );
  });

  test("counts three bytes for a code unit that takes three", () => {
    expect(storeResult("€".repeat(10), 31).kind).toBe("cut");
    expect(storeResult("€".repeat(10), 32).kind).toBe("whole");
  });

  test("survives a store that keeps JSON, and says what was lossy", () => {
    const stored = storeResult({ at: new Date(0), x: undefined }, 1_000);
    expect(readResult(JSON.parse(JSON.stringify(stored)))).toEqual({
      status: "completed",
      value: { at: "1970-01-01T00:00:00.000Z", x: "[undefined]" },
      truncated: null,
      lossy: ["/at", "/x"],
    });
  });

  test("answers a range with a slice: of a string itself, else of the JSON text", () => {
    expect(readResult(storeResult("hello world", 100), { offset: 6 }).value).toBe("world");
    expect(readResult(storeResult("hello world", 100), { limit: 5 }).value).toBe("hello");
    expect(readResult(storeResult({ a: [1, 2] }, 100), { offset: 5, limit: 3 }).value).toBe("[1,");
    expect(readResult(storeResult("hello", 100), { offset: 99 }).value).toBe("");
    expect(readResult(storeResult("hello", 100), {}).value).toBe("hello");
    expect(readResult(storeResult({ a: 1 }, 100), {}).value).toBe('{"a":1}');
  });

  test("a slice never ends inside a surrogate pair", () => {
    expect(readResult(storeResult("a😀b", 100), { limit: 2 }).value).toBe("a😀");
    expect(readResult(storeResult("a😀b", 100), { offset: 2 }).value).toBe("b");
  });
});

describe("a result beyond its limit", () => {
  test("keeps a head and a tail of the string itself", () => {
    expect(readCut("abcdefghij", 6)).toEqual({
      status: "completed",
      value: { head: "abc", tail: "hij" },
      truncated: { bytes: 10 },
      lossy: [],
    });
  });

  test("keeps a head and a tail of the JSON text of anything else", () => {
    const read = readResult(storeResult({ list: ["x".repeat(50)] }, 20));
    expect(read.value).toEqual({ head: '{"list":["', tail: 'xxxxxxx"]}' });
    expect(read.truncated).toEqual({ bytes: 63 });
    expect(read.lossy).toEqual([]);
  });

  test("head and tail are pieces of the text, in half the limit each, no code point split, no overlap", () => {
    fc.assert(
      fc.property(wellFormed, maxBytes, (text, max) => {
        const stored = storeResult(text, max);
        if (stored.kind !== "cut") return;
        expect(text.startsWith(stored.head)).toBe(true);
        expect(text.slice(stored.head.length).endsWith(stored.tail)).toBe(true);
        expect(/\p{Cs}/u.test(stored.head + stored.tail)).toBe(false);
        expect(bytesOf(stored.head)).toBeLessThanOrEqual(max / 2);
        expect(bytesOf(stored.tail)).toBeLessThanOrEqual(max / 2);
        expect(stored.bytes).toBe(bytesOf(text));
      }),
    );
  });

  test("head and tail of a string never overlap, though its JSON text is longer than it is", () => {
    expect(readCut('"'.repeat(10), 12).value).toEqual({ head: '"'.repeat(6), tail: '"'.repeat(4) });
  });

  test("wastes less than one code point on either side", () => {
    const { head, tail } = readCut("😀".repeat(20), 22).value as { head: string; tail: string };
    expect([head, tail]).toEqual(["😀😀", "😀😀"]);
  });

  test("keeps a byte order mark, and answers lone surrogates as U+FFFD", () => {
    expect(readCut("\ufeffabcdefgh\ufeff", 8).value).toEqual({ head: "\ufeffa", tail: "h\ufeff" });
    expect(readCut("\ud800bcdefgh\udc00", 8).value).toEqual({ head: "\ufffdb", tail: "h\ufffd" });
  });

  test("keeps nothing where nothing may be kept", () => {
    expect(readCut("abc", 0).value).toEqual({ head: "", tail: "" });
    expect(readCut("abc", 1).value).toEqual({ head: "", tail: "" });
  });

  test("answers a range that counts through the head and on through the tail", () => {
    const text = `${"a".repeat(10)}${"b".repeat(100)}${"c".repeat(10)}`;
    expect(readCut(text, 20, { offset: 8, limit: 4 }).value).toEqual({ head: "aa", tail: "cc" });
    expect(readCut(text, 20, { offset: 0, limit: 3 }).value).toEqual({ head: "aaa", tail: "" });
    expect(readCut(text, 20, { offset: 13 }).value).toEqual({ head: "", tail: "c".repeat(7) });
    expect(readCut(text, 20, { limit: 3 }).truncated).toEqual({ bytes: 120 });
  });
});

describe("the paths of what JSON could not carry", () => {
  const lossyOf = (value: unknown, max: number) => {
    const stored = storeResult(value, max);
    const kept = stored.kind === "whole" ? [stored.json] : [stored.head, stored.tail];
    return { stored, size: bytesOf(kept.join("")) + bytesOf(JSON.stringify(stored.lossy)) };
  };

  test("take an eighth of the limit at most, and what they take is not left for the value", () => {
    const value = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`key-${index}`, 1n]));
    const { stored, size } = lossyOf(value, 800);
    expect(stored.lossy).toEqual([...Array.from({ length: 10 }, (_, index) => `/key-${index}`), "…"]);
    expect(bytesOf(JSON.stringify(stored.lossy))).toBeLessThanOrEqual(100);
    expect(size).toBeLessThanOrEqual(800);
  });

  test("are within the limit together with the value, whatever the keys", () => {
    const keys = fc.oneof(fc.string({ unit: "binary", maxLength: 20 }), fc.constant("long".repeat(200)));
    const lossy = fc.dictionary(keys, fc.constantFrom<unknown>(1n, undefined, new Date(0), { a: 1n }));
    fc.assert(
      fc.property(lossy, fc.integer({ min: 64, max: 4_000 }), (value, max) => {
        expect(lossyOf([value, { deep: value }], max).size).toBeLessThanOrEqual(max);
      }),
    );
  });

  test("say that there are some, where there is no room to name one", () => {
    expect(storeResult({ ["k".repeat(99)]: 1n }, 100).lossy).toEqual(["…"]);
  });

  test("lead to what a place is part of where its own would be too long, and cost no more than that", () => {
    const key = "k~/😀".repeat(10_000);
    let value: object = { end: 1n };
    for (let depth = 0; depth < 50; depth += 1) value = { [key]: value };
    expect(storeResult({ short: [value] }, 100_000).lossy).toEqual(["/short/0"]);
    expect(storeResult({ short: { ["~".repeat(200)]: [1n] } }, 100_000).lossy).toEqual(["/short"]);
    expect(storeResult({ ["~".repeat(126)]: [1n] }, 100_000).lossy).toEqual([`/${"~0".repeat(126)}/0`]);
    const many = { short: { [key]: Array(5_000).fill(1n) } };
    expect(storeResult(many, 1_000_000).lossy).toEqual(["/short", "…"]);
  });
});

test("pages that meet join up to the kept text, whichever way they are counted", () => {
  fc.assert(
    fc.property(
      wellFormed,
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 0, max: 400 }),
      (text, limit, max) => {
        const stored = storeResult(text, max);
        const kept = stored.kind === "whole" ? text : stored.head + stored.tail;
        expect(pages(stored, limit, () => limit)).toBe(kept);
        expect(pages(stored, limit, (page) => page.length)).toBe(kept);
      },
    ),
  );
});

function pages(
  stored: ReturnType<typeof storeResult>,
  limit: number,
  step: (page: string) => number,
): string {
  let joined = "";
  for (let offset = 0; offset < 200; ) {
    const read = readResult(stored, { offset, limit });
    const page = read.truncated === null ? String(read.value) : textOf(read.value);
    joined += page;
    offset += step(page) || limit;
  }
  return joined;
}

function textOf(value: unknown): string {
  const { head, tail } = value as { head: string; tail: string };
  return head + tail;
}
