import { expect, test } from "vitest";
import type { ClaimFilter, RetentionLimits, Sweep } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import {
  ADA,
  finish,
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
  const ago = (ms: number, fields: Partial<TaskRecord> = {}) => ({ ...fields, completedAt: lab.now() - ms });

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
    for (const n of upTo(4)) await finish(lab, { id: `ada-${n}`, createdAt: n, completedAt: 100 - n });
    for (const n of upTo(3)) await finish(lab, { id: `grace-${n}`, userId: "grace", completedAt: 1 });
    const limits = { finishedPerUser: 3 };
    expect(await sweep({ ...limits, finishedTtlMs: 2 * lab.now() })).toEqual({ ...NOTHING, evicted: 1 });
    expect(await idsOf(lab, "ada")).toEqual(["ada-3", "ada-2", "ada-1"]);
    expect(await idsOf(lab, "grace")).toHaveLength(3);
  });

  test("of tasks that ended at the same moment the lesser id goes first", async () => {
    const completedAt = lab.now();
    for (const id of ["c", "a", "d", "b"]) await finish(lab, { id, completedAt });
    for (const finishedPerUser of [3, 2]) await sweep({ finishedPerUser });
    expect((await idsOf(lab, "ada")).sort()).toEqual(["c", "d"]);
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

  test("a finished task outlives its time by nothing", async () => {
    await finish(lab, ago(5_000, { id: "old" }));
    await finish(lab, ago(100, { id: "new" }));
    expect(await sweep({ finishedTtlMs: 4_000 })).toEqual({ ...NOTHING, evicted: 1 });
    expect(await idsOf(lab, "ada")).toEqual(["new"]);
  });

  test("times that are not in order of writing are kept to all the same", async () => {
    for (const ms of [90_000, 10_000, 80_000, 20_000, 70_000]) await finish(lab, ago(ms, { id: `${ms}` }));
    expect(await sweep({ finishedTtlMs: 40_000 })).toEqual({ ...NOTHING, evicted: 3 });
    expect((await idsOf(lab, "ada")).sort()).toEqual(["10000", "20000"]);
  });

  test("an unfinished task is never evicted", async () => {
    await insert(lab, { createdAt: 1 });
    await insert(lab, { createdAt: 1, status: "queued" });
    const all = { finishedPerUser: 0, finishedTtlMs: 0, followUpTtlMs: 0, followUpsPerUser: 0 };
    expect(await sweep(all)).toEqual(NOTHING);
    expect(await idsOf(lab, "ada")).toHaveLength(2);
  });

  test("a task whose follow-up is outstanding is not evicted, and takes no other's place", async () => {
    await finishPending(lab, ago(9_000, { id: "pending" }));
    await finish(lab, ago(100, { id: "done" }));
    expect(await sweep({ finishedPerUser: 1, finishedTtlMs: 4_000 })).toEqual(NOTHING);
    expect(await idsOf(lab, "ada")).toHaveLength(2);
  });

  test("a task whose follow-up was delivered is a finished one like others", async () => {
    await finishPending(lab, ago(100));
    const claim = await lab.store.claim("me", LONG_MS, {});
    const id = claim?.tasks[0]?.id ?? "";
    if (claim) await lab.store.settle(claim, { [id]: { type: "acknowledge" } });
    expect(await sweep({ finishedPerUser: 0 })).toEqual({ ...NOTHING, evicted: 1 });
  });

  test("a follow-up that has outlived its time is dropped, with an event", async () => {
    const old = await finishPending(lab, ago(5_000), "silent");
    const young = await finishPending(lab, ago(100));
    const { expired, ...rest } = await sweep({ followUpTtlMs: 4_000 });
    expect(rest).toEqual({ evicted: 0, more: false });
    const followUp = { ...old.followUp, status: "dropped", reason: "expired" };
    const [record] = expired;
    expect(expired).toEqual([{ ...old, followUp, version: 3, lastSeq: 3, updatedAt: record?.updatedAt }]);
    expect(await read(lab, old)).toEqual(record);
    expect(await read(lab, young)).toEqual(young);
    const event = { seq: 3, type: "follow_up.dropped", reason: "expired" };
    expect((await log(lab, old)).at(-1)).toMatchObject(event);
    expect(await sweep({ followUpTtlMs: 4_000 })).toEqual(NOTHING);
  });

  test("a user keeps so many follow-ups; the oldest are dropped", async () => {
    for (const n of upTo(4))
      await finishPending(lab, ago(n * 10_000, { id: `ada-${n}` }), n > 2 ? "silent" : "interrupt");
    await finishPending(lab, { userId: "grace" });
    const { expired } = await sweep({ followUpsPerUser: 2 });
    expect(expired.map((record) => record.id).sort()).toEqual(["ada-3", "ada-4"]);
  });

  test("a task whose follow-up was dropped is kept as long as other finished ones", async () => {
    await finishPending(lab, ago(9_000, { id: "old" }));
    await finish(lab, ago(100, { id: "new" }));
    const limits = { finishedPerUser: 1, followUpTtlMs: 4_000 };
    const first = await sweep(limits);
    const second = await sweep(limits);
    expect(first.expired.map((record) => record.id)).toEqual(["old"]);
    expect(first.evicted + second.evicted).toBe(1);
    expect(await idsOf(lab, "ada")).toEqual(["new"]);
  });

  leaseTest(
    "a follow-up is not dropped while it is being delivered, but when its claim has lapsed",
    async (leaseMs) => {
      const record = await finishPending(lab, ago(9_000));
      await lab.store.claim("me", leaseMs, {});
      expect(await sweep({ followUpTtlMs: 4_000, followUpsPerUser: 0 })).toEqual(NOTHING);
      await lab.advance(leaseMs);
      const { expired } = await sweep({ followUpTtlMs: 4_000 });
      expect(expired.map(({ id, followUp }) => [id, followUp.status])).toEqual([[record.id, "dropped"]]);
    },
  );

  test("a dropped follow-up is never due again", async () => {
    await finishPending(lab, ago(9_000));
    await sweep({ followUpTtlMs: 4_000 });
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
    for (const n of upTo(7)) await finish(lab, { id: `done-${n}`, completedAt: n });
    for (const n of upTo(5)) await finishPending(lab, { completedAt: n, userId: "grace" });
    const limits = {
      finishedPerUser: 2,
      followUpsPerUser: 1,
      finishedTtlMs: 2 * lab.now(),
      followUpTtlMs: 2 * lab.now(),
    };
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
      for (const n of upTo(2)) await finish(lab, { completedAt: lab.now() - n });
      await finishPending(lab);
      done.push(await sweep(limits));
    }
    expect(done.map(({ evicted, expired }) => evicted + expired.length)).toEqual([0, 4, 4]);
  });

  test("stricter limits reach tasks that earlier sweeps have kept", async () => {
    for (const n of upTo(6)) await finish(lab, { completedAt: lab.now() - n });
    for (const n of upTo(6)) await finishPending(lab, { completedAt: lab.now() - n });
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
    for (const n of upTo(12)) await finish(lab, { completedAt: lab.now() - n });
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
