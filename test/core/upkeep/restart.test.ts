import { beforeEach, describe, expect, test, vi } from "vitest";
import type { TaskStore } from "../../../src/core/model/store.ts";
import type { DurableContext, DurableTool, TaskInfo } from "../../../src/index.ts";
import { Page, pagePromise, subprocess } from "../../support/iterable-values.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
  pass,
  read,
  soon,
  stubborn,
  taskOf,
  typesOf,
} from "../../support/scene.ts";
import { until } from "../../support/until.ts";
import { LEASE_MS, processesOn, SHARED_STORES } from "./processes.ts";

inFakeTime();

describe.each(SHARED_STORES)("tools that may be started again on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });
  const { processOf, mortal } = processesOn(() => store);

  test("rule 18: a resumable tool goes on from its last checkpoint in another process", async () => {
    const starts: unknown[] = [];
    const tools = {
      search: {
        resumable: true,
        async execute(
          input: { query: string },
          { lastCheckpoint, checkpoint, idempotencyKey }: DurableContext,
        ) {
          starts.push([input, lastCheckpoint, idempotencyKey]);
          if (lastCheckpoint !== undefined) return `${input.query} from ${JSON.stringify(lastCheckpoint)}`;
          await checkpoint({ page: 1 });
          await checkpoint({ page: 2 });
          return stubborn();
        },
      },
    };
    const { tasks, die } = mortal({ tools });
    const other = processOf({ tools }).tasks;
    const call = callOf({ metadata: { model: "m1" }, toolCallId: "call-1" });
    const { id } = await soon(tasks.start(call, tools.search.execute as never));
    await pass(100);
    die();
    expect(await ended(other, id)).toMatchObject({ status: "completed", metadata: { model: "m1" } });
    expect(await soon(other.result(ADA, id))).toMatchObject({ value: 'cats from {"page":2}' });
    expect(starts).toEqual([
      [{ query: "cats" }, undefined, id],
      [{ query: "cats" }, { page: 2 }, id],
    ]);
    expect(await typesOf(other, id)).toEqual([
      "task.queued",
      "task.started",
      "task.started",
      "task.completed",
    ]);
  });

  test("a checkpoint of the foreground is kept with the task that the call becomes", async () => {
    const seen: unknown[] = [];
    const tools = {
      search: {
        resumable: true,
        async execute(_: unknown, { lastCheckpoint, checkpoint, taskId }: DurableContext) {
          seen.push([lastCheckpoint, taskId]);
          if (lastCheckpoint !== undefined) return "resumed";
          await checkpoint("early");
          return stubborn();
        },
      },
    };
    const { offload, die } = mortal({ tools });
    const other = processOf({ tools }).tasks;
    const { id } = taskOf(await soon(offload.run(callOf(), tools.search.execute as never)));
    await pass(100);
    die();
    await ended(other, id);
    expect(seen).toEqual([
      [undefined, null],
      ["early", id],
    ]);
  });

  test("rule 18: an idempotent tool is started again with the same key, up to `attempts`", async () => {
    const keys: string[] = [];
    const deadly = () => {
      const tools: Record<string, DurableTool> = {
        search: {
          idempotent: true,
          attempts: 3,
          execute(_, { idempotencyKey }) {
            keys.push(idempotencyKey);
            scene.die();
            return stubborn();
          },
        },
      };
      const scene = mortal({ tools });
      return { ...scene, tools };
    };
    const [first] = [deadly(), deadly(), deadly(), deadly(), deadly()];
    const execute = first?.tools.search?.execute as never;
    const { id } = (await soon(first?.tasks.start(callOf(), execute) as Promise<TaskInfo>)) as TaskInfo;
    await pass(10 * LEASE_MS);
    expect(keys).toEqual([id, id, id]);
    const last = processOf().tasks;
    expect(await read(last, id)).toMatchObject({ status: "failed", error: { code: "lost" } });
  });

  test("a queued task is taken up by another process, and starts there", async () => {
    const tools = {
      search: { idempotent: true, execute: (input: { query: string }) => `found ${input.query}` },
    };
    const { tasks, die } = mortal({ tools, limits: { running: 1 } });
    await soon(tasks.start(callOf({ toolName: "other" }), stubborn));
    const { id } = await soon(tasks.start(callOf(), tools.search.execute as never));
    die();
    const other = processOf({ tools }).tasks;
    await pass(2 * LEASE_MS);
    expect(await ended(other, id)).toMatchObject({ status: "completed" });
    expect(await soon(other.result(ADA, id))).toMatchObject({ value: "found cats" });
    expect(await typesOf(other, id)).toEqual(["task.queued", "task.started", "task.completed"]);
  });

  test("nothing is started again that is not declared to be, or whose input JSON cannot carry", async () => {
    const execute = vi.fn(stubborn);
    const tools = { plain: { execute }, search: { idempotent: true, execute } };
    const { tasks, die } = mortal({ tools });
    const other = processOf({ tools }).tasks;
    const plain = await soon(tasks.start(callOf({ toolName: "plain" }), execute));
    const odd = await soon(tasks.start(callOf({ input: { when: new Date() } }), execute));
    await pass(10);
    die();
    await pass(2 * LEASE_MS);
    for (const { id } of [plain, odd])
      expect(await read(other, id)).toMatchObject({ error: { code: "lost" } });
    expect(execute).toHaveBeenCalledTimes(2);
  });

  test("a checkpoint that JSON cannot carry is refused, naming the place", async () => {
    const refused = gate<unknown>();
    const tools = {
      search: {
        resumable: true,
        execute: (_: unknown, { checkpoint }: DurableContext) =>
          checkpoint({ a: [1n] }).catch(refused.resolve),
      },
    };
    const { tasks } = processOf({ tools });
    await soon(tasks.start(callOf(), tools.search.execute as never));
    expect(await soon(refused.promise)).toMatchObject({ code: "invalid_input", message: /"\/a\/0"/ });
  });

  test("a call that JSON cannot carry runs like any other, checkpoints and all", async () => {
    const tools: Record<string, DurableTool> = {
      search: {
        resumable: true,
        async execute(_, { checkpoint }) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          await checkpoint({ page: 1 });
          return "done";
        },
      },
    };
    const { tasks } = processOf({ tools });
    const { id } = await soon(tasks.start(callOf({ input: new Map() }), tools.search?.execute as never));
    expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
  });

  test("what JSON leaves out keeps no call from being started again", async () => {
    const seen: unknown[] = [];
    const execute = (input: unknown) => {
      seen.push(input);
      return stubborn();
    };
    const tools = { search: { idempotent: true, execute } };
    const { tasks, die } = mortal({ tools });
    processOf({ tools });
    await soon(tasks.start(callOf({ input: { branch: "main", tag: undefined } }), execute));
    await pass(10);
    die();
    await pass(2 * LEASE_MS);
    expect(seen).toEqual([{ branch: "main", tag: undefined }, { branch: "main" }]);
  });

  test("a streaming tool that is started again gives its last chunk", async () => {
    const tools: Record<string, DurableTool> = {
      search: {
        resumable: true,
        async *execute(_, { lastCheckpoint, checkpoint }) {
          yield "first ";
          await checkpoint(1);
          if (lastCheckpoint === undefined) await stubborn();
          yield "last";
        },
      },
    };
    const { offload, die } = mortal({ tools });
    const other = processOf({ tools }).tasks;
    const stream = offload.stream(callOf(), tools.search?.execute as never);
    const { id } = taskOf(await soon(stream.outcome));
    await pass(100);
    die();
    expect(await ended(other, id)).toMatchObject({ status: "completed" });
    expect(await soon(other.result(ADA, id))).toMatchObject({ value: "last" });
  });

  test.each([
    ["a subprocess of execa", () => subprocess("one", "two"), { stdout: "one\ntwo" }],
    ["a promise of a page", () => pagePromise("one"), { data: [{ id: "one" }] }],
    ["a page", () => new Page("one"), { data: [{ id: "one" }] }],
  ])("%s that is started again is the value that it is or comes to", async (_, made, value) => {
    vi.useRealTimers();
    const starts = vi.fn();
    const execute = () => {
      starts();
      return starts.mock.calls.length === 1 ? stubborn() : made();
    };
    const tools = { search: { idempotent: true, execute } };
    const { tasks, die } = mortal({ tools, leaseMs: 100 });
    const other = processOf({ tools, leaseMs: 100 }).tasks;
    const { id } = await tasks.start(callOf(), execute);
    await until(() => expect(starts).toHaveBeenCalled());
    die();
    await other.wait(ADA, [id]);
    expect(await other.result(ADA, id)).toMatchObject({ status: "completed", value });
    await other.close();
  });

  test("an adopted call is not started again: who started it knows nothing of keys", async () => {
    const execute = vi.fn(stubborn);
    const tools = { search: { idempotent: true, execute } };
    const { tasks, die } = mortal({ tools });
    const other = processOf({ tools }).tasks;
    const outside = { promise: stubborn(), abort: () => undefined, startedAt: Date.now() };
    const { id } = await soon(tasks.adopt(callOf(), outside));
    die();
    await pass(2 * LEASE_MS);
    expect(await read(other, id)).toMatchObject({ error: { code: "lost" } });
    expect(execute).not.toHaveBeenCalled();
  });
});
