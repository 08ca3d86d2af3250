import { getConfig } from "@langchain/langgraph";
import { BackgroundTaskManager } from "tool-offload";
import { taskTools } from "tool-offload/adapters/langchain";
import { describe, expect, test } from "vitest";
import { asks, configOf, lab, latch, says, scope } from "./lab.ts";

describe("the tools for the model", () => {
  test("see the thread they are called in, and are never offloaded", async () => {
    const tasks = new BackgroundTaskManager();
    for (const sessionId of ["t1", "t2"]) {
      await tasks.start({ toolName: sessionId, input: {}, scope: { userId: "ada", sessionId } }, () => 1);
    }
    const list = asks(["one", "task_list"]);
    list.tool_calls = [{ id: "one", name: "task_list", args: {} }];
    const always = { middleware: { tools: { task_list: { mode: "always" } } } } as const;
    const { say, messagesOf } = lab({
      tools: taskTools({ tasks }),
      steps: [list, says("Done.")],
      tasks,
      ...always,
    });
    await say("t1");
    const answer = JSON.parse((await messagesOf("t1"))[2]?.text ?? "");
    expect(answer.tasks.map(({ tool }: { tool: string }) => tool)).toEqual(["t1"]);
    await tasks.close();
  });

  test("who hears of what they do is not within the run", async () => {
    const heard: unknown[] = [];
    const manager = new BackgroundTaskManager();
    manager.on("task.cancel_requested", () => heard.push(getConfig()));
    const run = (_: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const { id } = await manager.start({ toolName: "work", input: {}, scope }, run);
    const stop = asks();
    stop.tool_calls = [{ id: "one", name: "task_stop", args: { task_id: id } }];
    const { tasks, say } = lab({
      tools: taskTools({ tasks: manager }),
      steps: [stop, says("Done.")],
      tasks: manager,
    });
    await say("t1");
    expect(heard).toEqual([undefined]);
    await tasks.close();
  });

  test("a result that nobody waits for any more has not been read", async () => {
    const gate = latch();
    const tasks = new BackgroundTaskManager();
    const { id } = await tasks.start({ toolName: "work", input: {}, scope }, () => gate.promise);
    const turn = new AbortController();
    const [, output] = taskTools({ tasks });
    const config = { ...configOf("t1"), signal: turn.signal };
    const reading = output?.invoke({ task_id: id, wait_ms: 5_000 } as never, config);
    setTimeout(() => turn.abort(new Error("The user has left.")), 20);
    await expect(reading).rejects.toThrow("The user has left.");
    gate.resolve("unread");
    await tasks.wait(scope, [id]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await tasks.get(scope, id))?.followUp.status).toBe("pending");
    await tasks.close();
  });

  test("are refused where the run has no thread, unless a scope says that they see all of the user's", async () => {
    const tasks = new BackgroundTaskManager();
    await tasks.start({ toolName: "elsewhere", input: {}, scope }, () => 1);
    const config = { configurable: { user_id: "ada" } };
    const [list] = taskTools({ tasks });
    const message =
      "scope.sessionId must be a non-empty string; got undefined. Give the run configurable.thread_id, or give the option scope.";
    await expect(list?.invoke({}, config)).rejects.toMatchObject({ code: "invalid_option", message });
    const [own] = taskTools({ tasks, scope: { userId: "ada" } });
    expect(await own?.invoke({}, config)).toMatchObject({ tasks: [{ tool: "elsewhere" }] });
    await tasks.close();
  });

  test("see a scope of one's own", async () => {
    const tasks = new BackgroundTaskManager();
    await tasks.start({ toolName: "mine", input: {}, scope: { userId: "eve" } }, () => 1);
    const given = { userId: "eve", sessionId: undefined } as never;
    for (const option of [given, () => given]) {
      const [list] = taskTools({ tasks, scope: option });
      expect(await list?.invoke({}, configOf("t1"))).toMatchObject({ tasks: [{ tool: "mine" }] });
    }
    await tasks.close();
  });
});
