import { describe, expect, expectTypeOf, test } from "vitest";
import type * as z from "zod";
import * as http from "../../src/http/index.ts";
import type * as core from "../../src/index.ts";

test("the types of the wire are the types of the core", () => {
  expectTypeOf<z.infer<typeof http.taskStatusSchema>>().toEqualTypeOf<core.TaskStatus>();
  expectTypeOf<z.infer<typeof http.taskInfoSchema>>().toEqualTypeOf<core.TaskInfo>();
  expectTypeOf<z.infer<typeof http.taskResultSchema>>().toEqualTypeOf<core.TaskResult>();
  expectTypeOf<z.infer<typeof http.taskEventSchema>>().branded.toEqualTypeOf<core.TaskEvent>();
  expectTypeOf<z.infer<typeof http.taskPageSchema>>().toEqualTypeOf<core.TaskPage>();
  expectTypeOf<z.infer<typeof http.eventPageSchema>>().branded.toEqualTypeOf<core.EventPage>();
  expectTypeOf<http.PendingTask>().toExtend<core.TaskInfo>();
});

test("what a query gives is what the core takes", () => {
  expectTypeOf<Omit<http.TaskListQuery, "sessionId">>().toExtend<core.TaskQuery>();
  expectTypeOf<http.EventsQuery>().toExtend<core.TaskEventQuery>();
  expectTypeOf<Omit<http.ResultQuery, "waitMs">>().toExtend<core.ResultRange>();
  expectTypeOf<http.CancelBody>().toExtend<core.CancelOptions>();
});

describe("whole numbers", () => {
  const limitOf = (limit: unknown) => http.listQuerySchema.safeParse({ limit }).data?.limit;

  test.each([
    ["10", 10],
    ["1", 1],
    ["500", 500],
    ["007", 7],
  ])("%j is %j", (text, number) => expect(limitOf(text)).toBe(number));

  test.each([
    ["10abc"],
    ["1e3"],
    [""],
    [" 5"],
    ["5 "],
    ["5\n"],
    ["-1"],
    ["+1"],
    ["1.5"],
    ["0x10"],
    ["٣"],
    ["NaN"],
    ["Infinity"],
    ["0"],
    ["501"],
    ["9".repeat(400)],
    [5],
    [["1", "2"]],
  ])("%j is refused", (text) => expect(http.listQuerySchema.safeParse({ limit: text }).success).toBe(false));

  test("beyond what a number can tell apart is refused", () => {
    const isSound = (text: string) => http.eventsQuerySchema.safeParse({ after: text }).success;
    expect(isSound("9007199254740991")).toBe(true);
    expect(isSound("9007199254740992")).toBe(false);
  });
});

describe("status", () => {
  const statusOf = (status: unknown) => http.listQuerySchema.safeParse({ status }).data?.status;

  test.each([
    ["running", ["running"]],
    ["running,queued", ["running", "queued"]],
    [
      ["running", "queued,failed"],
      ["running", "queued", "failed"],
    ],
    ["running,running", ["running"]],
  ])("%j is %j", (given, statuses) => expect(statusOf(given)).toEqual(statuses));

  test.each([[""], ["Running"], ["running,"], ["running, queued"], ["done"], ["running;queued"]])(
    "%j is refused",
    (given) => expect(statusOf(given)).toBeUndefined(),
  );
});
