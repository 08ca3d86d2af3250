import { beforeEach, expect, test, vi } from "vitest";
import type { TaskInfo } from "../../src/client/index.ts";
import { filters, NO_FILTERS, setFilter } from "../../src/dashboard/app/address.ts";
import { counts, sessionIds, shown } from "../../src/dashboard/app/matching.ts";
import { keep } from "../../src/dashboard/app/tasks.ts";

vi.mock("../../src/dashboard/app/api.ts", () => ({ client: {} }));

beforeEach(() => {
  filters.value = NO_FILTERS;
  for (const nth of [1, 2, 3]) keep(task(nth));
});

function task(nth: number, rest: Partial<TaskInfo> = {}): TaskInfo {
  const texts = { id: `t${nth}`, toolName: "build", sessionId: `s${nth}`, summary: `Build ${nth}` };
  return { ...texts, status: "running", createdAt: nth, version: nth, lastSeq: 1, ...rest } as TaskInfo;
}

test("what is searched for are words, all of them, wherever they stand", () => {
  setFilter({ search: "  S2 build " });
  expect(shown.value.map(({ id }) => id)).toEqual(["t2"]);
  setFilter({ search: "", statuses: ["failed"] });
  expect(shown.value).toEqual([]);
  expect([...counts.value]).toEqual([["running", 3]]);
});

test("the names to choose from stay the list that they were while tasks report", () => {
  const before = sessionIds.value;
  expect(before).toEqual(["s1", "s2", "s3"]);
  keep(task(2, { version: 9, lastSeq: 2 }));
  expect(sessionIds.value).toBe(before);
  keep(task(4));
  expect(sessionIds.value).toEqual(["s1", "s2", "s3", "s4"]);
});
