import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { oneLine, sliceWhole } from "../../../src/core/values/text.ts";

const UNCLEAN = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;

describe("oneLine", () => {
  test.each([
    ["newlines and tabs become a space", "a\r\n\tb\u2028c", "a b c"],
    ["control characters become a space", "a\u0000b\u0085c\u001b[31md", "a b c [31md"],
    ["whitespace collapses and is trimmed", "  a \u00a0  b  ", "a b"],
    ["bidi overrides and isolates go", "a\u202eb\u2066c\u2069d", "abcd"],
    ["zero-width characters go", "pass\u200bwo\u2060rd\ufeff", "password"],
    ["no gap is left where something went", "a \u200b b", "a b"],
    ["lone surrogates become U+FFFD", "a\ud800b\udc00", "a\ufffdb\ufffd"],
    ["pairs stay", "a😀b", "a😀b"],
  ])("%s", (_, text, expected) => {
    expect(oneLine(text, 100)).toBe(expected);
  });

  test("cuts by code points, the … counted in", () => {
    expect(oneLine("😀😀😀", 3)).toBe("😀😀😀");
    expect(oneLine("😀😀😀😀", 3)).toBe("😀😀…");
    expect(oneLine("one two", 5)).toBe("one…");
    expect(oneLine("abc", 1)).toBe("…");
    expect(oneLine("abc", 0)).toBe("");
  });

  test("looks past whitespace at either end", () => {
    expect(oneLine(`${" ".repeat(10_000)}a${"\n".repeat(10_000)}`, 5)).toBe("a");
  });

  test("says so when it has only seen the start", () => {
    expect(oneLine(`a${" ".repeat(10_000)}b`, 5)).toBe("a…");
  });

  test("does not part a pair where it stops reading", () => {
    expect(oneLine(`${"\u200b".repeat(39)}😀b`, 5)).toBe("😀…");
  });

  test("takes no longer for ten megabytes", () => {
    const text = "a\n".repeat(5_000_000);
    // Reading it whole, a thousand times, would take longer than a test may.
    for (let round = 0; round < 1_000; round++) expect([...oneLine(text, 128)]).toHaveLength(128);
  });

  test("is always one clean line, short enough, and stays as it is when done again", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
        fc.nat(20),
        (text, max) => {
          const line = oneLine(text, max);
          expect([...line].length).toBeLessThanOrEqual(max);
          expect(line).not.toMatch(UNCLEAN);
          expect(line).toBe(line.trim());
          expect(oneLine(line, max)).toBe(line);
        },
      ),
    );
  });
});

describe("sliceWhole", () => {
  test("is slice where no pair is parted", () => {
    expect(sliceWhole("abcdef", 1, 3)).toBe("bc");
    expect(sliceWhole("abcdef", 0, Number.POSITIVE_INFINITY)).toBe("abcdef");
  });

  test("moves an edge inside a pair one on", () => {
    expect(sliceWhole("😀b", 0, 1)).toBe("😀");
    expect(sliceWhole("😀b", 1, 3)).toBe("b");
    expect(sliceWhole("\ud83d\ud83d\ude00", 1, 2)).toBe("😀");
  });
});
