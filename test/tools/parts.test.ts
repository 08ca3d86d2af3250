import fc from "fast-check";
import { expect, test } from "vitest";
import type { CompletedResult } from "../../src/core/model/result.ts";
import { readResult, storeResult } from "../../src/core/model/result.ts";
import { RING_CHARS } from "../../src/core/model/store.ts";
import { EventLog } from "../../src/stores/memory/event-log.ts";
import { cursorOf, outputPart } from "../../src/tools/output-part.ts";
import { completedPart } from "../../src/tools/result-part.ts";

/** Texts with surrogate pairs, where a careless cut shows. */
const text = fc.string({ unit: fc.constantFrom("a", "é", "漢", "😀", "🏳️‍🌈", '"', "\n"), maxLength: 60 });
const limit = fc.integer({ min: 1, max: 25 });
const LONE = /\p{Cs}/u;

/** Reads on by `next_offset` to the end. */
function readAll(result: CompletedResult, limit: number) {
  const parts = [completedPart(result, 0, limit)];
  for (let next = parts[0]?.next_offset ?? null; next !== null; ) {
    const part = completedPart(result, next, limit);
    parts.push(part);
    next = part.next_offset;
    if (parts.length > 1_000) throw new Error("It never ends.");
  }
  return parts;
}

test("a tool that returned nothing is said to have done so", () => {
  const nothing = { text: "", next_offset: null, total_chars: 0, note: "The tool returned nothing." };
  for (const range of [undefined, { offset: 0 }]) {
    const part = completedPart(readResult(storeResult(undefined, 100), range), 0, 10);
    expect(part).toEqual({ status: "completed", ...nothing });
  }
  const text = readResult(storeResult("[undefined]", 100), { offset: 0 });
  expect(completedPart(text, 0, 100)).toMatchObject({ text: "[undefined]", total_chars: 11 });
});

test("a result read by offset joins up to the whole text, and no pair is parted", () => {
  fc.assert(
    fc.property(text, limit, (whole, limit) => {
      const stored = storeResult(whole, 10_000);
      const parts = readAll(readResult(stored, { offset: 0 }), limit);
      expect(parts.map(({ text }) => text).join("")).toBe(whole);
      for (const { text, total_chars } of parts) {
        expect(text).not.toMatch(LONE);
        expect(text.length).toBeLessThanOrEqual(limit + 1);
        expect(total_chars).toBe(whole.length);
      }
    }),
  );
});

test("a cut result joins up to its head and its tail, and no part runs across the gap", () => {
  fc.assert(
    fc.property(text, limit, fc.integer({ min: 8, max: 60 }), (whole, limit, maxBytes) => {
      const stored = storeResult(`${whole}${"-".repeat(100)}${whole}`, maxBytes);
      if (stored.kind !== "cut") throw new Error("It was not cut.");
      const parts = readAll(readResult(stored, { offset: 0 }), limit);
      expect(parts.map(({ text }) => text).join("")).toBe(stored.head + stored.tail);
      let offset = 0;
      for (const { text, next_offset, gap_at = -1 } of parts) {
        expect(gap_at).toBe(stored.head.length);
        expect(offset < gap_at && offset + text.length > gap_at).toBe(false);
        expect(text).not.toMatch(LONE);
        offset = next_offset ?? offset;
      }
    }),
  );
});

test("any offset at all answers a part without a lone surrogate, and an end", () => {
  fc.assert(
    fc.property(text, fc.nat(100), limit, (whole, offset, limit) => {
      const part = completedPart(readResult(storeResult(whole, 10_000), { offset: 0 }), offset, limit);
      expect(whole).toContain(part.text);
      expect(part.text).not.toMatch(LONE);
      if (part.next_offset === null) expect(whole.endsWith(part.text)).toBe(true);
      else expect(part.next_offset).toBeGreaterThan(offset);
    }),
  );
});

/** The log of a task that has written these chunks, with other events between. */
function logOf(chunks: readonly string[]) {
  const log = new EventLog();
  log.append([
    { at: 0, type: "task.queued" },
    { at: 0, type: "task.started" },
  ]);
  for (const chunk of chunks) {
    log.append([{ at: 0, type: "task.output", chunk }]);
    log.append([{ at: 0, type: "task.progress", progress: { value: 1 } }]);
  }
  return { read: (after: number) => log.page("t", 2 + 2 * chunks.length, { after, limit: 1_000 }) };
}

test("output read by next_after joins up to all that was written, whatever the limit", () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 6 }), limit, (chunks, limit) => {
      const log = logOf(chunks);
      let read = "";
      for (let after = "0", more = true; more; ) {
        const from = cursorOf(after);
        const part = outputPart(log.read(from.seq), from, limit);
        expect(part.text.length).toBeLessThanOrEqual(limit + 1);
        expect(part.text).not.toMatch(LONE);
        expect(part.truncated).toBe(false);
        expect(part.more && part.text === "").toBe(false);
        read += part.text;
        ({ next_after: after, more } = part);
      }
      expect(read).toBe(chunks.join(""));
    }),
  );
});

test("a chunk that the ring has lost is not mistaken for the one that is there now", () => {
  const big = "x".repeat(RING_CHARS / 2);
  const log = logOf(["lost", big, `here ${big}`]);
  const from = cursorOf("2+2");
  const part = outputPart(log.read(from.seq), from, 4);
  expect(part).toMatchObject({ text: "here", truncated: true, more: true });
});

test("any cursor at all reads on to the end", () => {
  fc.assert(
    fc.property(fc.nat(9), fc.nat(50), limit, (seq, chars, limit) => {
      const part = outputPart(logOf(["one😀", "two"]).read(seq), { seq, chars }, limit);
      expect("one😀two").toContain(part.text);
      expect(part.more && part.text === "").toBe(false);
    }),
  );
});
