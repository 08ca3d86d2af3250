import { Command, getConfig, interrupt } from "@langchain/langgraph";
import {
  createAgent,
  createMiddleware,
  fakeModel,
  HumanMessage,
  StructuredTool,
  ToolMessage,
  toolRetryMiddleware,
} from "langchain";
import { BackgroundTaskManager, memoryStore, type TaskInfo, type TaskStore } from "tool-offload";
import { taskTools, toolContext } from "tool-offload/adapters/langchain";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { asks, aTool, bareLab, configOf, eventually, lab, latch, says, type ToolConfig } from "./lab.ts";

const scope = { userId: "ada", sessionId: "t1" };
/** For calls that go on until the test ends them. */
const late = { middleware: { timeoutMs: 30 } };
const oneCall = () => [asks(["one", "work"]), says("Done.")];

async function result(tasks: BackgroundTaskManager, within = scope) {
  const [task] = (await tasks.list(within)).tasks;
  if (task === undefined) throw new Error("There is no task.");
  await tasks.wait(within, [task.id]);
  return { task: await tasks.get(within, task.id), result: await tasks.result(within, task.id) };
}

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

/** LangGraph writes on an error which of its own tasks it ended. */
function withoutTaskId(error: unknown) {
  return Object.assign(error as Error, { pregelTaskId: undefined });
}

