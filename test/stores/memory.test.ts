import { describe, expect, test } from "vitest";
import type { SessionClaim } from "../../src/core/model/session-claim.ts";
import type { TaskStore } from "../../src/core/model/store.ts";
import type { TaskRecord } from "../../src/core/model/task.ts";
import { type Clock, systemClock } from "../../src/core/time/clock.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { makeTask } from "../../src/testing/make-task.ts";
import {
  ADA,
  change,
  completed,
  finish,
  idsOf,
  LONG_MS,
  NO_LIMITS,
  ofTasks,
  output,
  progress,
  upTo,
  whole,
} from "../../src/testing/suite/lab.ts";
import { canCollect, heapGrowth, heapUsed } from "../support/heap.ts";
import { restlessStore } from "../support/restless-store.ts";
import { storeSuite } from "./suite.ts";

let now = 1_750_000_000_000;
const clock: Clock = { ...systemClock, now: () => now };
const time = {
  now: () => now,
  advance: (ms: number) => {
    now += ms;
  },
};

const lab = { now: time.now, advance: async (ms: number) => time.advance(ms) };

storeSuite("memoryStore", () => memoryStore({ clock }), time);
storeSuite("memoryStore, far away", () => restlessStore(memoryStore({ clock })), time);
storeSuite("memoryStore by the clock of the machine", () => memoryStore());

const KEEP_NONE = { finishedPerUser: 0, finishedTtlMs: LONG_MS, followUpTtlMs: LONG_MS, followUpsPerUser: 0 };

describe("what goes in and out is isolated", () => {
  const KEY = "the same call";
  const lossy = { ...whole(1), lossy: ["$"] };
  const task = () =>
    makeTask(
      {
        metadata: { list: [{ deep: 1 }] },
        progress: { value: 1 },
        error: { code: "lost", message: "?" },
        cancel: { at: 1, by: "user", reason: null },
      },
      [progress(1), { at: 1, type: "task.failed", error: { code: "lost", message: "?" } }],
    );

  test("nobody changes the store through what they passed in", async () => {
    const store = memoryStore({ clock });
    const given = task();
    const { id } = given.record;
    await store.insert({ record: given.record, events: [] }, NO_LIMITS, LONG_MS);
    await expectToWithstand(store, id, given);
    const { cancel, error, followUp } = task().record;
    const made = { patch: { cancel, error, followUp }, events: task().events, result: lossy };
    await store.transition(given.record, 1, made);
    await expectToWithstand(store, id, made);
    const appended = [progress(3), output("x")];
    await store.append(given.record, "process-1", appended);
    await expectToWithstand(store, id, appended);
  });

  test("nobody changes the store through what they got out", async () => {
    const store = memoryStore({ clock });
    const record = { ...task().record, duplicateKey: KEY, cancel: null };
    const followUp = { status: "pending", mode: "interrupt", attempts: 0, reason: null } as const;
    const end = change({ status: "completed", completedAt: now, followUp }, [completed]);
    let claim: SessionClaim | undefined;
    const calls: (() => Promise<unknown>)[] = [
      () => store.insert({ ...task(), record }, NO_LIMITS, LONG_MS),
      () => store.insert({ record, events: [] }, NO_LIMITS, LONG_MS),
      () => store.insert(makeTask({ duplicateKey: KEY }), NO_LIMITS, LONG_MS),
      () => store.renew("process-1", [record], 0),
      () => store.lapsed(9),
      () => store.transition(record, 1, { ...end, result: lossy }),
      () => answersAbout(store, record.id),
      async () => {
        claim = await store.claim("me", LONG_MS, {});
        return claim?.tasks;
      },
      async () => claim && store.settle(claim, {}),
      () => store.sweep({ ...KEEP_NONE, finishedPerUser: 9 }, 9),
    ];
    for (const call of calls) await expectToWithstand(store, record.id, await call());
    expect(await store.get(ADA, record.id)).toMatchObject({ followUp: { status: "dropped" } });
  });

  async function expectToWithstand(store: TaskStore, id: string, shared: unknown): Promise<void> {
    const before = structuredClone(await answersAbout(store, id));
    spoil(shared);
    expect(await answersAbout(store, id)).toEqual(before);
  }

  async function answersAbout(store: TaskStore, id: string): Promise<unknown[]> {
    return [
      await store.get(ADA, id),
      await store.list(ADA, { limit: 9 }),
      await store.events(ADA, id, { after: 0, limit: 99 }),
      await store.result(ADA, id),
      await store.lapsed(9),
    ];
  }

  /** Changes everything that can be changed. */
  function spoil(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    for (const [key, part] of Object.entries(value)) {
      spoil(part);
      if (typeof part !== "object") Reflect.set(value, key, "spoilt");
    }
    Reflect.set(value, "spoilt", true);
  }
});

