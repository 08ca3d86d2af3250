import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleanText, TextCleaner } from "../../src/dashboard/app/clean-text.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
const OBEYED = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

describe("text of a tool", () => {
  test.each([
    ["colours are left out", "\u001b[31mred\u001b[0m", "red"],
    ["movements of the cursor too", "a\u001b[2K\u001b[1;1Hb", "ab"],
    ["a title too", "\u001b]0;title\u0007text", "text"],
    ["a link too, but for its text", "\u001b]8;;http://a.example\u001b\\here\u001b]8;;\u001b\\", "here"],
    ["a title without an end is text", "\u001b]0;title", "␛]0;title"],
    ["a carriage return begins a line", "10 %\r20 %\r\nend", "10 %\n20 %\nend"],
    ["marks of direction are shown", "\u202Egnp.exe\u2066", "[U+202E]gnp.exe[U+2066]"],
    ["what cannot be seen is shown", "a\u200Bb\uFEFF", "a[U+200B]b[U+FEFF]"],
    ["control characters are shown", "a\u0000b\u0007\u007F", "a␀b␇␡"],
    ["tabs, line feeds and emoji stay", "a\tb\n👩‍💻", "a\tb\n👩‍💻"],
  ])("%s", (_what, text, expected) => {
    expect(cleanText(text)).toBe(expected);
  });

  test.each([
    [["10 %\r", "\u001b[K\nend"], "10 %\nend"],
    [["10 %\r\u001b[K", "\nend"], "10 %\nend"],
    [["10 %\r", "20 %", "\r", "\u001b[K", "30 %"], "10 %\n20 %\n30 %"],
    [["👍".slice(0, 1), "👍".slice(1)], "👍"],
  ])("a line ends once, wherever its end is cut: %j", (pieces, expected) => {
    const cleaner = new TextCleaner();
    expect(pieces.map((piece) => cleaner.feed(piece)).join("") + cleaner.end()).toBe(expected);
  });

  const marks = [
    "\u001b",
    "[",
    "]",
    "3",
    "1",
    "m",
    "0",
    ";",
    "\u0007",
    "\\",
    "\r",
    "\n",
    "a",
    "👍",
    "\u202E",
  ];
  const texts = fc.array(fc.constantFrom(...marks), { maxLength: 40 });

  test("is the same in however many pieces it comes", () => {
    const pieces = fc.array(
      texts.map((all) => all.join("")),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(pieces, (all) => {
        const cleaner = new TextCleaner();
        const shown = all.map((piece) => cleaner.feed(piece)).join("") + cleaner.end();
        expect(shown).toBe(cleanText(all.join("")));
      }),
    );
  });

  test("has nothing left that a terminal or a browser would obey", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(OBEYED.test(cleanText(text))).toBe(false);
      }),
    );
  });
});
