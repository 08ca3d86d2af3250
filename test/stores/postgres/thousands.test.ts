import { expect, test } from "vitest";
import { makeTask } from "../../../src/testing/make-task.ts";
import { LONG_MS, NO_LIMITS } from "../../../src/testing/suite/lab.ts";
import { describePostgres } from "./lab.ts";

/** Far more than it takes, and far less than it would take to compare each task with each that is known. */
const STATEMENT_MS = 4_000;

describePostgres("a user with thousands of tasks", (lab) => {
  test("changes are found in a time that grows with their number, and not with its square", async () => {
    const store = lab.newStore({ pool: lab.newPool({ statement_timeout: STATEMENT_MS }) });
    const tasks = Array.from({ length: 1_500 }, () => makeTask());
    await Promise.all(tasks.map((task) => store.insert(task, NO_LIMITS, LONG_MS)));
    const known = Array.from({ length: 30_000 }, (_, n) => ({ id: `gone ${n}`, version: 1, lastSeq: 1 }));
    const [answer] = await store.changes([{ userId: "ada", known, since: null }], 2_000);
    expect([answer?.tasks.length, answer?.gone.length]).toEqual([1_500, 30_000]);
  });
});
