import { getConfig } from "@langchain/langgraph";
import { createAgent, createMiddleware, fakeModel, HumanMessage, StructuredTool } from "langchain";
import type { TaskInfo } from "tool-offload";
import { toolContext } from "tool-offload/adapters/langchain";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import {
  asks,
  aTool,
  configOf,
  eventually,
  lab,
  latch,
  late,
  oneCall,
  result,
  says,
  scope,
  type ToolConfig,
} from "./lab.ts";

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
