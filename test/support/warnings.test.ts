import { expect, test } from "vitest";
import { allowWarnings, takeUnexpected } from "./warnings.ts";

const warn = (text: string) => process.emitWarning(text, { type: "ToolOffloadWarning" });

test.fails("a warning that nobody has allowed fails its test", { retry: 0 }, () => warn("It is wrong."));

test("it is told with what it says, once", () => {
  warn("It is wrong.");
  expect(takeUnexpected()).toEqual(["It is wrong."]);
  expect(takeUnexpected()).toEqual([]);
});

test("one that is allowed is none", () => {
  allowWarnings();
  warn("It is wrong.");
  expect(takeUnexpected()).toEqual([]);
});

test("what one test allows, the next does not", () => {
  warn("It is wrong.");
  expect(takeUnexpected()).toEqual(["It is wrong."]);
});
