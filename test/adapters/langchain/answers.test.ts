import { Command, interrupt, ParentCommand } from "@langchain/langgraph";
import { ToolMessage } from "langchain";
import { BackgroundTaskManager, memoryStore, type TaskStore } from "tool-offload";
import { describe, expect, test } from "vitest";
import { asks, aTool, bareLab, configOf, lab, latch, late, oneCall, result, says, scope } from "./lab.ts";

describe("what a tool answers", () => {
  test.each([
    ["a text", () => "plain", {}],
    ["an object", () => ({ a: [1] }), {}],
    ["blocks", () => [{ type: "text", text: "one" }], {}],
    ["content and an artifact", () => ["short", { long: true }], { responseFormat: "content_and_artifact" }],
    ["nothing", () => undefined, {}],
  ])("in time, %s, is what it is without us", async (_, run, fields) => {
    const tools = [aTool("work", run, fields as never)];
    const bare = bareLab({ tools, steps: oneCall() });
    const { tasks, say, rawOf } = lab({ tools, steps: oneCall() });
    await Promise.all([say("t1"), bare.say("t1")]);
    expect(await rawOf("t1")).toEqual(await bare.rawOf("t1"));
    await tasks.close();
  });

  test.each([
    ["a text", () => "plain", {}, "plain"],
    ["an object", () => ({ a: [1] }), {}, '{"a":[1]}'],
    ["blocks", () => [{ type: "text", text: "one" }], {}, [{ type: "text", text: "one" }]],
    ["content and an artifact", () => ["short", 1], { responseFormat: "content_and_artifact" }, "short"],
  ])("late, %s, is kept as the model would have seen it", async (_, run, fields, kept) => {
    const gate = latch();
    const tools = [aTool("work", () => gate.promise.then(() => run()), fields as never)];
    const { tasks, say } = lab({ tools, steps: oneCall(), ...late });
    await say("t1");
    gate.resolve(undefined);
    const answer = await result(tasks);
    expect(answer.result).toEqual({ status: "completed", value: kept, truncated: null, lossy: [] });
    await tasks.close();
  });

  test("a message that says of itself that it is an error fails the task", async () => {
    const gate = latch();
    const message = new ToolMessage({ content: "No space.", tool_call_id: "one", status: "error" });
    const tools = [aTool("work", () => gate.promise.then(() => message))];
    const { tasks, say } = lab({ tools, steps: oneCall(), ...late });
    await say("t1");
    gate.resolve(undefined);
    expect((await result(tasks)).task?.error).toEqual({ code: "tool_error", message: "No space." });
    await tasks.close();
  });

  test("a joined call gets a message of its own", async () => {
    const gate = latch();
    const tools = [aTool("work", () => gate.promise)];
    const same = () => ({ name: "work", args: { what: "same" } });
    const calls = asks();
    calls.tool_calls = [
      { ...same(), id: "one" },
      { ...same(), id: "two" },
    ];
    const work = { onDuplicate: "join", timeoutMs: 5_000 } as const;
    const { tasks, say, messagesOf } = lab({
      tools,
      steps: [calls, says("Done.")],
      middleware: { tools: { work } },
    });
    setTimeout(() => gate.resolve("both"), 50);
    await say("t1");
    const answers = (await messagesOf("t1")).slice(2, 4) as ToolMessage[];
    expect(answers.map(({ text, tool_call_id, name }) => [text, tool_call_id, name])).toEqual([
      ["both", "one", "work"],
      ["both", "two", "work"],
    ]);
    await tasks.close();
  });
});

