import { expect, test, vi } from "vitest";
import type { TaskStore } from "../../../src/core/model/store.ts";
import { systemClock } from "../../../src/core/time/clock.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { LONG_MS, NO_LIMITS, upTo } from "../../../src/testing/suite/lab.ts";
import { canCollect, heapGrowth, heapUsed } from "../../support/heap.ts";

const MANY = 5_000;
const USERS = upTo(MANY).map((n) => `user-${n}`);
const KEEP_TURNS = { finishedPerUser: 0, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
const followUp = { status: "pending", mode: "when_idle", attempts: 0, reason: null } as const;

async function insertPending(store: TaskStore, userId: string): Promise<void> {
  await store.insert(makeTask({ userId, status: "completed", followUp }), NO_LIMITS, LONG_MS);
}

/** The session of each of these users has one more turn. */
async function countTurns(store: TaskStore, users: readonly string[]): Promise<void> {
  for (const user of users) {
    await insertPending(store, user);
    const claim = await store.claim("me", LONG_MS, { maxTurns: 2 * MANY });
    if (claim) await store.settle(claim, { [claim.tasks[0]?.id ?? ""]: { type: "acknowledge" } });
  }
}

test("a claim does not look at sessions that have had their turns, however many", async () => {
  const now = vi.fn(systemClock.now);
  const store = memoryStore({ clock: { ...systemClock, now } });
  await countTurns(store, USERS);
  for (const user of USERS) await insertPending(store, user);
  now.mockClear();
  expect(await store.claim("me", LONG_MS, { maxTurns: 1 })).toBeUndefined();
  // The clock is read for each follow-up that is looked at.
  expect(now.mock.calls.length).toBeLessThan(5);
  expect(await store.claim("me", LONG_MS, { maxTurns: 2 })).toMatchObject({ turns: 1 });
});

test.skipIf(!canCollect)("turns that are forgotten leave nothing", async () => {
  const store = memoryStore();
  await countTurns(store, USERS);
  await store.sweep(KEEP_TURNS, MANY);
  const counted = heapUsed();
  await store.sweep({ ...KEEP_TURNS, finishedTtlMs: 0 }, MANY);
  expect(heapUsed()).toBeLessThan(counted - 100 * MANY);
  await store.close();
});

test.skipIf(!canCollect)("many turns of a session take no more room than one", async () => {
  const store = memoryStore();
  const growth = await heapGrowth(async () => {
    await countTurns(store, new Array<string>(MANY).fill("ada"));
    await store.sweep(KEEP_TURNS, MANY);
  });
  expect(growth).toBeLessThan(100 * MANY);
  await insertPending(store, "ada");
  expect(await store.claim("me", LONG_MS, { maxTurns: 9 * MANY })).toMatchObject({ turns: 2 * MANY });
});
