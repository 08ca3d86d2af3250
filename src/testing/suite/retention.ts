import { expect, test } from "vitest";
import type { ClaimFilter } from "../../core/model/session-claim.ts";
import type { RetentionLimits, Sweep } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import {
  ADA,
  finish,
  finishNext,
  finishPending,
  idsOf,
  insert,
  type Lab,
  LONG_MS,
  leaseTest,
  log,
  output,
  read,
  upTo,
} from "./lab.ts";

export function retentionSuite(lab: Lab): void {
  const sweep = (limits: Partial<RetentionLimits>, limit = 1_000) =>
    lab.store.sweep({ ...KEEP_ALL, ...limits }, limit);
  const claim = (filter: ClaimFilter) => lab.store.claim("me", LONG_MS, filter);
  /** Counts a turn of the session. */
  const finishTurn = async (fields: Partial<TaskRecord> = {}) => {
    const { id } = await finishPending(lab, fields);
    const held = await claim({ maxTurns: 9 });
    expect(held && (await lab.store.settle(held, { [id]: { type: "acknowledge" } }))).toHaveLength(1);
  };

  test("an empty store and kept tasks are left alone", async () => {
    expect(await sweep({ finishedPerUser: 0 })).toEqual(NOTHING);
    await finish(lab);
    await finishPending(lab);
    expect(await sweep({})).toEqual(NOTHING);
  });

  test("keeps the newest finished tasks of each user, by the time they ended", async () => {
    for (const n of [4, 3, 2, 1]) {
      await finish(lab, { id: `ada-${n}`, createdAt: n });
      await lab.advance(1);
    }
    for (const n of upTo(3)) await finish(lab, { id: `grace-${n}`, userId: "grace" });
    expect(await sweep({ finishedPerUser: 3 })).toEqual({ ...NOTHING, evicted: 1 });
    expect(await idsOf(lab, "ada")).toEqual(["ada-3", "ada-2", "ada-1"]);
    expect(await idsOf(lab, "grace")).toHaveLength(3);
  });

  test("an evicted task is gone with its log and its result, and its id is free", async () => {
    const record = await finish(lab);
    expect(await sweep({ finishedPerUser: 0 })).toEqual({ ...NOTHING, evicted: 1 });
    expect(await lab.store.get(ADA, record.id)).toBeUndefined();
    expect(await lab.store.events(ADA, record.id, { after: 0, limit: 9 })).toBeUndefined();
    expect(await lab.store.result(ADA, record.id)).toBeUndefined();
    expect(await lab.store.transition(record, record.version, { patch: {}, events: [] })).toBeUndefined();
    expect(await insert(lab, { id: record.id })).toMatchObject({ status: "running", lastSeq: 1 });
    expect(await log(lab, record)).toHaveLength(1);
  });

  leaseTest("a finished task outlives its time by nothing", async (ttlMs) => {
    await finish(lab, { id: "old" });
    await lab.advance(ttlMs);
    await finish(lab, { id: "new" });
    expect(await sweep({ finishedTtlMs: ttlMs })).toEqual({ ...NOTHING, evicted: 1 });
    expect(await idsOf(lab, "ada")).toEqual(["new"]);
  });

  test("an unfinished task is never evicted", async () => {
    await insert(lab, { createdAt: 1 });
    await insert(lab, { createdAt: 1, status: "queued" });
    const all = { finishedPerUser: 0, finishedTtlMs: 0, followUpTtlMs: 0, followUpsPerUser: 0 };
    expect(await sweep(all)).toEqual(NOTHING);
    expect(await idsOf(lab, "ada")).toHaveLength(2);
  });

  test("a task whose follow-up is outstanding is not evicted, and takes no other's place", async () => {
    await finishPending(lab, { id: "pending" });
    expect(await sweep({ finishedPerUser: 0, finishedTtlMs: 0 })).toEqual(NOTHING);
    await finish(lab, { id: "done" });
    expect(await sweep({ finishedPerUser: 1 })).toEqual(NOTHING);
    expect(await idsOf(lab, "ada")).toHaveLength(2);
  });

  test("a task whose follow-up was delivered is a finished one like others", async () => {
    await finishPending(lab);
    const claim = await lab.store.claim("me", LONG_MS, {});
    const id = claim?.tasks[0]?.id ?? "";
    if (claim) await lab.store.settle(claim, { [id]: { type: "acknowledge" } });
    expect(await sweep({ finishedPerUser: 0 })).toEqual({ ...NOTHING, evicted: 1 });
  });

  leaseTest("a follow-up that has outlived its time is dropped, with an event", async (followUpTtlMs) => {
    const old = await finishPending(lab, {}, "silent");
    await lab.advance(followUpTtlMs);
    const young = await finishPending(lab);
    const { expired, ...rest } = await sweep({ followUpTtlMs });
    expect(rest).toEqual({ evicted: 0, more: false });
    const followUp = { ...old.followUp, status: "dropped", reason: "expired" };
    const [record] = expired;
    expect(expired).toEqual([{ ...old, followUp, version: 3, lastSeq: 3, updatedAt: record?.updatedAt }]);
    expect(await read(lab, old)).toEqual(record);
    expect(await read(lab, young)).toEqual(young);
    const event = { seq: 3, type: "follow_up.dropped", reason: "expired" };
    expect((await log(lab, old)).at(-1)).toMatchObject(event);
    expect(await sweep({ followUpTtlMs })).toEqual(NOTHING);
  });

  test("a user keeps so many follow-ups; the oldest are dropped", async () => {
    for (const n of [4, 3, 2, 1]) await finishNext(lab, { id: `ada-${n}` }, n > 2 ? "silent" : "interrupt");
    await finishPending(lab, { userId: "grace" });
    const { expired } = await sweep({ followUpsPerUser: 2 });
    expect(expired.map((record) => record.id).sort()).toEqual(["ada-3", "ada-4"]);
  });

  leaseTest("a task whose follow-up was dropped is kept as long as other finished ones", async (ttlMs) => {
    await finishPending(lab, { id: "old" });
    await lab.advance(ttlMs);
    await finish(lab, { id: "new" });
    const limits = { finishedPerUser: 1, followUpTtlMs: ttlMs };
    const first = await sweep(limits);
    const second = await sweep(limits);
    expect(first.expired.map((record) => record.id)).toEqual(["old"]);
    expect(first.evicted + second.evicted).toBe(1);
    expect(await idsOf(lab, "ada")).toEqual(["new"]);
  });

  leaseTest(
    "a follow-up is not dropped while it is being delivered, but when its claim has lapsed",
    async (leaseMs) => {
      const record = await finishPending(lab);
      await lab.store.claim("me", leaseMs, {});
      expect(await sweep({ followUpTtlMs: 0, followUpsPerUser: 0 })).toEqual(NOTHING);
      await lab.advance(leaseMs);
      const { expired } = await sweep({ followUpTtlMs: 0 });
      expect(expired.map(({ id, followUp }) => [id, followUp.status])).toEqual([[record.id, "dropped"]]);
    },
  );

  test("a dropped follow-up is never due again", async () => {
    await finishPending(lab);
    await sweep({ followUpTtlMs: 0 });
    expect(await lab.store.claim("me", LONG_MS, {})).toBeUndefined();
  });

  test("the turns of a session outlive its tasks", async () => {
    await finishTurn();
    expect(await sweep({ finishedPerUser: 0 })).toEqual({ ...NOTHING, evicted: 1 });
    await finishPending(lab);
    expect(await claim({})).toMatchObject({ turns: 1 });
  });

  test("the turns of a session are kept without end if finished tasks are", async () => {
    await finishTurn();
    await sweep({ finishedTtlMs: null });
    await finishPending(lab);
    expect(await claim({ maxTurns: 1 })).toBeUndefined();
    expect(await claim({})).toMatchObject({ turns: 1 });
  });

  leaseTest(
    "the turns of a session are forgotten when the last is as old as a finished task may be",
    async (leaseMs) => {
      await finishTurn();
      await lab.advance(2 * leaseMs);
      await finishTurn({ sessionId: "other" });
      await finishPending(lab);
      await finishPending(lab, { sessionId: "other" });
      expect(await claim({ maxTurns: 1 })).toBeUndefined();
      await sweep({ finishedTtlMs: 2 * leaseMs });
      expect(await claim({ maxTurns: 1 })).toMatchObject({ sessionId: "session-1", turns: 0 });
      expect(await claim({ maxTurns: 1 })).toBeUndefined();
      expect(await claim({})).toMatchObject({ sessionId: "other", turns: 1 });
    },
  );

  leaseTest("each turn that is counted begins the time anew for all of them", async (leaseMs) => {
    for (const sessionId of ["one", "two"]) await finishTurn({ sessionId });
    await lab.advance(2 * leaseMs);
    await finishTurn({ sessionId: "one" });
    await sweep({ finishedTtlMs: 2 * leaseMs });
    for (const sessionId of ["one", "two"]) await finishPending(lab, { sessionId });
    expect(await claim({ maxTurns: 1 })).toMatchObject({ sessionId: "two", turns: 0 });
    expect(await claim({})).toMatchObject({ sessionId: "one", turns: 2 });
  });

  test("touches no more tasks than it may, and says that there is more", async () => {
    for (const n of upTo(7)) {
      await finish(lab, { id: `done-${n}` });
      await lab.advance(1);
    }
    for (const _ of upTo(5)) await finishPending(lab, { userId: "grace" });
    const limits = { finishedPerUser: 2, followUpsPerUser: 1 };
    const sweeps: Sweep[] = [];
    do sweeps.push(await sweep(limits, 4));
    while (sweeps.at(-1)?.more && sweeps.length < 10);
    for (const { expired, evicted } of sweeps) expect(expired.length + evicted).toBeLessThanOrEqual(4);
    expect(sweeps[0]).toMatchObject({ more: true });
    expect(sweeps.flatMap((done) => done.expired)).toHaveLength(4);
    expect((await idsOf(lab, "ada")).sort()).toEqual(["done-6", "done-7"]);
    // The two oldest of those dropped, beyond the two that are kept.
    expect(await idsOf(lab, "grace")).toHaveLength(3);
  });

  test("each sweep finds what has come since the last", async () => {
    const limits = { finishedPerUser: 2, followUpsPerUser: 1 };
    const done: Sweep[] = [];
    for (const _ of upTo(3)) {
      for (const _ of upTo(2)) await finish(lab);
      await finishPending(lab);
      done.push(await sweep(limits));
    }
    expect(done.map(({ evicted, expired }) => evicted + expired.length)).toEqual([0, 4, 4]);
  });

  test("stricter limits reach tasks that earlier sweeps have kept", async () => {
    for (const _ of upTo(6)) await finish(lab);
    for (const _ of upTo(6)) await finishPending(lab);
    const done: Sweep[] = [];
    for (const kept of [5, 100, 3]) done.push(await sweep({ finishedPerUser: kept }));
    for (const kept of [5, 100, 3]) done.push(await sweep({ followUpsPerUser: kept }));
    expect(done.map(({ evicted, expired }) => [evicted, expired.length])).toEqual([
      [1, 0],
      [0, 0],
      [2, 0],
      [0, 1],
      [0, 0],
      [0, 2],
    ]);
  });

  test("sweeps at once evict no more than one would", async () => {
    for (const _ of upTo(12)) await finish(lab);
    const sweeps = await Promise.all(upTo(4).map(() => sweep({ finishedPerUser: 5 }, 3)));
    const more = await sweep({ finishedPerUser: 5 });
    expect([...sweeps, more].reduce((sum, { evicted }) => sum + evicted, 0)).toBe(7);
    expect(await idsOf(lab, "ada")).toHaveLength(5);
  });

  test("evicted tasks leave the limits of their user as they were", async () => {
    const running = await insert(lab, { id: "running" });
    for (const _ of upTo(3)) await finish(lab);
    await sweep({ finishedPerUser: 0 });
    expect(await idsOf(lab, "ada")).toEqual(["running"]);
    expect(await lab.store.append(running, "process-1", [output("x")])).toBe(2);
  });
}

const KEEP_ALL: RetentionLimits = {
  finishedPerUser: 1_000,
  finishedTtlMs: 100 * LONG_MS,
  followUpTtlMs: 100 * LONG_MS,
  followUpsPerUser: 1_000,
};
const NOTHING: Sweep = { expired: [], evicted: 0, more: false };
