import { expect, test } from "vitest";
import { isOutstanding } from "../../../src/core/model/follow-up.ts";
import type { SessionClaim, Settlement } from "../../../src/core/model/session-claim.ts";
import type { TaskStore } from "../../../src/core/model/store.ts";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { nameOfTask, shardOf } from "../../../src/stores/redis/names.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  change,
  completed,
  finish,
  LONG_MS,
  NO_LIMITS,
  upTo,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { describeWithServer, keysOf, labOf, newPrefix, newStore } from "./lab.ts";

const KEEP_ALL = { finishedPerUser: null, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
const HOLD = { by: "host", take: false, maxHolds: 3, waitMs: 20 } as const;
const END = {
  ...change(
    {
      status: "completed",
      completedAt: 1,
      followUp: { status: "pending", mode: "when_idle", attempts: 0, reason: null },
    },
    [completed],
  ),
  result: whole(42),
};

/** The same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

describeWithServer("a server that evicts", [], (lab) => {
  /** Tasks of all kinds, in some sessions of some users: running ones whose lease is over, and some that are done. */
  async function fill(store: TaskStore) {
    const [running, pending]: TaskRecord[][] = [[], []];
    const outcomes: Settlement[] = [
      ...upTo(8).map(() => ({ type: "acknowledge" }) as const),
      ...[{ type: "defer", delayMs: 0 } as const, { type: "defer", delayMs: 20 } as const],
      ...upTo(3).map(() => ({ type: "release", delayMs: 20 }) as const),
    ];
    for (const n of upTo(12)) {
      const userId = `user-${n % 6}`;
      const task = makeTask({ userId, sessionId: `s${n % 4}` });
      await store.insert(task, NO_LIMITS, -1);
      running?.push(task.record);
      for (const sessionId of ["s1", "s2", null]) {
        const { record } = makeTask({ userId, sessionId });
        await store.insert({ record, events: [completed] }, NO_LIMITS, LONG_MS);
        await store.transition(record, 1, END);
        pending?.push(record);
      }
      await finish(labOf(store), { userId });
      // Turns that were counted, and follow-ups that are delayed.
      const outcome = n > 3 ? outcomes.shift() : undefined;
      const claim = outcome && (await store.claim("me", LONG_MS, { maxTurns: 9 }));
      if (claim) await store.settle(claim, settledBy(claim, outcome));
    }
    // Claims and holds that nobody ends any more.
    await store.claim("dead", 20, {});
    for (const n of upTo(6)) {
      await store.hold("dead", 20, { userId: `user-${n % 6}`, sessionId: "s2" }, HOLD);
      await store.hold("late", 20, { userId: `user-${n % 6}`, sessionId: "s2" }, HOLD);
    }
    return { running: running ?? [], pending: pending ?? [] };
  }

  test.each(upTo(12))("170 of 300 keys: what is whole is delivered, and lapses (seed %i)", async (seed) => {
    const prefix = newPrefix();
    const filled = newStore(lab.client, prefix);
    const { running, pending } = await fill(filled);
    const outstanding = await outstandingIn(filled, pending);
    const random = randomFrom(seed);
    const keys = await keysOf(lab.client, prefix);
    expect(keys.length).toBeGreaterThan(250);
    // What a task is made of goes less often than the rest: else hardly any would be whole.
    const isLucky = (key: string) => /:(task|call|log|result):/.test(key) && random() < 0.85;
    const gone = keys.filter((key) => random() < 0.6 && !isLucky(key));
    expect(gone.length).toBeGreaterThan(60);
    await lab.client.del(...gone);
    const isWhole = (record: TaskRecord, parts: string[]) =>
      parts.every((part) => {
        const shard = `{${prefix}:${shardOf(record.userId, 16)}}`;
        return !gone.includes(`${shard}:${part}:${nameOfTask(record)}`);
      });
    const isDue = (record: TaskRecord) =>
      outstanding.has(record.id) && isWhole(record, ["task", "call", "log", "result"]);
    const toDeliver = pending.filter(isDue);
    const toLapse = running.filter((record) => isWhole(record, ["task", "call", "log"]));
    expect(toDeliver.length).toBeGreaterThan(5);

    const store = newStore(lab.client, prefix);
    const told = new Set<string | null>();
    store.onDamage?.(({ taskId }) => told.add(taskId));
    const delivered = new Set<string>();
    await until(async () => {
      for (let claim = await next(store); claim; claim = await next(store)) {
        const settled = await store.settle(claim, settledBy(claim, { type: "acknowledge" }));
        for (const { id } of settled ?? []) delivered.add(id);
      }
      for (const { id } of toDeliver) expect(delivered).toContain(id);
      const lapsed = (await store.lapsed(99)).map(({ id }) => id);
      for (const { id } of toLapse) expect(lapsed).toContain(id);
    });
    const whole = new Set([...toDeliver, ...toLapse].map(({ id }) => id));
    for (const id of told) expect(whole).not.toContain(id);
    await expectCounts(store, toLapse);
    const { evicted } = await store.sweep({ ...KEEP_ALL, finishedTtlMs: -1, finishedPerUser: 0 }, 999);
    expect(evicted).toBeGreaterThanOrEqual(toDeliver.length);
  });

  const next = (store: TaskStore) =>
    store.claim("me", LONG_MS, { modes: ["when_idle", "interrupt", "silent"] });

  /** Limits count what is there. */
  async function expectCounts(store: TaskStore, running: readonly TaskRecord[]): Promise<void> {
    for (const userId of new Set(running.map((record) => record.userId))) {
      const count = running.filter((record) => record.userId === userId).length;
      const insertAt = (runningPerUser: number) =>
        store.insert(makeTask({ userId, sessionId: null }), { ...NO_LIMITS, runningPerUser }, LONG_MS);
      expect(await insertAt(count)).toMatchObject({ status: "refused" });
      expect(await insertAt(count + 1)).toMatchObject({ status: "inserted" });
    }
  }
});

async function outstandingIn(store: TaskStore, records: readonly TaskRecord[]): Promise<Set<string>> {
  const read = await Promise.all(records.map(({ userId, id }) => store.get({ userId }, id)));
  return new Set(read.flatMap((record) => (record && isOutstanding(record.followUp) ? record.id : [])));
}

function settledBy({ tasks }: SessionClaim, settlement: Settlement): Record<string, Settlement> {
  return Object.fromEntries(tasks.map(({ id }) => [id, settlement]));
}