describe("a Command", () => {
  const command = () =>
    new Command({ update: { messages: [new ToolMessage({ content: "Noted.", tool_call_id: "one" })] } });

  test("takes effect in time", async () => {
    const tools = [aTool("work", command)];
    const bare = bareLab({ tools, steps: oneCall() });
    const { tasks, say, rawOf } = lab({ tools, steps: oneCall() });
    await Promise.all([say("t1"), bare.say("t1")]);
    expect(await rawOf("t1")).toEqual(await bare.rawOf("t1"));
    await tasks.close();
  });

  test("that is too late fails the task, and says why", async () => {
    const gate = latch();
    const tools = [aTool("work", () => gate.promise.then(command))];
    const { tasks, say } = lab({ tools, steps: oneCall(), ...late });
    await say("t1");
    gate.resolve(undefined);
    expect((await result(tasks)).task).toMatchObject({
      status: "failed",
      error: {
        code: "tool_error",
        message:
          'The tool "work" has ended, but answered a Command, which takes no effect after the hand-over. It says: "Noted."',
      },
    });
    await tasks.close();
  });

  test("that comes while its record is being written takes effect", async () => {
    const gate = latch();
    const store = memoryStore();
    const insert: TaskStore["insert"] = async (...args) => {
      const inserted = await store.insert(...args);
      gate.resolve(undefined);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return inserted;
    };
    const manager = new BackgroundTaskManager({ store: { ...store, insert } });
    const tools = [aTool("work", () => gate.promise.then(command))];
    const { tasks, say, messagesOf } = lab({ tools, steps: oneCall(), tasks: manager, ...late });
    await say("t1");
    expect((await messagesOf("t1"))[2]?.text).toBe("Noted.");
    expect((await result(tasks)).task?.followUp).toMatchObject({ status: "dropped", reason: "returned" });
    await tasks.close();
  });
});

describe("an interrupt", () => {
  test("before the hand-over stops the run, which can be resumed", async () => {
    const tools = [aTool("work", () => interrupt("May I?"))];
    const { tasks, agent, say, messagesOf } = lab({ tools, steps: oneCall() });
    await say("t1");
    const { tasks: open } = await agent.graph.getState(configOf("t1"));
    expect(open[0]?.interrupts[0]?.value).toBe("May I?");
    await agent.invoke(new Command({ resume: "You may." }), configOf("t1"));
    expect((await messagesOf("t1"))[2]?.text).toBe("You may.");
    expect((await tasks.list(scope)).tasks).toEqual([]);
    await tasks.close();
  });

  test.each([
    ["interrupt()", () => interrupt("May I?"), "interrupt has no turn left to interrupt"],
    [
      "a Command to the parent graph, thrown",
      () => Promise.reject(new ParentCommand(new Command({ graph: Command.PARENT }))),
      "ParentCommand has no turn left to act on",
    ],
  ])("after it fails the task, and says why: %s", async (_what, act, reason) => {
    const gate = latch();
    const tools = [aTool("work", () => gate.promise.then(act))];
    const { tasks, say } = lab({ tools, steps: oneCall(), ...late });
    expect(await say("t1")).toBe("Done.");
    gate.resolve(undefined);
    const message = `${reason}: the call went on in the background.`;
    const error = { code: "tool_error", message: expect.stringContaining(message) };
    expect((await result(tasks)).task).toMatchObject({ status: "failed", error });
    await tasks.close();
  });
});

describe("a tool that returns directly", () => {
  const direct = { returnDirect: true };

  test("ends the turn in time, as without us", async () => {
    const tools = [aTool("work", () => "The answer.", direct)];
    const bare = bareLab({ tools, steps: [asks(["one", "work"])] });
    const { tasks, say, rawOf } = lab({ tools, steps: [asks(["one", "work"])] });
    expect(await say("t1")).toBe("The answer.");
    await bare.say("t1");
    expect(await rawOf("t1")).toEqual(await bare.rawOf("t1"));
    await tasks.close();
  });

  test("does not end it with a placeholder: the model goes on", async () => {
    const tools = [aTool("work", () => new Promise(() => undefined), direct)];
    const { tasks, say, messagesOf } = lab({
      tools,
      steps: [asks(["one", "work"]), says("It takes a while.")],
      ...late,
    });
    expect(await say("t1")).toBe("It takes a while.");
    expect((await messagesOf("t1"))[2]?.text).toContain("has not finished yet");
    await tasks.close({ drainMs: 0 });
  });
});