describe("errors in time are what they are without us", () => {
  class OwnError extends TypeError {
    override name = "OwnError";
  }
  test.each([
    ["an error", new Error("It is broken.")],
    ["an error of a class", new OwnError("No such type.")],
    ["a text", "just a text"],
    ["a library's error", Object.assign(new Error("x"), { code: "E_X" })],
  ])("%s", async (_, thrown) => {
    const tools = [aTool("work", () => Promise.reject(thrown))];
    const bare = bareLab({ tools, steps: oneCall() });
    const { tasks, say, rawOf } = lab({ tools, steps: oneCall() });
    expect(await say("t1")).toBe(await bare.say("t1"));
    expect(await rawOf("t1")).toEqual(await bare.rawOf("t1"));
    await tasks.close();
  });

  test("null, over which LangChain itself stumbles, is told like the others", async () => {
    const tools = [aTool("work", () => Promise.reject(null))];
    await expect(bareLab({ tools, steps: oneCall() }).say("t1")).rejects.toThrow("reading 'name'");
    const { tasks, say, messagesOf } = lab({ tools, steps: oneCall() });
    await say("t1");
    expect((await messagesOf("t1"))[2]?.text).toBe("null\n Please fix your mistakes.");
    await tasks.close();
  });

  test("an input that the schema refuses", async () => {
    const wrong = () => [asks(["one", "work"]), says("Done.")];
    const schema = { type: "object", properties: { where: { type: "string" } }, required: ["where"] };
    const tools = [aTool("work", () => "never", { schema } as never)];
    const bare = bareLab({ tools, steps: wrong() });
    const { tasks, say, messagesOf } = lab({ tools, steps: wrong() });
    await Promise.all([say("t1"), bare.say("t1")]);
    const withoutStack = (text = "") => text.replace(/\n\s+at .*/g, "");
    const [own, theirs] = await Promise.all([messagesOf("t1"), bare.messagesOf("t1")]);
    expect(withoutStack(own[2]?.text)).toBe(withoutStack(theirs[2]?.text));
    expect(own[2]).toMatchObject({ status: "error", name: "work" });
    await tasks.close();
  });

  test("a tool that there is not", async () => {
    const steps = () => [asks(["one", "nothing"]), says("Done.")];
    const tools = [aTool("work", () => "x")];
    const bare = bareLab({ tools, steps: steps() });
    const { tasks, say, rawOf } = lab({ tools, steps: steps() });
    await Promise.all([say("t1"), bare.say("t1")]);
    expect(await rawOf("t1")).toEqual(await bare.rawOf("t1"));
    await tasks.close();
  });

  test("an abort of the run", async () => {
    let turn = new AbortController();
    const tools = [
      aTool("work", () => {
        setTimeout(() => turn.abort(new Error("The user has left.")), 20);
        return new Promise(() => undefined);
      }),
    ];
    const outcome = async (own: { say: (thread: string, config: object) => Promise<string> }) => {
      turn = new AbortController();
      return own.say("t1", { signal: turn.signal }).catch((error) => error);
    };
    const scene = lab({ tools, steps: oneCall(), middleware: { timeoutMs: 60_000 } });
    const bare = await outcome(bareLab({ tools, steps: oneCall() }));
    expect(withoutTaskId(await outcome(scene))).toEqual(withoutTaskId(bare));
    await scene.tasks.close({ drainMs: 0 });
  });

  test.each(["before", "after"])(
    "middleware listed %s sees them thrown, and can try again",
    async (place) => {
      let tries = 0;
      const tools = [aTool("work", () => (++tries < 3 ? Promise.reject(new Error("Not yet.")) : "at last"))];
      const retry = toolRetryMiddleware({ maxRetries: 3, initialDelayMs: 1, jitter: false });
      const { tasks, say, messagesOf } = lab({ tools, steps: oneCall(), [place]: [retry] });
      await say("t1");
      expect((await messagesOf("t1"))[2]?.text).toBe("at last");
      expect(tries).toBe(3);
      await tasks.close();
    },
  );

  test("middleware that fails ends the run", async () => {
    const broken = createMiddleware({
      name: "broken",
      wrapToolCall: () => Promise.reject(new Error("Mine.")),
    });
    const tools = [aTool("work", () => "x")];
    const bare = bareLab({ tools, steps: oneCall(), after: [broken] });
    const { tasks, say } = lab({ tools, steps: oneCall(), after: [broken] });
    const outcomes = await Promise.all([say("t1").catch((e) => e), bare.say("t1").catch((e) => e)]);
    expect(withoutTaskId(outcomes[0])).toEqual(withoutTaskId(outcomes[1]));
    expect(outcomes[0].message).toBe("Mine.");
    await tasks.close();
  });
});

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
          '"work" has ended, but answered a Command, which takes no effect after the hand-over. It says: "Noted."',
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

  test("after it fails the task", async () => {
    const gate = latch();
    const tools = [aTool("work", () => gate.promise.then(() => interrupt("May I?")))];
    const { tasks, say } = lab({ tools, steps: oneCall(), ...late });
    expect(await say("t1")).toBe("Done.");
    gate.resolve(undefined);
    expect((await result(tasks)).task?.status).toBe("failed");
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

describe("a tool that only another middleware knows", () => {
  const gate = latch();
  const tool = aTool("work", () => gate.promise);
  const supplier = createMiddleware({
    name: "supplier",
    wrapToolCall: (request, handler) => handler({ ...request, tool }),
  });

  test("is offloaded where that one stands further out", async () => {
    const { tasks, say } = lab({ steps: oneCall(), before: [supplier], ...late });
    await say("t1");
    gate.resolve("waited for");
    expect((await result(tasks)).result).toMatchObject({ value: "waited for" });
    await tasks.close();
  });

  test("is waited for where that one stands further in", async () => {
    const { tasks, say, messagesOf } = lab({
      steps: oneCall(),
      after: [supplier],
      middleware: { timeoutMs: 0 },
    });
    await say("t1");
    expect((await messagesOf("t1"))[2]?.text).toBe("waited for");
    expect((await tasks.list(scope)).tasks).toEqual([]);
    await tasks.close();
  });
});

describe("the signal that a tool gets", () => {
  test("is its own, everywhere in its config, and outlives the run", async () => {
    const gate = latch<ToolConfig>();
    const turn = new AbortController();
    const tools = [
      aTool("work", (_, config) => {
        gate.resolve(config);
        return new Promise(() => undefined);
      }),
    ];
    const leave = () => {
      turn.abort(new Error("The user has left."));
      return says("Nobody hears this.");
    };
    const { tasks, say } = lab({ tools, steps: [asks(["one", "work"]), leave], ...late });
    await expect(say("t1", { signal: turn.signal })).rejects.toThrow();
    const { signal, config } = await gate.promise;
    expect(signal.aborted).toBe(false);
    expect(config.signal).toBe(signal);
    const [task] = (await tasks.list(scope)).tasks;
    await tasks.cancel(scope, task?.id ?? "", { reason: "enough" });
    expect(signal.aborted).toBe(true);
    await tasks.close({ drainMs: 0 });
  });

  test("is its own in the async context too, for tools that hand no config on", async () => {
    const gate = latch<unknown[]>();
    class Plain extends StructuredTool {
      override name = "work";
      override description = "work";
      override schema = z.object({ what: z.string() });
      protected override async _call(_: unknown, __: unknown, config: { signal?: AbortSignal }) {
        gate.resolve([getConfig()?.signal, config.signal]);
        return "x";
      }
    }
    const { tasks, say } = lab({ tools: [new Plain()], steps: oneCall() });
    await say("t1");
    const [implicit, own] = await gate.promise;
    expect(implicit).toBe(own);
    await tasks.close();
  });

  test("is that of an agent that runs within the tool", async () => {
    const gate = latch();
    const inner = createAgent({
      model: fakeModel()
        .respond(asks(["inner", "wait"]))
        .respond(says("The inner answer.")),
      tools: [aTool("wait", () => gate.promise)],
    });
    const ask = async () => {
      const { messages } = await inner.invoke({ messages: [new HumanMessage("Go.")] });
      return messages.at(-1)?.text;
    };
    const turn = new AbortController();
    const leave = () => {
      turn.abort(new Error("The user has left."));
      return says("Nobody hears this.");
    };
    const { tasks, say } = lab({
      tools: [aTool("work", ask)],
      steps: [asks(["one", "work"]), leave],
      ...late,
    });
    await expect(say("t1", { signal: turn.signal })).rejects.toThrow();
    gate.resolve("found");
    expect((await result(tasks)).result).toMatchObject({ status: "completed", value: "The inner answer." });
    await tasks.close();
  });

  test("writing to the stream of a run that is over harms nobody", async () => {
    const gate = latch();
    const run = async (_: string, { writer }: ToolConfig & { writer?: (chunk: unknown) => void }) => {
      await gate.promise;
      writer?.("late");
      return "written";
    };
    const { tasks, agent } = lab({ tools: [aTool("work", run as never)], steps: oneCall(), ...late });
    const config = { ...configOf("t1"), streamMode: ["custom", "messages", "updates"] as never };
    for await (const _ of await agent.stream({ messages: [new HumanMessage("Go.")] }, config));
    gate.resolve(undefined);
    expect((await result(tasks)).result).toMatchObject({ status: "completed", value: "written" });
    await tasks.close();
  });
});

test("a tool reports, writes and knows its task by what it is given beside", async () => {
  const gate = latch();
  const run = async (_: string, config: ToolConfig) => {
    const context = toolContext(config);
    const first = context?.taskId;
    await gate.promise;
    context?.report({ value: 1, total: 2 });
    context?.write("so far\n");
    return [first, context?.taskId];
  };
  const { tasks, say } = lab({ tools: [aTool("work", run)], steps: oneCall(), ...late });
  await say("t1");
  gate.resolve(undefined);
  const { task, result: answer } = await result(tasks);
  expect(answer).toMatchObject({ value: JSON.stringify([null, task?.id]) });
  expect(task?.progress).toEqual({ value: 1, total: 2 });
  const { events } = await tasks.events(scope, task?.id ?? "");
  expect(events).toContainEqual(expect.objectContaining({ type: "task.output", chunk: "so far\n" }));
  expect(toolContext({})).toBe(undefined);
  await tasks.close();
});

test("who hears of a task is not within the run of its call", async () => {
  const gate = latch();
  const heard: unknown[] = [];
  const inside: unknown[] = [];
  const thread = () => getConfig()?.configurable?.thread_id;
  const run = async (_: string, config: ToolConfig) => {
    await gate.promise;
    inside.push(thread());
    toolContext(config)?.report({ value: 1 });
    toolContext(config)?.write("so far");
  };
  const { tasks, say } = lab({ tools: [aTool("work", run)], steps: oneCall(), ...late });
  const hear = ({ task }: { task: TaskInfo }) => heard.push([task.status, getConfig()]);
  for (const event of ["task.progress", "task.output", "task.completed"] as const) tasks.on(event, hear);
  await say("t1");
  gate.resolve(undefined);
  const running = ["running", undefined];
  await eventually(() => expect(heard).toEqual([running, running, ["completed", undefined]]));
  expect(inside).toEqual(["t1"]);
  await tasks.close();
});

test("middleware further in is within the run", async () => {
  const inside: unknown[] = [];
  const inner = createMiddleware({
    name: "inner",
    wrapToolCall: (request, handler) => {
      inside.push(getConfig()?.configurable?.thread_id);
      return handler(request);
    },
  });
  const { tasks, say } = lab({ tools: [aTool("work", () => "x")], steps: oneCall(), after: [inner] });
  await say("t1");
  expect(inside).toEqual(["t1"]);
  await tasks.close();
});

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
