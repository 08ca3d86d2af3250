import { beforeEach, expect, test } from "vitest";
import { changeFor } from "../../src/core/model/lifecycle.ts";
import type { ClaimFilter, SessionKey } from "../../src/core/model/session-claim.ts";
import type { RetentionLimits, TaskStore } from "../../src/core/model/store.ts";
import { isFinished, type TaskRecord } from "../../src/core/model/task.ts";
import { makeTask } from "../../src/testing/make-task.ts";
import { LONG_MS, NO_LIMITS, output } from "../../src/testing/suite/lab.ts";
import { portraitsOf } from "./fixtures/portrait.ts";
import { ALL_MODES, OWNER } from "./fixtures/scribe.ts";
import { describeFixtures, idsOf, typesOf } from "./fixtures/stores.ts";
import { ADA, ADAS, CLAIMED, ODD, TURNED, ZOE, ZOES } from "./fixtures/world.ts";

const SESSIONS = [TURNED, CLAIMED, ADAS, ODD, ZOES];
const KEEP_ALL: RetentionLimits = {
  finishedPerUser: null,
  finishedTtlMs: null,
  followUpTtlMs: null,
  followUpsPerUser: null,
};

describeFixtures("0.1.0", (fixture) => {
  const { portraits, records, unfinished, outstanding, due } = fixture;
  let store: TaskStore;
  beforeEach(async () => {
    store = await fixture.open();
  });

  const read = (id: string) => fixture.read(store, id);
  const claim = (session: SessionKey, filter: ClaimFilter = {}) =>
    store.claim("me", LONG_MS, { session, modes: ALL_MODES, ...filter });
  const sweepAll = async (limits: Partial<RetentionLimits>) => {
    const expired: TaskRecord[] = [];
    for (let more = true; more; ) {
      const sweep = await store.sweep({ ...KEEP_ALL, ...limits }, 5);
      expired.push(...sweep.expired);
      more = sweep.more;
    }
    return expired;
  };

  test("everything reads back as it was", async () => {
    expect(await portraitsOf(store, [ADA, ZOE])).toStrictEqual(portraits);
  });

  test("sessions, statuses and pages find what is theirs", async () => {
    for (const { userId, sessionId } of SESSIONS) {
      if (sessionId === null) continue;
      const { records: listed } = await store.list({ userId, sessionId }, { limit: 100 });
      expect(listed).toEqual(records.filter((one) => one.userId === userId && one.sessionId === sessionId));
    }
    const adas = records.filter(({ userId }) => userId === ADA);
    const failed = await store.list({ userId: ADA }, { status: ["failed", "queued"], limit: 3 });
    expect(failed.records).toEqual(adas.filter(({ status }) => /failed|queued/.test(status)).slice(0, 3));
    expect(failed.more).toBe(true);
    const after = adas[7];
    const rest = await store.list({ userId: ADA }, { limit: 100, ...(after && { after }) });
    expect(rest.records).toEqual(adas.slice(8));
    expect(await store.get({ userId: ADA, sessionId: "another" }, "text")).toBeUndefined();
  });

  test("what runs and what waits has lapsed, until its owner is back", async () => {
    const lapsed = await store.lapsed(100);
    expect(lapsed.sort(byId)).toEqual([...unfinished].sort(byId));
    const renewals = await store.renew(OWNER, unfinished, LONG_MS);
    expect(renewals).toEqual(
      unfinished.map(({ id, version, cancel, owner }) => ({ id, owned: owner === OWNER, version, cancel })),
    );
    expect(idsOf(await store.lapsed(100))).toEqual(["taken-over"]);
  });

  test("a task that waits is admitted, with a lease as long as the first", async () => {
    const queued = await read("queued");
    const started = { type: "task.started", owner: "process-9", deadlineAt: null } as const;
    const change = changeOf(queued, started);
    const running = await store.admit(queued, queued.version, change, { ...NO_LIMITS, runningPerUser: 6 });
    expect(running).toMatchObject({ status: "running", owner: "process-9", version: 2, runs: 1, lastSeq: 2 });
    expect(idsOf(await store.lapsed(100))).not.toContain("queued");
    const { payload } = portraits.find(({ record }) => record.id === "queued") ?? {};
    expect(await store.payload(queued)).toEqual(payload);
    expect(await store.checkpoint(queued, "process-9", '{"page":1}')).toBe(true);
    expect(await store.payload(queued)).toEqual({ ...payload, checkpoint: '{"page":1}' });
  });

  test("limits and equal tasks are counted with what is there", async () => {
    const [running, queued] = [unfinishedOf("running"), unfinishedOf("queued")];
    const insert = (fields: Partial<TaskRecord>, limits: object) =>
      store.insert(makeTask({ userId: ADA, ...fields }), { ...NO_LIMITS, ...limits }, LONG_MS);
    const inTurned = running.filter(({ sessionId }) => sessionId === TURNED.sessionId).length;
    const fields = { sessionId: TURNED.sessionId };
    const { duplicateKey } = await read("twin");
    expect(await insert(fields, { runningPerUser: running.length })).toMatchObject({ status: "refused" });
    expect(await insert(fields, { runningPerSession: inTurned })).toMatchObject({ status: "refused" });
    expect(await insert(fields, { exclusive: true })).toMatchObject({ limit: "exclusive" });
    const waiting = { ...fields, status: "queued" } as const;
    expect(await insert(waiting, { queuedPerUser: queued.length })).toMatchObject({ status: "refused" });
    expect(await insert({ duplicateKey }, {})).toEqual({ status: "duplicate", record: await read("twin") });
    const room = { runningPerUser: running.length + 1, runningPerSession: inTurned + 1 };
    expect(await insert({ ...fields, userId: ZOE, duplicateKey }, room)).toMatchObject({
      status: "inserted",
    });
    expect(await insert(fields, room)).toMatchObject({ status: "inserted" });
    expect(await insert(waiting, { queuedPerUser: queued.length + 1 })).toMatchObject({ status: "inserted" });
  });

  test("an idempotency key is taken once", async () => {
    const asked = () =>
      store.insert(makeTask({ userId: ADA, idempotency: { key: "k", digest: "d" } }), NO_LIMITS, LONG_MS);
    const first = await asked();
    expect(first.status).toBe("inserted");
    expect(await asked()).toEqual({ ...first, status: "repeated" });
  });

  test("a full log goes on where it was, and lets go of the oldest", async () => {
    const chatty = await read("chatty");
    const { lastSeq } = chatty;
    expect(await store.append(chatty, OWNER, [output("one"), output("two 🦊")])).toBe(lastSeq + 2);
    const ended = await store.transition(
      chatty,
      chatty.version,
      changeOf(chatty, { type: "task.completed" }),
    );
    expect(ended).toMatchObject({ status: "completed", version: 2, lastSeq: lastSeq + 3 });
    const page = await store.events({ userId: ADA }, "chatty", { after: 0, limit: 2_000 });
    expect(page).toMatchObject({ truncated: true, nextAfter: lastSeq + 3 });
    const before = portraits.find(({ record }) => record.id === "chatty")?.log.events ?? [];
    expect(page?.events.slice(0, -3)).toEqual(before.slice(3));
    expect(page?.events.slice(-3)).toMatchObject([
      { seq: lastSeq + 1, chunk: "one" },
      { seq: lastSeq + 2, chunk: "two 🦊" },
      { seq: lastSeq + 3, type: "task.completed" },
    ]);
    expect(await store.append(chatty, OWNER, [output("late")])).toBe(0);
  });

  test("every follow-up that is due is claimed once, the lapsed claim's too, and settled", async () => {
    const told: TaskRecord[] = [];
    for (;;) {
      const claimed = await store.claim("me", LONG_MS, { modes: ALL_MODES });
      if (claimed === undefined) break;
      const outcome = claimed.tasks.map(({ id }) => [id, { type: "acknowledge" }] as const);
      told.push(...((await store.settle(claimed, Object.fromEntries(outcome))) ?? []));
    }
    expect(idsOf(told)).toEqual(idsOf(due));
    for (const { id, followUp } of told) {
      const attempts = (due.find((record) => record.id === id)?.followUp.attempts ?? 0) + 1;
      expect(followUp).toMatchObject({ status: "delivered", attempts });
    }
    for (const record of told) expect((await typesOf(store, record)).at(-1)).toBe("follow_up.delivered");
  });

  test("the claim that has lapsed is over for whoever held it", async () => {
    const [deadline, lost] = [await read("deadline"), await read("lost")];
    const old = { ...CLAIMED, token: fixture.token, tasks: [deadline, lost], turns: 0 };
    expect(await store.prolong(old, LONG_MS)).toBeUndefined();
    expect(await store.settle(old, { lost: { type: "acknowledge" } })).toBeUndefined();
    expect(await read("lost")).toEqual(lost);
    expect((await claim(CLAIMED))?.tasks.map(({ id }) => id)).toEqual(["deadline", "lost", "newcomer"]);
  });

  test("what was released for longer stays behind, unless its session is asked for", async () => {
    const released = async () => (await claim(ADAS))?.tasks.map(({ id }) => id);
    expect(await released()).toEqual(["shutdown", "cancelled-by-host"].sort(byCompletion(records)));
    const delayed = await claim(ZOES);
    expect(delayed?.tasks).toMatchObject([{ id: "delayed", followUp: { attempts: 2 } }]);
    await store.settle(delayed ?? missing(), { delayed: { type: "defer", delayMs: 0 } });
    expect(await read("delayed")).toMatchObject({ followUp: { status: "pending", attempts: 1 } });
    expect(await store.claim("me", LONG_MS, {})).toBeDefined();
  });

  test("the turns that were counted go on", async () => {
    expect(await claim(TURNED, { maxTurns: 2 })).toBeUndefined();
    const claimed = await claim(TURNED, { maxTurns: 3 });
    expect(claimed).toMatchObject({ turns: 2, tasks: [{ id: "tool-error" }, { id: "cancelled-by-user" }] });
    await store.settle(claimed ?? missing(), { "tool-error": { type: "acknowledge" } });
    expect(await claim(TURNED, { maxTurns: 3 })).toBeUndefined();
    await store.resetTurns(TURNED);
    expect(await claim(TURNED, { maxTurns: 1 })).toMatchObject({
      turns: 0,
      tasks: [{ id: "cancelled-by-user" }],
    });
  });

  test("what is too old goes, and the turns with it", async () => {
    const claimed = await claim(TURNED);
    await store.settle(claimed ?? missing(), {});
    const expired = await sweepAll({ finishedTtlMs: 1, followUpTtlMs: 1 });
    expect(idsOf(expired)).toEqual(idsOf(outstanding));
    for (const { followUp } of expired)
      expect(followUp).toMatchObject({ status: "dropped", reason: "expired" });
    const left = (await portraitsOf(store, [ADA, ZOE])).map(({ record }) => record);
    expect(left).toEqual(unfinished);
    const next = makeTask({ ...TURNED, owner: OWNER });
    await store.insert(next, NO_LIMITS, LONG_MS);
    const change = changeOf(next.record, { type: "task.completed" });
    await store.transition(next.record, 1, change);
    expect(await claim(TURNED, { maxTurns: 1 })).toMatchObject({ turns: 0 });
  });

  test("what is too much goes, the oldest first", async () => {
    const expired = await sweepAll({ followUpsPerUser: 2 });
    const kept = newestOf(outstanding, 2);
    expect(idsOf(expired)).toEqual(idsOf(outstanding.filter((record) => !kept.includes(record))));
    await sweepAll({ finishedPerUser: 3 });
    const left = (await portraitsOf(store, [ADA, ZOE])).map(({ record }) => record);
    const done = records
      .filter(({ status }) => isFinished(status))
      .filter((record) => !kept.includes(record));
    expect(idsOf(left)).toEqual(idsOf([...unfinished, ...kept, ...newestOf(done, 3)]));
  });

  function unfinishedOf(status: string): TaskRecord[] {
    return unfinished.filter((record) => record.userId === ADA && record.status === status);
  }
});

function changeOf(record: TaskRecord, event: Parameters<typeof changeFor>[1][number]) {
  return changeFor(record, [event], Date.now()) ?? missing();
}

/** The newest of each user, by when they ended. */
function newestOf(records: readonly TaskRecord[], count: number): TaskRecord[] {
  const sorted = [...records].sort((one, other) => (other.completedAt ?? 0) - (one.completedAt ?? 0));
  return [ADA, ZOE].flatMap((user) => sorted.filter(({ userId }) => userId === user).slice(0, count));
}

function byCompletion(records: readonly TaskRecord[]) {
  const endOf = (id: string) => records.find((record) => record.id === id)?.completedAt ?? 0;
  return (one: string, other: string) => endOf(one) - endOf(other);
}

function byId(one: TaskRecord, other: TaskRecord): number {
  return one.id < other.id ? -1 : 1;
}

function missing(): never {
  throw new Error("There is nothing.");
}