describe("the cost does not depend on how many tasks there are", () => {
  let comparisons = 0;
  let passed = 0;
  const counting: Clock = { ...clock, monotonic: () => counted(passed) };

  test("of writing, listing after a place, claiming and sweeping", async () => {
    const few = await comparisonsAmong(1_000);
    const many = await comparisonsAmong(16_000);
    expect(few).toBeGreaterThan(0);
    // Sixteen times the tasks are a few more steps in each binary search.
    expect(many).toBeLessThan(few * 2);
  });

  test("of sweeping users who have nothing new", async () => {
    const store = memoryStore({ clock: counting });
    const limits = () => ({ ...KEEP_NONE, finishedPerUser: counted(5), followUpsPerUser: counted(5) });
    for (const n of upTo(1_000)) await finishAt(store, n, n % 2 === 0, `user-${n}`);
    await store.sweep(limits(), 10);
    await finishAt(store, 1, false, "user-1");
    comparisons = 0;
    await store.sweep(limits(), 10);
    expect(comparisons).toBeLessThan(20);
  });

  async function comparisonsAmong(count: number): Promise<number> {
    const store = memoryStore({ clock: counting });
    for (const n of upTo(count)) await finishAt(store, n, n % 2 === 0);
    await store.sweep({ ...KEEP_NONE, finishedPerUser: count, followUpsPerUser: count }, count);
    comparisons = 0;
    await store.list(ADA, { limit: 20, after: { createdAt: count / 2, id: "" } });
    await finishAt(store, count + 1, false);
    const claim = await store.claim("me", LONG_MS, {});
    if (claim) await store.settle(claim, { [claim.tasks[0]?.id ?? ""]: { type: "acknowledge" } });
    await store.sweep({ ...KEEP_NONE, finishedPerUser: count / 2, followUpsPerUser: count }, 2);
    return comparisons;
  }

  async function finishAt(store: TaskStore, at: number, isPending: boolean, userId = "ada"): Promise<void> {
    const task = makeTask({ userId, createdAt: counted(at), sessionId: `session-${at}` });
    await store.insert(task, NO_LIMITS, LONG_MS);
    passed = at;
    const patch: Partial<TaskRecord> = { status: "completed", completedAt: at };
    if (isPending) patch.followUp = { status: "pending", mode: "when_idle", attempts: 0, reason: null };
    await store.transition(task.record, 1, { patch, events: [completed] });
  }

  /** An instant that knows how often it was looked at. */
  function counted(at: number): number {
    const instant = {
      valueOf: () => {
        comparisons += 1;
        return at;
      },
    };
    return instant as unknown as number;
  }
});

test("of tasks that ended at the same moment the lesser id goes first", async () => {
  const store = memoryStore({ clock });
  for (const id of ["c", "a", "d", "b"]) await finish({ store, ...lab }, { id });
  for (const finishedPerUser of [3, 2]) await store.sweep({ ...KEEP_NONE, finishedPerUser }, 9);
  expect((await idsOf({ store, ...lab }, "ada")).sort()).toEqual(["c", "d"]);
});

