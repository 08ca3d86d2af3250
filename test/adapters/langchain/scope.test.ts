import { describe, expect, test } from "vitest";
import { aTool, lab, oneCall, scope } from "./lab.ts";

describe("whose a call is", () => {
  const slow = () => aTool("work", () => new Promise(() => undefined));
  const never = { middleware: { timeoutMs: 0 } };

  test("the run's user, and its thread as the session", async () => {
    const { tasks, say } = lab({ tools: [slow()], steps: oneCall(), ...never });
    await say("t1");
    expect((await tasks.list({ userId: "ada", sessionId: "t1" })).tasks).toHaveLength(1);
    expect((await tasks.list({ userId: "ada", sessionId: "t2" })).tasks).toEqual([]);
    await tasks.close({ drainMs: 0 });
  });

  test("the user of the context goes before that of configurable", async () => {
    const { tasks, say } = lab({ tools: [slow()], steps: oneCall(), ...never });
    await say("t1", { context: { userId: "bob" } });
    expect((await tasks.list({ userId: "bob", sessionId: "t1" })).tasks).toHaveLength(1);
    await tasks.close({ drainMs: 0 });
  });

  test.each([
    ["a scope gets the thread", { userId: "eve" }, { userId: "eve", sessionId: "t1" }],
    ["a scope may have a session", { userId: "eve", sessionId: "s" }, { userId: "eve", sessionId: "s" }],
    ["a scope may have none", { userId: "eve", sessionId: undefined }, { userId: "eve", sessionId: null }],
  ])("%s", async (_, given, expected) => {
    for (const option of [given, () => given] as never[]) {
      const { tasks, say } = lab({ tools: [slow()], steps: oneCall(), ...never, adapter: { scope: option } });
      await say("t1");
      const [task] = (await tasks.list({ userId: "eve" })).tasks;
      expect(task?.sessionId).toBe(expected.sessionId);
      await tasks.close({ drainMs: 0 });
    }
  });

  test("a run without a user ends with an error that says what to give", async () => {
    const { tasks, say } = lab({ tools: [slow()], steps: oneCall() });
    await expect(say("t1", { configurable: { thread_id: "t1" } })).rejects.toMatchObject({
      cause: {
        code: "invalid_option",
        message:
          "scope.userId must be a non-empty string; got undefined. " +
          "Give the run context.userId or configurable.user_id, or give the option scope.",
      },
    });
    await tasks.close();
  });

  test("its metadata comes back with the task", async () => {
    const metadata = (runtime: { context?: unknown }) => ({ model: "m1", context: runtime.context });
    const { tasks, say } = lab({ tools: [slow()], steps: oneCall(), ...never, adapter: { metadata } });
    await say("t1", { context: { tenant: "x" } });
    const [task] = (await tasks.list(scope)).tasks;
    expect(task?.metadata).toEqual({ model: "m1", context: { tenant: "x" } });
    await tasks.close({ drainMs: 0 });
  });
});
