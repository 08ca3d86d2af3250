import { describe, expect, test } from "vitest";
import { FollowUpInbox } from "../../../src/follow-up/index.ts";
import { BackgroundTaskManager } from "../../../src/index.ts";
import { ADA, inFakeTime, soon } from "../../support/scene.ts";
import { inboxOf } from "../processes.ts";

inFakeTime();

describe("what it is given", () => {
  const tasks = new BackgroundTaskManager();

  test.each<[option: string, value: unknown, shown: string]>([
    ["tasks", undefined, "undefined"],
    ["tasks", { list: () => [] }, "an object"],
    ["message", 5, "5"],
    ["maxAttempts", 0, "0"],
    ["maxAttempts", Number.NaN, "NaN"],
    ["leaseMs", 99, "99"],
    ["leaseMs", "1000", '"1000"'],
    ["leaseMs", Number.POSITIVE_INFINITY, "Infinity"],
    ["holdMs", -1, "-1"],
    ["holdMs", "10", '"10"'],
    ["maxResultChars", -1, "-1"],
    ["maxMessageChars", Number.NaN, "NaN"],
  ])("an unusable %s is refused, by name and value: %s", (option, value, shown) => {
    const make = () => new FollowUpInbox({ tasks, [option]: value });
    expect(make).toThrow(expect.objectContaining({ code: "invalid_option" }));
    expect(make).toThrow(new RegExp(`^${option} must be `));
    expect(make).toThrow(`; got ${shown}.`);
  });

  test.each(["hold", "deliver", "coalesceMs", "concurrency"])(
    "an option that there is not is refused: %s",
    (name) => {
      expect(() => new FollowUpInbox({ tasks, [name]: 1 })).toThrow(
        expect.objectContaining({
          code: "invalid_option",
          message: expect.stringMatching(new RegExp(`^${name} is not an option; there are .*holdMs`)),
        }),
      );
    },
  );

  test("what is undefined has its default", () => {
    const none = { holdMs: undefined, leaseMs: undefined, maxAttempts: undefined, message: undefined };
    expect(new FollowUpInbox({ tasks, ...none })).toBeInstanceOf(FollowUpInbox);
    expect(new FollowUpInbox({ tasks, holdMs: Infinity, maxAttempts: Infinity })).toBeInstanceOf(
      FollowUpInbox,
    );
  });

  test.each([undefined, null, {}, { during: "now" }, { during: "toString" }])(
    "a moment that is none is named: %j",
    async (options) => {
      const { inbox } = inboxOf(tasks);
      await expect(soon(inbox.claim(ADA, options as never))).rejects.toMatchObject({
        code: "invalid_input",
        message: expect.stringMatching(/^during must be "turn" or "idle"; got /),
      });
    },
  );

  test.each<[scope: unknown, field: string]>([
    [undefined, "scope"],
    [{}, "scope.userId"],
    [{ userId: "ada", sessionId: "" }, "scope.sessionId"],
    [{ userId: "ada", agentId: 3 }, "scope.agentId"],
  ])("what is wrong with a scope is named: %j", async (scope, field) => {
    const { inbox } = inboxOf(tasks);
    await expect(soon(inbox.claim(scope as never, { during: "idle" }))).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringMatching(new RegExp(`^${field} must be `)),
    });
  });
});
