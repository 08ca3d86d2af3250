import { expect, test } from "vitest";
import { isNewer } from "../../../src/core/model/task.ts";

test("newer is by version, and then by lastSeq: a claim moves no seq", () => {
  const order = [
    { version: 1, lastSeq: 1 },
    { version: 1, lastSeq: 9 },
    { version: 2, lastSeq: 9 },
    { version: 3, lastSeq: 9 },
    { version: 3, lastSeq: 10 },
  ];
  for (const [at, one] of order.entries()) {
    expect(order.map((other) => isNewer(one, other))).toEqual(order.map((_, other) => other < at));
  }
});
