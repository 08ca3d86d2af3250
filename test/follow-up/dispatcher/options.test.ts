import { describe, expect, test } from "vitest";
import { FollowUpDispatcher } from "../../../src/follow-up/index.ts";
import { BackgroundTaskManager } from "../../../src/index.ts";
import { inFakeTime, soon } from "../../support/scene.ts";

inFakeTime();

describe("what it is given", () => {
  const tasks = new BackgroundTaskManager();
  const sound = { tasks, deliver: () => undefined };
  const make = (options: object) => new FollowUpDispatcher({ ...sound, ...options });

  test.each<[option: string, value: unknown, shown: string]>([
    ["tasks", undefined, "undefined"],
    ["tasks", {}, "an object"],
    ["tasks", null, "null"],
    ["deliver", "later", '"later"'],
    ["message", "hello", '"hello"'],
    ["concurrency", 0, "0"],
    ["concurrency", 1.5, "1.5"],
    ["concurrency", Number.NaN, "NaN"],
    ["concurrency", "3", '"3"'],
    ["coalesceMs", -1, "-1"],
    ["coalesceMs", Number.POSITIVE_INFINITY, "Infinity"],
    ["deliverTimeoutMs", 0, "0"],
    ["deliverTimeoutMs", Number.NaN, "NaN"],
    ["deliverTimeoutMs", "10", '"10"'],
    ["retryMs", -5, "-5"],
    ["retryMs", Number.POSITIVE_INFINITY, "Infinity"],
    ["maxRetryMs", Number.NaN, "NaN"],
    ["busyRetryMs", null, "null"],
    ["busyRetryMs", Number.POSITIVE_INFINITY, "Infinity"],
    ["maxConsecutiveTurns", 0, "0"],
    ["maxConsecutiveTurns", -Infinity, "-Infinity"],
    ["pollMs", 0, "0"],
    ["pollMs", Number.NaN, "NaN"],
    ["maxAttempts", 0, "0"],
    ["maxAttempts", 2.5, "2.5"],
    ["leaseMs", 99, "99"],
    ["leaseMs", "30000", '"30000"'],
    ["leaseMs", Number.POSITIVE_INFINITY, "Infinity"],
    ["maxResultChars", -1, "-1"],
    ["maxMessageChars", 0.5, "0.5"],
  ])("an unusable %s is refused, by name and value: %s", (option, value, shown) => {
    const wrong = expect.objectContaining({
      code: "invalid_option",
      message: expect.stringMatching(new RegExp(`^${option} must be .*; got ${escaped(shown)}\\.$`)),
    });
    expect(() => make({ [option]: value })).toThrow(wrong);
  });

  test.each(["retrys", "interval", "claimMs", "store"])(
    "an option that there is not is refused: %s",
    (name) => {
      expect(() => make({ [name]: 1 })).toThrow(
        expect.objectContaining({
          code: "invalid_option",
          message: expect.stringMatching(new RegExp(`^${name} is not an option; there are .*coalesceMs`)),
        }),
      );
    },
  );

  test("what is no manager is refused", () => {
    const foreign = { list: () => [], start: () => undefined, close: () => undefined };
    expect(() => make({ tasks: foreign })).toThrow(
      expect.objectContaining({ code: "invalid_option", message: expect.stringContaining("tasks must be") }),
    );
    expect(() => new FollowUpDispatcher(undefined as never)).toThrow(
      expect.objectContaining({ code: "invalid_option" }),
    );
  });

  test("what is undefined has its default, and no limit may be Infinity", () => {
    const none = {
      concurrency: undefined,
      leaseMs: undefined,
      message: undefined,
      maxResultChars: undefined,
    };
    const unlimited = { concurrency: Infinity, maxConsecutiveTurns: Infinity, maxAttempts: Infinity };
    for (const options of [
      none,
      { ...unlimited, deliverTimeoutMs: Infinity },
      { retryMs: 0, busyRetryMs: 0 },
    ]) {
      expect(make(options)).toBeInstanceOf(FollowUpDispatcher);
    }
  });

  test.each<[value: unknown, message: string]>([
    [undefined, "scope must be an object with a userId; got undefined."],
    [{}, "scope.userId must be a non-empty string; got undefined."],
    [{ userId: "" }, 'scope.userId must be a non-empty string; got "".'],
    [{ userId: "ada", sessionId: "" }, 'scope.sessionId must be a non-empty string or undefined; got "".'],
  ])("userSpoke and turnEnded name what is wrong with a scope: %j", async (scope, message) => {
    const refused = { code: "invalid_input", message };
    await expect(soon(make({}).userSpoke(scope as never))).rejects.toMatchObject(refused);
    await expect(soon(make({}).turnEnded(scope as never))).rejects.toMatchObject(refused);
  });

  test.each([-1, Number.NaN, "10", null])("stop names what is wrong with drainMs: %j", async (drainMs) => {
    await expect(soon(make({}).stop({ drainMs: drainMs as number }))).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringMatching(/^drainMs must be .*; got /),
    });
  });

  function escaped(text: string): string {
    return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  }
});
