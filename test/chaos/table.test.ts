import { expect, test } from "vitest";
import { rowOf } from "./table.ts";

function row(...faults: Record<string, number>[]) {
  return rowOf(
    {},
    "redis",
    "frozen",
    faults.map((found) => ({ loads: [], faults: found })),
    7,
  );
}

test("a row without faults is clean", () => {
  expect(row({ lost: 0 }, { lost: 0 })).toEqual({
    text: "| redis | frozen | none |",
    isClean: true,
    isOfTime: true,
  });
});

test("a fault is told with the seed of its round", () => {
  expect(row({ refused: 0 }, { refused: 2 }).text).toBe("| redis | frozen | 2 refused (seed 8) |");
});

test("what a machine that holds processes up can do is of time, and nothing else", () => {
  expect(row({ refused: 1, givenUp: 3 })).toMatchObject({ isClean: false, isOfTime: true });
  expect(row({ refused: 1 }, { retold: 1 })).toMatchObject({ isClean: false, isOfTime: false });
  expect(row({ inexact: 1 })).toMatchObject({ isClean: false, isOfTime: false });
});
