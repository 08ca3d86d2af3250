import { expect, test } from "vitest";
import type { Entry, Line } from "../journal.ts";
import { retoldIn } from "./judge.ts";

const session = "u0/s0";
const ids = ["a"];

function turn(at: number, pid: number, number: number): Line {
  return line(at, pid, { event: "chat.begun", session, turn: number, by: "user", waitedMs: 0 });
}

function line(at: number, pid: number, entry: Entry): Line {
  return { at, pid, ...entry };
}

const acknowledged = line(20, 2, { event: "chat.acknowledged", ids });

test("what a turn gets that began after the acknowledgement is retold", () => {
  const again = line(40, 1, { event: "chat.again", session, turn: 2, ids });
  expect(retoldIn([turn(10, 2, 1), acknowledged, turn(30, 1, 2), again])).toBe(1);
});

test("what a turn had that was suspended before the acknowledgement is not", () => {
  const again = line(40, 1, { event: "chat.again", session, turn: 1, ids });
  expect(retoldIn([turn(10, 1, 1), turn(15, 2, 2), acknowledged, again])).toBe(0);
});

test("what nobody has acknowledged is not", () => {
  const again = line(40, 1, { event: "chat.again", session, turn: 2, ids });
  expect(retoldIn([turn(10, 2, 1), turn(30, 1, 2), again])).toBe(0);
});
