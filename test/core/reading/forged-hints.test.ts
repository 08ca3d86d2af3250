import { expect, test } from "vitest";
import type { Damage, TaskHint } from "../../../src/core/model/store.ts";
import { BackgroundTaskManager, memoryStore, type TaskStore } from "../../../src/index.ts";
import { DamagedError } from "../../../src/stores/shared/damage.ts";
import { ADA, callOf, ended, gate, inFakeTime, pass, soon } from "../../support/scene.ts";

inFakeTime();

/** A store on whose channel anybody may write. */
function open() {
  const inner = memoryStore();
  const listeners = new Set<(hint: TaskHint) => void>();
  const watch: NonNullable<TaskStore["watch"]> = (listener) => {
    listeners.add(listener);
    const stop = inner.watch?.(listener);
    return () => {
      listeners.delete(listener);
      stop?.();
    };
  };
  const forge = (hint: TaskHint) => {
    for (const listener of listeners) listener(hint);
  };
  return { store: { ...inner, watch }, forge };
}

const FAR = Number.MAX_SAFE_INTEGER;

async function watched(scope = ADA, changed: (store: TaskStore) => TaskStore = (store) => store) {
  const { store, forge } = open();
  const tasks = new BackgroundTaskManager({ store: changed(store) });
  const done = gate();
  const { id } = await soon(tasks.start(callOf(), () => done.promise));
  await pass(10);
  const seen: string[] = [];
  const iterator = tasks.watch(scope)[Symbol.asyncIterator]();
  const reading = (async () => {
    for (let step = await iterator.next(); !step.done; step = await iterator.next()) {
      if (step.value.task.id === id) seen.push(`${step.value.event.seq} ${step.value.event.type}`);
    }
  })();
  const hint: TaskHint = {
    id,
    userId: "ada",
    sessionId: "s1",
    firstSeq: 1,
    lastSeq: 1,
    status: "running",
    followUp: "none",
  };
  return { tasks, forge, hint, id, done, seen, iterator, reading };
}

test.each([
  { firstSeq: FAR, lastSeq: FAR },
  { firstSeq: FAR, lastSeq: FAR, status: "completed", followUp: "delivered" },
  { firstSeq: 1_000, lastSeq: 1_000, sessionId: "s2" },
  { firstSeq: 1_000, lastSeq: 1_000, id: "nobody's" },
] satisfies Partial<TaskHint>[])(
  "a forged hint skips nothing in a watch, and does not end it: %j",
  async (forged) => {
    const { tasks, forge, hint, id, done, seen, iterator, reading } = await watched();
    for (let n = 0; n < 3; n += 1) {
      forge({ ...hint, ...forged });
      await pass(10);
    }
    done.resolve("x");
    await ended(tasks, id);
    await pass(10);
    expect(seen).toEqual(["3 task.completed"]);
    await iterator.return?.();
    await reading;
  },
);

test("a forged end does not end a wait, or a watch of one task", async () => {
  const { tasks, forge, hint, id, done } = await watched();
  const seen: string[] = [];
  const watching = (async () => {
    for await (const { event } of tasks.watch(ADA, { id })) seen.push(event.type);
  })();
  let isOver = false;
  const waiting = tasks.wait(ADA, [id], { timeoutMs: 60_000 }).finally(() => {
    isOver = true;
  });
  await pass(10);
  for (const status of ["completed", "failed", "cancelled"] as const) {
    forge({ ...hint, firstSeq: FAR, lastSeq: FAR, status, followUp: "delivered" });
    await pass(10);
  }
  expect(isOver).toBe(false);
  done.resolve("x");
  expect(await soon(waiting)).toMatchObject([{ status: "completed" }]);
  await soon(watching);
  expect(seen).toEqual(["task.queued", "task.started", "task.completed"]);
});

test("a hint at a damaged task does not end the watch of the others", async () => {
  const damage: Damage = { userId: "ada", taskId: "damaged", place: "tasks", reason: "it is no record" };
  const { tasks, forge, hint, id, done, seen, iterator, reading } = await watched(ADA, (store) => ({
    ...store,
    events: async (scope, task, query) => {
      if (task === "damaged") throw new DamagedError(damage);
      return store.events(scope, task, query);
    },
  }));
  forge({ ...hint, id: "damaged" });
  await pass(10);
  done.resolve("x");
  await ended(tasks, id);
  await pass(10);
  expect(seen).toEqual(["3 task.completed"]);
  await expect(tasks.events(ADA, "damaged")).rejects.toMatchObject({ code: "store_failed" });
  await iterator.return?.();
  await reading;
});

test("a hint that comes late, at a task that had ended before the watch began, tells nothing of it", async () => {
  const { store, forge } = open();
  const tasks = new BackgroundTaskManager({ store, followUps: false });
  const { id } = await soon(tasks.start(callOf(), async () => "done"));
  await ended(tasks, id);
  await pass(20_000);
  const seen: string[] = [];
  const iterator = tasks.watch(ADA)[Symbol.asyncIterator]();
  const reading = (async () => {
    for (let step = await iterator.next(); !step.done; step = await iterator.next())
      seen.push(`${step.value.task.toolName} ${step.value.event.seq}`);
  })();
  await pass(10);
  forge({
    id,
    userId: "ada",
    sessionId: "s1",
    firstSeq: 3,
    lastSeq: 3,
    status: "completed",
    followUp: "none",
  });
  await pass(100);
  expect(seen).toEqual([]);
  const next = await soon(tasks.start(callOf({ toolName: "next" }), async () => "done"));
  await ended(tasks, next.id);
  await pass(10);
  expect(seen).toEqual(["next 1", "next 2", "next 3"]);
  await iterator.return?.();
  await reading;
});
