import { expect, test, vi } from "vitest";
import { type TurnMember, turnOf } from "../../../src/core/calls/turn.ts";

function memberOf(abort: () => void): TurnMember {
  return { abort, older: undefined, newer: undefined };
}

test("who still waits for a turn is told of its abort, in the order in which they came", () => {
  const turn = new AbortController();
  const told: number[] = [];
  const members = [0, 1, 2, 3].map((index) => memberOf(() => told.push(index)));
  for (const member of members) turnOf(turn.signal).join(member);
  turnOf(turn.signal).leave(members[1] as TurnMember);
  turn.abort();
  expect(told).toEqual([0, 2, 3]);
});

test("the signal has a listener only while somebody waits", () => {
  const { signal } = new AbortController();
  const [add, remove] = [vi.spyOn(signal, "addEventListener"), vi.spyOn(signal, "removeEventListener")];
  const [one, two] = [memberOf(() => undefined), memberOf(() => undefined)];
  const turn = turnOf(signal);
  for (const member of [one, two]) turn.join(member);
  for (const member of [one, one, two]) turn.leave(member);
  expect([add.mock.calls.length, remove.mock.calls.length]).toEqual([1, 1]);
});
