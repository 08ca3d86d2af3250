/**
 * A setup file. Warnings of ours are not printed: one fails the test in which it comes, unless that has said
 * `allowWarnings()`. Warnings of others are printed as ever.
 */
import { afterAll, afterEach, expect } from "vitest";

let areAllowed = false;
let unexpected: string[] = [];

/** From here to the end of the test, deliveries may fail though nobody listens. */
export function allowWarnings(): void {
  areAllowed = true;
}

/** The warnings that were not allowed and not taken yet. */
export function takeUnexpected(): string[] {
  const taken = unexpected;
  unexpected = [];
  return taken;
}

const emitWarning = process.emitWarning;
process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
  const [options] = rest as [{ type?: string }?];
  if (options?.type !== "ToolOffloadWarning") Reflect.apply(emitWarning, process, [warning, ...rest]);
  else if (!areAllowed) unexpected.push(String(warning));
};

function endTest(): void {
  areAllowed = false;
  expect(takeUnexpected(), "ToolOffloadWarnings that the test has not allowed").toEqual([]);
}

afterEach(endTest);
afterAll(endTest);
