import { beforeEach, describe, expect, test, vi } from "vitest";
import type { TaskStore } from "../../../src/core/model/store.ts";
import type { DurableContext } from "../../../src/index.ts";
import { answersAfter, faultyStore, neverAnswers, rejects } from "../../support/faulty-store.ts";
import { callOf, ended, inFakeTime, logOf, pass, read, soon, stubborn } from "../../support/scene.ts";
import { LEASE_MS, processesOn, SHARED_STORES } from "./processes.ts";

inFakeTime();

describe.each(SHARED_STORES)("taking tasks over on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });
  const { processOf, mortal } = processesOn(() => store);

  test("rule 18: what a held-up process still writes stays out of the log of a task that was taken over", async () => {
    const contexts: DurableContext[] = [];
    const execute = (_: unknown, context: DurableContext) => {
      contexts.push(context);
      return stubborn();
    };
    const tools = { search: { idempotent: true, execute } };
    const line = faultyStore(store);
    const held = processOf({ store: line, tools }).tasks;
    const other = processOf({ tools }).tasks;
    const { id } = await soon(held.start(callOf(), execute as never));
    await pass(10);
    contexts[0]?.write("in time");
    await pass(200);
    for (const operation of ["renew", "get"] as const) line.always(operation, neverAnswers);
    await pass(2 * LEASE_MS);
    const taken = await read(other, id);
    const asked = line.asked.length;
    contexts[0]?.report({ value: 99 });
    contexts[0]?.write("too late");
    await pass(200);
    expect(line.asked.slice(asked).map(({ operation }) => operation)).toContain("append");
    expect(await read(other, id)).toEqual(taken);
    contexts[1]?.write("from the beginning");
    await pass(200);
    const events = (await logOf(other, id)).slice(2);
    expect(events).toMatchObject([
      { type: "task.output", chunk: "in time" },
      { type: "task.started" },
      { type: "task.output", chunk: "from the beginning" },
    ]);
    expect(events).toHaveLength(3);
  });

  test("rule 12: the deadline of a queued task goes with it", async () => {
    const tools = { search: { idempotent: true, execute: stubborn } };
    const { tasks, die } = mortal({ tools, limits: { running: 1 } });
    await soon(tasks.start(callOf({ toolName: "other" }), stubborn));
    const { id } = await soon(tasks.start(callOf(), stubborn, { deadlineMs: 500 }));
    die();
    const other = processOf({ tools }).tasks;
    await pass(3 * LEASE_MS);
    expect(await read(other, id)).toMatchObject({ error: { code: "deadline_exceeded" } });
  });

  test("rule 12: one whose deadline has passed is not started again", async () => {
    const execute = vi.fn(stubborn);
    const tools = { search: { idempotent: true, execute } };
    const { tasks, die } = mortal({ tools });
    const other = processOf({ tools }).tasks;
    const { id } = await soon(tasks.start(callOf(), execute, { deadlineMs: 1_000 }));
    await pass(10);
    die();
    await pass(2 * LEASE_MS);
    expect(execute).toHaveBeenCalledOnce();
    expect(await read(other, id)).toMatchObject({ error: { code: "deadline_exceeded" } });
  });

  test("rule 12: no more are taken up than there are places", async () => {
    const tools = { search: { idempotent: true, execute: stubborn } };
    const { tasks, die } = mortal({ tools });
    for (let i = 0; i < 6; i += 1) await soon(tasks.start(callOf({ input: i }), stubborn));
    await pass(10);
    die();
    const other = processOf({ tools, limits: { running: 2 } }).tasks;
    await pass(4 * LEASE_MS);
    expect(await other.stats()).toMatchObject({ running: 2 });
  });

  test("what waits for a place neither hides others that lapsed nor keeps the event loop", async () => {
    const tools = { work: { idempotent: true, execute: stubborn } };
    const many = { running: 1_000, runningPerUser: 1_000, runningPerSession: 1_000 };
    const first = mortal({ tools, limits: many });
    const counted = faultyStore(store);
    const other = processOf({ store: counted, tools, limits: { ...many, running: 10 } }).tasks;
    for (let n = 0; n < 250; n += 1) {
      const call = callOf({ toolName: "work", input: n });
      await soon(first.tasks.start(call, stubborn));
    }
    const { id } = await soon(first.tasks.start(callOf(), stubborn));
    await pass(10);
    first.die();
    await pass(2 * LEASE_MS);
    expect(await read(other, id)).toMatchObject({ status: "failed", error: { code: "lost" } });
    expect((await soon(other.stats())).running).toBe(10);
    const looks = counted.asked.filter(({ operation }) => operation === "lapsed").length;
    expect(looks).toBeLessThan(30);
  });

  test("a take-over that the store answers too late goes on all the same", async () => {
    const execute = vi.fn(stubborn);
    const tools = { search: { idempotent: true, execute } };
    const { tasks, die } = mortal({ tools });
    const { id } = await soon(tasks.start(callOf(), execute));
    await pass(10);
    die();
    const line = faultyStore(store);
    line.next("transition", answersAfter(2_500));
    const other = processOf({ tools, store: line }).tasks;
    await pass(3 * LEASE_MS);
    expect(execute).toHaveBeenCalledTimes(2);
    expect(await read(other, id)).toMatchObject({ status: "running" });
    expect(await other.stats()).toMatchObject({ running: 1 });
  });

  test("a store that cannot write is not asked without a pause", async () => {
    const tools = { search: { idempotent: true, execute: stubborn } };
    const { tasks, die } = mortal({ tools, limits: { runningPerUser: 200, runningPerSession: 200 } });
    for (let i = 0; i < 100; i += 1) await soon(tasks.start(callOf({ input: i }), stubborn));
    await pass(10);
    die();
    const line = faultyStore(store);
    line.always("transition", rejects);
    const other = processOf({ tools, store: line }).tasks;
    await pass(3 * LEASE_MS);
    const asked = line.asked.filter(({ operation }) => operation === "transition").length;
    expect(asked).toBeLessThan(1_500);
    await soon(other.close({ drainMs: 0 }), 10_000);
    const before = line.asked.length;
    await pass(10_000);
    expect(line.asked.length).toBe(before);
  });

  test("close gives up nothing that was started for the last time: it ends it", async () => {
    const tools = { search: { idempotent: true, attempts: 1, execute: stubborn } };
    const { tasks } = processOf({ tools });
    const other = processOf({ tools }).tasks;
    const { id } = await soon(tasks.start(callOf(), stubborn));
    await pass(10);
    await soon(tasks.close({ drainMs: 0 }), 5_000);
    expect(await read(other, id)).toMatchObject({ error: { code: "shutdown" } });
  });

  test("a process that closes takes nothing up", async () => {
    const execute = vi.fn(stubborn);
    const tools = { search: { idempotent: true, execute } };
    const { tasks, die } = mortal({ tools });
    const closing = processOf({ tools }).tasks;
    await soon(closing.start(callOf({ toolName: "own" }), stubborn));
    await soon(tasks.start(callOf(), execute));
    await pass(10);
    die();
    void closing.close({ drainMs: 4 * LEASE_MS });
    await pass(3 * LEASE_MS);
    expect(execute).toHaveBeenCalledOnce();
  });

  test("what a caller was told is over goes on nowhere", async () => {
    const execute = vi.fn(stubborn);
    const tools = { search: { idempotent: true, execute } };
    const line = faultyStore(store);
    line.next("insert", answersAfter(300));
    const { offload, tasks } = processOf({ tools, store: line });
    processOf({ tools });
    const outcome = offload.run(callOf(), execute);
    outcome.catch(() => undefined);
    await pass(200);
    const closing = tasks.close({ drainMs: 0 });
    await expect(soon(outcome)).rejects.toMatchObject({ code: "closed" });
    await soon(closing, 10_000);
    await pass(3 * LEASE_MS);
    expect(execute).toHaveBeenCalledOnce();
  });

  test("close lets go of them, and another process goes on at once", async () => {
    const tools = {
      search: {
        resumable: true,
        async execute(_: unknown, { lastCheckpoint, checkpoint }: DurableContext) {
          if (lastCheckpoint !== undefined) return "resumed";
          await checkpoint(1);
          return stubborn();
        },
      },
    };
    const { tasks } = processOf({ tools, leaseMs: 60_000 });
    const other = processOf({ tools }).tasks;
    const { id } = await soon(tasks.start(callOf(), tools.search.execute as never));
    await pass(100);
    await soon(tasks.close({ drainMs: 0 }), 5_000);
    expect(await ended(other, id)).toMatchObject({ status: "completed" });
  });
});
