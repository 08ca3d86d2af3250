import { expect, test } from "vitest";
import type { SessionClaim, Settlement } from "../../core/model/session-claim.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import {
  finishNext,
  finishPending,
  type Lab,
  LEASE_MS,
  LONG_MS,
  leaseTest,
  log,
  read,
  transition,
  upTo,
} from "./lab.ts";

export function settleSuite(lab: Lab): void {
  const claim = async (leaseMs = LONG_MS): Promise<SessionClaim> => {
    const answer = await lab.store.claim("me", leaseMs, {});
    if (answer === undefined) throw new Error("There is nothing to claim.");
    return answer;
  };
  const isClaimable = async () => (await lab.store.claim("me", LONG_MS, {})) !== undefined;
  const settleOne = async (settlement: Settlement): Promise<TaskRecord> => {
    const record = await finishPending(lab);
    const [settled] = (await lab.store.settle(await claim(), { [record.id]: settlement })) ?? [];
    expect(settled).toEqual(await read(lab, record));
    return settled ?? record;
  };
  const drop = async (record: TaskRecord): Promise<TaskRecord> => {
    const current = await read(lab, record);
    const followUp = { ...current.followUp, status: "dropped", reason: "observed" } as const;
    const events = [{ at: lab.now(), type: "follow_up.dropped", reason: "observed" } as const];
    return transition(lab, current, { patch: { followUp }, events });
  };

  test("acknowledge: delivered, with an event, and never due again", async () => {
    const record = await settleOne({ type: "acknowledge" });
    expect(record).toMatchObject({ version: 4, lastSeq: 3 });
    expect(record.followUp).toEqual({ status: "delivered", mode: "when_idle", attempts: 1, reason: null });
    expect((await log(lab, record)).at(-1)).toMatchObject({ seq: 3, type: "follow_up.delivered" });
    expect(await isClaimable()).toBe(false);
  });

  test("drop: dropped for a reason, with an event, and never due again", async () => {
    const record = await settleOne({ type: "drop", reason: "session_gone" });
    expect(record).toMatchObject({ version: 4, lastSeq: 3 });
    expect(record.followUp).toMatchObject({ status: "dropped", attempts: 1, reason: "session_gone" });
    const event = { seq: 3, type: "follow_up.dropped", reason: "session_gone" };
    expect((await log(lab, record)).at(-1)).toMatchObject(event);
    expect(await isClaimable()).toBe(false);
  });

  leaseTest("release: due again after its delay, the attempt spent", async (leaseMs) => {
    const record = await settleOne({ type: "release", delayMs: leaseMs });
    expect(record).toMatchObject({ version: 4, lastSeq: 2 });
    expect(record.followUp).toMatchObject({ status: "pending", attempts: 1 });
    expect(await isClaimable()).toBe(false);
    await lab.advance(leaseMs);
    expect((await claim()).tasks).toMatchObject([{ id: record.id, followUp: { attempts: 2 } }]);
  });

  leaseTest("defer: due again after its delay, the attempt given back", async (leaseMs) => {
    const record = await settleOne({ type: "defer", delayMs: leaseMs });
    expect(record).toMatchObject({ version: 4, lastSeq: 2 });
    expect(record.followUp).toMatchObject({ status: "pending", attempts: 0 });
    expect(await isClaimable()).toBe(false);
    await lab.advance(leaseMs);
    expect((await claim()).tasks).toMatchObject([{ id: record.id, followUp: { attempts: 1 } }]);
  });

  test("what was deferred comes along with anything else of its session, what was released does not", async () => {
    const released = await settleOne({ type: "release", delayMs: LONG_MS });
    const deferred = await settleOne({ type: "defer", delayMs: LONG_MS });
    expect(await isClaimable()).toBe(false);
    const other = await finishPending(lab);
    const answer = await claim();
    expect(answer.tasks.map(({ id }) => id).sort()).toEqual([deferred.id, other.id].sort());
    expect((await read(lab, released)).followUp).toMatchObject({ status: "pending", attempts: 1 });
  });

  test("what was deferred brings nothing of another session along", async () => {
    const deferred = await settleOne({ type: "defer", delayMs: LONG_MS });
    const elsewhere = await finishPending(lab, { sessionId: "another" });
    expect((await claim()).tasks.map(({ id }) => id)).toEqual([elsewhere.id]);
    expect((await read(lab, deferred)).followUp).toMatchObject({ status: "pending", attempts: 0 });
  });

  test("what was deferred and then failed waits like anything that failed", async () => {
    const record = await settleOne({ type: "defer", delayMs: 0 });
    await lab.store.settle(await claim(), { [record.id]: { type: "release", delayMs: LONG_MS } });
    const other = await finishPending(lab);
    expect((await claim()).tasks.map(({ id }) => id)).toEqual([other.id]);
  });

  test.each(["release", "defer"] as const)("%s without a delay: due at once", async (type) => {
    await settleOne({ type, delayMs: 0 });
    expect(await isClaimable()).toBe(true);
  });

  test("a delay begins when the claim is settled, and ends the one before", async () => {
    const { id } = await settleOne({ type: "release", delayMs: LEASE_MS });
    await lab.advance(LEASE_MS);
    const held = await claim();
    await lab.store.settle(held, { [id]: { type: "release", delayMs: LONG_MS } });
    await lab.advance(LEASE_MS);
    expect(await isClaimable()).toBe(false);
    const session = { userId: "ada", sessionId: "session-1" };
    const asked = await lab.store.claim("me", LONG_MS, { session });
    if (asked) await lab.store.settle(asked, { [id]: { type: "release", delayMs: 0 } });
    expect(await isClaimable()).toBe(true);
  });

  test("what is not yet due stays behind when its session is claimed", async () => {
    const released = await settleOne({ type: "release", delayMs: LONG_MS });
    const next = await finishPending(lab);
    expect((await claim()).tasks).toMatchObject([{ id: next.id }]);
    expect(await read(lab, released)).toEqual(released);
  });

  test("a follow-up that is not named is deferred, and due at once", async () => {
    const [named, unnamed] = [await finishPending(lab), await finishPending(lab)];
    const settled = await lab.store.settle(await claim(), { [named.id]: { type: "acknowledge" } });
    expect(settled?.find(({ id }) => id === unnamed.id)).toMatchObject({
      version: 4,
      followUp: { status: "pending", attempts: 0 },
    });
    expect((await claim()).tasks).toMatchObject([{ id: unnamed.id, followUp: { attempts: 1 } }]);
  });

  test("each follow-up has its own settlement; the records are answered in the order of the claim", async () => {
    const records: TaskRecord[] = [];
    for (const _ of upTo(4)) records.push(await finishNext(lab));
    const [one, two, three, four] = records.map((record) => record.id);
    const settled = await lab.store.settle(await claim(), {
      [four ?? ""]: { type: "defer", delayMs: 0 },
      [two ?? ""]: { type: "drop", reason: "exhausted" },
      [three ?? ""]: { type: "release", delayMs: 0 },
      [one ?? ""]: { type: "acknowledge" },
    });
    expect(
      settled?.map(({ id, lastSeq, followUp }) => [id, lastSeq, followUp.status, followUp.attempts]),
    ).toEqual([
      [one, 3, "delivered", 1],
      [two, 3, "dropped", 1],
      [three, 2, "pending", 1],
      [four, 2, "pending", 0],
    ]);
    expect(await Promise.all(records.map((record) => read(lab, record)))).toEqual(settled);
  });

  test("a claim is settled once", async () => {
    const record = await finishPending(lab);
    const held = await claim();
    const acknowledge = { [record.id]: { type: "acknowledge" } } as const;
    const answers = await Promise.all(upTo(5).map(() => lab.store.settle(held, acknowledge)));
    expect(answers.filter((answer) => answer !== undefined)).toMatchObject([[{ id: record.id }]]);
    expect(await log(lab, record)).toHaveLength(3);
  });

  test("settling one session leaves another of the same user leased", async () => {
    const one = await finishNext(lab, { sessionId: "one" });
    await finishNext(lab, { sessionId: "two" });
    const first = await claim();
    await claim();
    expect(await lab.store.settle(first, {})).toMatchObject([{ id: one.id }]);
    await finishNext(lab, { sessionId: "two" });
    expect((await claim()).tasks).toMatchObject([{ id: one.id }]);
    expect(await isClaimable()).toBe(false);
  });

  test("a claim that has lapsed is not settled, whether or not another has taken its place", async () => {
    const record = await finishPending(lab);
    const late = await claim(LEASE_MS);
    await lab.advance(LEASE_MS);
    const acknowledge = { [record.id]: { type: "acknowledge" } } as const;
    expect(await lab.store.settle(late, acknowledge)).toBeUndefined();
    const held = await claim();
    expect(await lab.store.settle(late, acknowledge)).toBeUndefined();
    expect(await read(lab, record)).toEqual(held.tasks[0]);
    expect(await log(lab, record)).toHaveLength(2);
    expect(await lab.store.settle(held, acknowledge)).toMatchObject([{ id: record.id, lastSeq: 3 }]);
  });

  test("a claim nobody has made is not settled", async () => {
    const record = await finishPending(lab);
    const forged = { token: "forged", userId: "ada", sessionId: "session-1", tasks: [record], turns: 0 };
    expect(await lab.store.settle(forged, { [record.id]: { type: "acknowledge" } })).toBeUndefined();
    expect(await read(lab, record)).toEqual(record);
  });

  test("only follow-ups of the claim are settled", async () => {
    const record = await finishNext(lab);
    const other = await finishNext(lab, { sessionId: "other" });
    const outcome = Object.fromEntries(
      [record.id, other.id, "unknown"].map((id) => [id, { type: "acknowledge" } as const]),
    );
    expect(await lab.store.settle(await claim(), outcome)).toMatchObject([{ id: record.id }]);
    expect(await read(lab, other)).toEqual(other);
  });

  test("a follow-up that was dropped while it was claimed stays dropped, and is not answered", async () => {
    for (const _ of upTo(3)) await finishNext(lab);
    const held = await claim();
    const [dropped, acknowledged, unnamed] = held.tasks as [TaskRecord, TaskRecord, TaskRecord];
    const after = await drop(dropped);
    const acknowledge = { type: "acknowledge" } as const;
    const outcome = { [dropped.id]: acknowledge, [acknowledged.id]: acknowledge };
    expect(await lab.store.settle(held, outcome)).toMatchObject([
      { id: acknowledged.id, lastSeq: 3, followUp: { status: "delivered" } },
      { id: unnamed.id, lastSeq: 2, followUp: { status: "pending" } },
    ]);
    expect(await read(lab, dropped)).toEqual(after);
    expect((await claim()).tasks).toMatchObject([{ id: unnamed.id }]);
  });

  test("a task that was evicted while it was claimed is not answered, nor the one that has its id", async () => {
    const [gone, kept] = [await finishNext(lab), await finishNext(lab)];
    const held = await claim();
    await drop(gone);
    const limits = { finishedPerUser: 0, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
    expect(await lab.store.sweep(limits, 9)).toMatchObject({ evicted: 1 });
    const next = await finishPending(lab, { id: gone.id });
    const outcome = { [gone.id]: { type: "acknowledge" }, [kept.id]: { type: "acknowledge" } } as const;
    expect(await lab.store.settle(held, outcome)).toMatchObject([{ id: kept.id }]);
    expect(await read(lab, next)).toEqual(next);
    expect((await claim()).tasks).toMatchObject([{ id: next.id }]);
  });

  test.each(["__proto__", "constructor", "toString"])("a task called %j is settled as named", async (id) => {
    const record = await finishPending(lab, { id });
    const pending = { status: "pending", attempts: 0 };
    expect(await lab.store.settle(await claim(), {})).toMatchObject([{ id, followUp: pending }]);
    const outcome = JSON.parse(`{${JSON.stringify(id)}:{"type":"acknowledge"}}`);
    expect(await lab.store.settle(await claim(), outcome)).toHaveLength(1);
    expect((await read(lab, record)).followUp.status).toBe("delivered");
  });
}
