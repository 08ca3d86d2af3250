import { describe, expect, test } from "vitest";
import { Reports } from "../../../src/core/calls/reports.ts";
import { storeResult } from "../../../src/core/model/result.ts";
import { describeError, summarize } from "../../../src/core/values/summary.ts";
import { ownText } from "../../../src/core/values/text.ts";
import { canCollect, heapUsed } from "../../support/heap.ts";

const MB = 1_000_000;
const COUNT = 20;

/** A text that nothing else holds, of which a slice would keep all. */
const huge = (index: number) => `${index} ${"word ".repeat(MB)}`;

const slice = (index: number) => huge(index).slice(0, 60);

/** What each way of keeping a piece of a huge text keeps. */
const WAYS: Record<string, (index: number) => unknown> = {
  "output that was cut": (index) => {
    const reports = new Reports();
    reports.write(huge(index));
    return reports.next(0);
  },
  "output that nobody reads": (index) => {
    const reports = new Reports();
    reports.write(huge(index));
    return reports;
  },
  "output that its tool has cut": (index) => {
    const reports = new Reports();
    reports.write(slice(index));
    return reports.next(0);
  },
  progress: (index) => {
    const reports = new Reports();
    reports.report({ message: slice(index) });
    return reports.next(0);
  },
  "a summary of the tool's own": (index) =>
    summarize({ toolName: "t", input: 0, summarize: () => slice(index) }),
  "a summary": (index) => summarize({ toolName: "t", input: { text: huge(index) } }),
  "the message of an error": (index) => describeError(new Error(slice(index))),
  "the start of one": (index) => describeError(new Error(huge(index))),
  "a result that was cut": (index) => storeResult(huge(index), 64_000),
  "one within an object": (index) => storeResult({ text: huge(index) }, 64_000),
  "a result that its tool has cut": (index) => storeResult(slice(index), 64_000),
};

describe.runIf(canCollect)("a kept piece does not keep the text that it was cut from", () => {
  test.each(Object.entries(WAYS))("%s", (_, keep) => {
    const before = heapUsed();
    const kept = Array.from({ length: COUNT }, (_, index) => keep(index));
    const size = heapUsed() - before;
    expect(kept).toHaveLength(COUNT);
    expect(size).toBeLessThan(10 * MB);
  });
});

test("it says the same", () => {
  for (const text of ["", "plain", "\ufeffé漢😀\0\n", "x".repeat(1_000)]) expect(ownText(text)).toBe(text);
  expect(ownText("a\ud83d")).toBe("a\ufffd");
});
