import fc from "fast-check";
import { expect, test } from "vitest";
import { Reports } from "../../../src/core/calls/reports.ts";

/** All output that a tool's chunks come to, drained after each. */
function loggedOf(chunks: readonly (string | Uint8Array)[]): string[] {
  const reports = new Reports();
  return chunks.flatMap((chunk) => {
    reports.write(chunk);
    const events = reports.next(0);
    reports.confirm(events.length);
    return events.flatMap((event) => (event.type === "task.output" ? [event.chunk] : []));
  });
}

test("a pair that two chunks have parted is logged whole", () => {
  expect(loggedOf(["Deployed \ud83d", "\ude80 fine"])).toEqual(["Deployed ", "🚀 fine"]);
  expect(loggedOf(["\ud83d", "", "\ude80"])).toEqual(["🚀"]);
});

test("a half without its other becomes U+FFFD", () => {
  expect(loggedOf(["\ude80 first", "\ud83d", " last"])).toEqual(["\ufffd first", "\ufffd last"]);
  expect(loggedOf(["\ud83d", new TextEncoder().encode("bytes")])).toEqual(["\ufffdbytes"]);
});

test("a text that may be cut anywhere is logged as it was", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "é", "漢", "😀", "🏳️‍🌈"), maxLength: 30 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(60), { maxLength: 8 }), (whole, cuts) => {
      const edges = [
        0,
        ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b),
        whole.length,
      ];
      const chunks = edges.slice(1).map((end, index) => whole.slice(edges[index], end));
      const logged = loggedOf(chunks);
      expect(logged.join("")).toBe(whole);
      for (const chunk of logged) expect(chunk.isWellFormed()).toBe(true);
    }),
  );
});
