import { afterEach, describe, expect, test, vi } from "vitest";
import type { Settlement } from "../../../src/core/model/session-claim.ts";
import type { TaskStore } from "../../../src/core/model/store.ts";
import { type SqliteDatabaseLike, sqliteStore } from "../../../src/stores/sqlite.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  finish,
  finishPending,
  insert,
  type Lab,
  LONG_MS,
  NO_LIMITS,
} from "../../../src/testing/suite/lab.ts";
import { TestClock, withoutMonotonic } from "../../support/test-clock.ts";
import { DRIVERS, newPath } from "./lab.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LEASE_MS = 30_000;
const KEEP_ALL = { finishedPerUser: null, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
const STEPS = [-HOUR_MS, HOUR_MS, -8 * DAY_MS, 8 * DAY_MS];

afterEach(() => void vi.restoreAllMocks());

/** The clock of the machine is set. */
function setClock(stepMs: number): void {
  const real = Date.now.bind(Date);
  vi.spyOn(Date, "now").mockImplementation(() => real() + stepMs);
}

const labOf = (store: TaskStore, clock: TestClock): Lab => ({
  store,
  now: clock.now,
  advance: async (ms) => clock.advance(ms),
});

describe.each(DRIVERS)("a clock that is set while the file is open, on $name", ({ open }) => {
  const clocks = (stepMs: number) => {
    const clock = new TestClock();
    const store = sqliteStore({ database: open(":memory:"), clock });
    return { clock, store, lab: labOf(store, clock), step: () => clock.step(stepMs) };
  };

  test.each(STEPS)("by %i ms ends no lease early or late", async (stepMs) => {
    const { clock, store, step } = clocks(stepMs);
    const { record } = makeTask();
    await store.insert({ record, events: [] }, NO_LIMITS, LEASE_MS);
    step();
    clock.advance(LEASE_MS - 1);
    expect(await store.lapsed(9)).toEqual([]);
    clock.advance(1);
    expect(await store.lapsed(9)).toMatchObject([{ id: record.id }]);
  });

  test.each(STEPS)("by %i ms ends no claim early or late", async (stepMs) => {
    const { clock, store, lab, step } = clocks(stepMs);
    await finishPending(lab);
    await store.claim("me", LEASE_MS, {});
    step();
    clock.advance(LEASE_MS - 1);
    expect(await store.claim("me", LEASE_MS, {})).toBeUndefined();
    clock.advance(1);
    expect(await store.claim("me", LEASE_MS, {})).toBeDefined();
  });

  test.each(STEPS)("by %i ms makes nothing due early or late", async (stepMs) => {
    const { clock, store, lab, step } = clocks(stepMs);
    await finishPending(lab);
    expect(await putOff(store, { type: "release", delayMs: 1_000 })).toBe(true);
    step();
    clock.advance(999);
    expect(await store.claim("me", LEASE_MS, {})).toBeUndefined();
    clock.advance(1);
    expect(await store.claim("me", LEASE_MS, {})).toBeDefined();
  });

  test.each(STEPS)("by %i ms makes nothing old enough early or late, or too old", async (stepMs) => {
    const { clock, store, lab, step } = clocks(stepMs);
    await finishPending(lab);
    await finish(lab);
    step();
    clock.advance(99);
    const limits = { ...KEEP_ALL, followUpTtlMs: 7 * DAY_MS, finishedTtlMs: DAY_MS };
    expect(await store.sweep(limits, 9)).toEqual({ expired: [], evicted: 0, more: false });
    expect(await store.claim("me", LEASE_MS, { minAgeMs: 100 })).toBeUndefined();
    clock.advance(1);
    expect(await store.claim("me", LEASE_MS, { minAgeMs: 100 })).toBeDefined();
    clock.advance(DAY_MS);
    expect(await store.sweep(limits, 9)).toMatchObject({ evicted: 1 });
  });

  test.each(STEPS)("by %i ms is shown all the same", async (stepMs) => {
    const { clock, store, lab, step } = clocks(stepMs);
    const record = await insert(lab);
    step();
    const patch = { completedAt: clock.now(), status: "completed" as const };
    const written = await store.transition(record, 1, { patch, events: [] });
    expect(written).toMatchObject({ completedAt: clock.now(), updatedAt: clock.now() });
  });
});

describe.each(DRIVERS)("a clock that was set between two processes, on $name", ({ open }) => {
  test.each(STEPS)("by %i ms: who comes after that agrees with who was there", async (stepMs) => {
    const path = newPath();
    const store = sqliteStore({ database: open(path) });
    const lab = { store, now: Date.now, advance: async () => undefined };
    await finishPending(lab);
    const running = await insert(lab);
    expect(await store.claim("me", LEASE_MS, {})).toBeDefined();
    setClock(stepMs);
    const late = sqliteStore({ database: open(path) });
    expect(await late.lapsed(9)).toEqual([]);
    expect(await late.claim("you", LEASE_MS, {})).toBeUndefined();
    await finishPending({ ...lab, store: late }, { sessionId: "late" });
    expect(await store.claim("me", LEASE_MS, {})).toMatchObject({ sessionId: "late" });
    expect(await store.sweep({ ...KEEP_ALL, followUpTtlMs: DAY_MS }, 9)).toMatchObject({ expired: [] });
    expect(await late.renew("process-1", [running], LONG_MS)).toMatchObject([{ owned: true }]);
    expect([await late.lapsed(9), await store.lapsed(9)]).toEqual([[], []]);
  });

  test("back while nobody had the file open, nothing waits until it has caught up", async () => {
    const [path, clock] = [newPath(), new TestClock()];
    const { store, close } = opened(open(path), clock);
    await finishPending(labOf(store, clock));
    expect(await putOff(store, { type: "release", delayMs: 1_000 })).toBe(true);
    await store.insert(makeTask(), NO_LIMITS, LEASE_MS);
    await close();
    clock.step(-HOUR_MS);
    const { store: next } = opened(open(path), clock);
    expect(await next.claim("me", LEASE_MS, {})).toBeUndefined();
    clock.advance(1_000);
    expect(await next.claim("me", LEASE_MS, {})).toBeDefined();
    clock.advance(LEASE_MS);
    expect(await next.lapsed(9)).toHaveLength(1);
  });
});

describe.each(DRIVERS)("a clock without durations that is set back, on $name", ({ open }) => {
  const setBack = () => {
    const clock = new TestClock();
    const store = sqliteStore({ database: open(":memory:"), clock: withoutMonotonic(clock) });
    const lab = labOf(store, clock);
    return { clock, store, lab };
  };

  test("what is further ahead than its own delay is due", async () => {
    const { clock, store, lab } = setBack();
    await finishPending(lab);
    expect(await putOff(store, { type: "release", delayMs: 5_000 })).toBe(true);
    clock.step(-HOUR_MS);
    expect(await store.claim("me", LEASE_MS, {})).toBeDefined();
  });

  test("what is not further ahead is not", async () => {
    const { clock, store, lab } = setBack();
    await finishPending(lab);
    expect(await putOff(store, { type: "release", delayMs: 60_000 })).toBe(true);
    clock.advance(10_000);
    clock.step(-5_000);
    expect(await store.claim("me", LEASE_MS, {})).toBeUndefined();
    clock.advance(55_000);
    expect(await store.claim("me", LEASE_MS, {})).toBeDefined();
  });

  test("a claim and a lease are over", async () => {
    const { clock, store, lab } = setBack();
    await finishPending(lab);
    await store.insert(makeTask(), NO_LIMITS, LEASE_MS);
    const lapsed = await store.claim("me", LEASE_MS, {});
    clock.step(-HOUR_MS);
    expect(lapsed && (await store.prolong(lapsed, LEASE_MS))).toBeUndefined();
    expect(await store.claim("me", LEASE_MS, {})).toBeDefined();
    expect(await store.lapsed(9)).toHaveLength(1);
  });

  test("nobody waits for longer than it has asked for", async () => {
    const { clock, store, lab } = setBack();
    await finishPending(lab);
    const session = { userId: "ada", sessionId: "session-1" };
    const terms = { by: "user", take: false, maxHolds: 3 } as const;
    const held = await store.hold("me", LEASE_MS, session, { ...terms, waitMs: 0 });
    await store.hold("another", LEASE_MS, session, { ...terms, waitMs: LEASE_MS });
    if ("token" in held) await store.settle(held, {});
    clock.advance(10_000);
    clock.step(-5_000);
    expect(await store.claim("me", LEASE_MS, {})).toBeUndefined();
    clock.step(-HOUR_MS);
    expect(await store.claim("me", LEASE_MS, {})).toBeDefined();
  });

  test("the number of a session goes on from where it was", async () => {
    const { clock, store, lab } = setBack();
    await finishPending(lab);
    const before = await store.claim("me", LEASE_MS, {});
    clock.step(-HOUR_MS);
    const after = await store.claim("me", LEASE_MS, {});
    expect(after?.number).toBe((before?.number ?? 0) + 1);
  });

  test("what has ended is old enough, in its order, and does not stay for longer", async () => {
    const { clock, store, lab } = setBack();
    for (const sessionId of ["b", "a"]) {
      await finishPending(lab, { sessionId });
      clock.advance(300);
    }
    await finish(lab);
    clock.step(-HOUR_MS);
    const minAgeMs = 100;
    expect(await store.claim("me", LEASE_MS, { minAgeMs })).toMatchObject({ sessionId: "b" });
    expect(await store.claim("me", LEASE_MS, { minAgeMs })).toMatchObject({ sessionId: "a" });
    expect(await store.sweep({ ...KEEP_ALL, finishedTtlMs: 5_000 }, 9)).toMatchObject({ evicted: 0 });
    clock.advance(5_000);
    expect(await store.sweep({ ...KEEP_ALL, finishedTtlMs: 5_000 }, 9)).toMatchObject({ evicted: 1 });
  });
});

function opened(database: SqliteDatabaseLike, clock: TestClock) {
  const store = sqliteStore({ database, clock });
  const close = async () => {
    await store.close();
    database.close();
  };
  return { store, close };
}

/** Claims what there is, and settles it. */
async function putOff(store: TaskStore, settlement: Settlement): Promise<boolean> {
  const claim = await store.claim("me", LONG_MS, {});
  const outcome = claim?.tasks.map(({ id }) => [id, settlement]);
  return claim !== undefined && (await store.settle(claim, Object.fromEntries(outcome ?? []))) !== undefined;
}
