import { expect, test } from "vitest";
import type { BackgroundTaskManager, TaskStore, ToolContext } from "../../../src/index.ts";
import { memoryStore } from "../../../src/index.ts";
import { type Fault, faultyStore, rejects } from "../../support/faulty-store.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
  pass,
  read,
  sceneOf,
  soon,
  stubborn,
  typesOf,
} from "../../support/scene.ts";

inFakeTime();

const LEASE_MS = 3_000;

/** A store that can be flushed while others use it. */
function flushable(isShared = true): TaskStore & { flush(): void } {
  let inner = memoryStore();
  const forward = (name: keyof TaskStore) => ({
    [name]: (...args: unknown[]) => (inner[name] as (...args: unknown[]) => unknown)(...args),
  });
  const names = Object.keys(inner).filter((name) => name !== "isShared") as (keyof TaskStore)[];
  const store = Object.assign({}, ...names.map(forward)) as TaskStore;
  const flush = () => {
    inner = memoryStore();
  };
  return { ...store, isShared, flush };
}

const isGone: Fault = async () => undefined as never;

function lossesOf(tasks: BackgroundTaskManager): string[] {
  const ids: string[] = [];
  tasks.on("record.lost", ({ scope, task }) => ids.push(`${scope.userId} ${task.id}`));
  return ids;
}

async function running(store: TaskStore, options = {}) {
  const { tasks } = sceneOf({ store, leaseMs: LEASE_MS });
  const done = gate();
  const tool = (_: unknown, { write }: ToolContext) => {
    write("one");
    return done.promise;
  };
  const { id } = await soon(tasks.start(callOf(), tool, options));
  await pass(200);
  return { tasks, done, id, losses: lossesOf(tasks) };
}

test("a running task that is gone is written anew with the next renewal, told once, and ends with its result", async () => {
  const store = flushable();
  const { tasks, done, id, losses } = await running(store);
  store.flush();
  await pass(LEASE_MS);
  expect(losses).toEqual([`ada ${id}`]);
  expect(await read(tasks, id)).toMatchObject({ status: "running", lastSeq: 4 });
  done.resolve("x");
  await ended(tasks, id);
  expect(await soon(tasks.result(ADA, id))).toMatchObject({ value: "x" });
  expect(await typesOf(tasks, id)).toEqual(["task.started", "task.completed"]);
  expect(losses).toHaveLength(1);
});

test("so is one whose end meets nothing, as often as that is lost", async () => {
  const store = faultyStore(flushable());
  const { tasks, done, id, losses } = await running(store);
  store.next("transition", isGone, isGone);
  store.next("get", isGone, isGone);
  store.next("insert", rejects, rejects);
  done.resolve("x");
  await pass(5_000);
  expect(await soon(tasks.result(ADA, id))).toMatchObject({ value: "x" });
  expect(losses).toEqual([`ada ${id}`, `ada ${id}`]);
});

test("it keeps its idempotency key, unless another task has taken that meanwhile", async () => {
  const store = flushable();
  const { tasks, id } = await running(store, { idempotencyKey: "k" });
  store.flush();
  await pass(LEASE_MS);
  expect(await soon(tasks.start(callOf(), stubborn, { idempotencyKey: "k" }))).toMatchObject({ id });
  store.flush();
  const other = await soon(tasks.start(callOf(), stubborn, { idempotencyKey: "k" }));
  expect(other.id).not.toBe(id);
  await pass(LEASE_MS);
  expect(await read(tasks, id)).toMatchObject({ id, status: "running" });
  expect(await soon(tasks.start(callOf(), stubborn, { idempotencyKey: "k" }))).toMatchObject({
    id: other.id,
  });
});

test("a watch goes on where it was", async () => {
  const store = flushable();
  const { tasks, done, id } = await running(store);
  const seen: string[] = [];
  const watching = (async () => {
    for await (const { event } of tasks.watch(ADA, { id })) seen.push(`${event.seq} ${event.type}`);
  })();
  await pass(10);
  store.flush();
  done.resolve("x");
  await soon(watching);
  expect(seen).toEqual([
    "1 task.queued",
    "2 task.started",
    "3 task.output",
    "4 task.started",
    "5 task.completed",
  ]);
});

test("a store that was down for longer than a lease, and has forgotten everything, gets it again", async () => {
  const inner = flushable();
  const store = faultyStore(inner);
  const { tasks, done, id, losses } = await running(store);
  const operations = ["insert", "get", "transition", "renew", "lapsed", "sweep"] as const;
  for (const operation of operations) store.always(operation, rejects);
  inner.flush();
  done.resolve("x");
  await pass(3 * LEASE_MS);
  for (const operation of operations) store.always(operation);
  await pass(3 * LEASE_MS);
  expect(losses).toEqual([`ada ${id}`]);
  expect(await soon(tasks.result(ADA, id))).toMatchObject({ value: "x" });
});

test("a store that serves one manager is believed to have lost it, however long that takes", async () => {
  const store = flushable(false);
  const { tasks, done, id, losses } = await running(store);
  await pass(10 * LEASE_MS);
  store.flush();
  done.resolve("x");
  await pass(10);
  await ended(tasks, id);
  expect(losses).toEqual([`ada ${id}`]);
});

test("what another may have ended while the process stood still is not written again", async () => {
  const store = flushable();
  const { tasks, done, id, losses } = await running(store);
  store.flush();
  // The wall clock goes on while the process does not.
  const { now } = Date;
  Date.now = () => now() + 2 * LEASE_MS;
  try {
    done.resolve("x");
    await pass(LEASE_MS);
    expect(losses).toEqual([]);
    expect(await soon(tasks.get(ADA, id))).toBeUndefined();
    const later = gate();
    const next = await soon(tasks.start(callOf(), () => later.promise));
    await pass(LEASE_MS);
    store.flush();
    later.resolve("y");
    await pass(10);
    await ended(tasks, next.id);
    expect(losses).toEqual([`ada ${next.id}`]);
  } finally {
    Date.now = now;
  }
});

test("what it takes to start the tool again is written too", async () => {
  const store = flushable();
  const done = gate();
  const tools = { build: { idempotent: true, execute: () => done.promise } };
  const { tasks } = sceneOf({ store, leaseMs: LEASE_MS, tools });
  const { id } = await soon(tasks.start(callOf({ toolName: "build" }), () => done.promise));
  await pass(200);
  const before = await store.payload({ userId: "ada", id });
  expect(before?.input).toContain("cats");
  store.flush();
  await pass(LEASE_MS);
  expect(await store.payload({ userId: "ada", id })).toEqual(before);
});