describe("memory", () => {
  test.skipIf(!canCollect)("a finished task is small, and leaves nothing when it goes", async () => {
    const count = 20_000;
    const fill = async (store: TaskStore) => {
      for (const n of upTo(count)) await finishOne(store, n);
    };
    // Another store comes first: what is compiled on the way stays, and is no leak.
    const before = memoryStore({ clock });
    await fill(before);
    await before.sweep(KEEP_NONE, count);
    await before.close();
    const store = memoryStore({ clock });
    const empty = heapUsed();
    await fill(store);
    expect((heapUsed() - empty) / count).toBeLessThan(1_500);
    await store.sweep(KEEP_NONE, count);
    expect(heapUsed() - empty).toBeLessThan(20 * count);
    await store.close();
  });

  test.skipIf(!canCollect)("neither a refused task nor a claim of evicted ones leaves anything", async () => {
    const count = 5_000;
    const store = memoryStore({ clock });
    const limits = { ...NO_LIMITS, runningPerUser: 0 };
    let users = 0;
    const growth = await heapGrowth(async () => {
      for (const _ of upTo(count)) {
        users += 1;
        await store.insert(makeTask({ userId: `user-${users}` }), limits, LONG_MS);
        await evictWhileClaimed(store, `user-${users}`);
      }
    });
    expect(growth).toBeLessThan(100 * count);
    await store.close();
  });

  async function evictWhileClaimed(store: TaskStore, userId: string): Promise<void> {
    const followUp = { status: "pending", mode: "when_idle", attempts: 0, reason: null } as const;
    const { record } = makeTask({ userId, status: "completed", followUp });
    await store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    const claim = await store.claim("me", LONG_MS, {});
    await store.transition(record, 2, change({ followUp: { ...followUp, status: "dropped" } }));
    await store.sweep(KEEP_NONE, 1);
    if (claim) await store.settle(claim, {});
  }

  async function finishOne(store: TaskStore, n: number): Promise<void> {
    const id = `task-number-${n}-of-many`;
    const task = makeTask({
      id,
      userId: `user-${n % 2_000}`,
      toolCallId: `call-${n}`,
      summary: `search(${n})`,
    });
    task.events.push({ at: now + n, type: "task.started" });
    await store.insert(task, NO_LIMITS, LONG_MS);
    const patch = { status: "completed", completedAt: now + n } as const;
    await store.transition(task.record, 1, {
      patch,
      events: [{ at: now + n, type: "task.completed" }],
      result: whole(n),
    });
  }
});

test("time is that of the clock it was given", async () => {
  const store = memoryStore({ clock: { ...systemClock, now: () => 123 } });
  const { record } = makeTask();
  await store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
  expect(await store.transition(record, 1, change({}))).toMatchObject({ updatedAt: 123 });
});

test("a clock that steps back disturbs no order", async () => {
  const store = memoryStore({ clock });
  const times = [5, 9, 2, 7, 1, 8];
  for (const at of times) {
    const { record } = makeTask({ id: `t${at}`, createdAt: at, status: "completed", completedAt: now + at });
    await store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
  }
  await store.sweep({ ...KEEP_NONE, finishedPerUser: 4 }, 9);
  const { records } = await store.list(ADA, { limit: 9 });
  expect(records.map((record) => record.id)).toEqual(["t9", "t8", "t7", "t5"]);
});

test("a listener may call the store: it is told when the write is over", async () => {
  const store = memoryStore({ clock });
  const seen: unknown[] = [];
  store.watch?.(
    ofTasks((hint) => {
      if (hint.lastSeq < 3)
        void store.append(hint, "process-1", [output("from the listener")]).then((seq) => seen.push(seq));
    }),
  );
  const { record } = makeTask();
  const insert = store.insert({ record, events: [completed] }, NO_LIMITS, LONG_MS);
  expect(seen).toEqual([]);
  await insert;
  await expect.poll(() => seen).toEqual([2, 3]);
});

test("listeners share nothing, and hear nothing of a store that is closed", async () => {
  const store = memoryStore({ clock });
  const seen: string[] = [];
  store.watch?.(ofTasks((hint) => void Object.assign(hint, { id: "spoilt" })));
  store.watch?.(ofTasks((hint) => void seen.push(hint.id)));
  const { record } = makeTask();
  await store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
  await expect.poll(() => seen).toEqual([record.id]);
  await Promise.all([store.append(record, "process-1", [output("x")]), store.close()]);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(seen).toEqual([record.id]);
});
