import { expect, test } from "vitest";
import type { SessionClaim, Settlement } from "../../../src/core/store.ts";
import type { TaskRecord } from "../../../src/core/task.ts";
import { finishPending, type Lab, LEASE_MS, LONG_MS, log, read, transition, upTo } from "./lab.ts";

export function settleSuite(lab: Lab): void {
  const claim = async (leaseMs = LONG_MS): Promise<SessionClaim> => {
    const answer = await lab.store.claim("me", leaseMs, {});
    if (answer === undefined) throw new Error("There is nothing to claim.");
    return answer;
  };
  const isClaimable = async () => (await lab.store.claim("me", LONG_MS, {})) !== undefined;
  const settleOne = async (settlement: Settlement): Promise<TaskRecord> => {
    const record = await finishPending(lab);
    expect(await lab.store.settle(await claim(), { [record.id]: settlement })).toBe(true);
    return read(lab, record);
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

  test("release: due again at its time, the attempt spent", async () => {
    const record = await settleOne({ type: "release", dueAt: lab.now() + LEASE_MS });
    expect(record).toMatchObject({ version: 4, lastSeq: 2 });
    expect(record.followUp).toMatchObject({ status: "pending", attempts: 1 });
    expect(await isClaimable()).toBe(false);
    await lab.advance(LEASE_MS);
    expect((await claim()).tasks).toMatchObject([{ id: record.id, followUp: { attempts: 2 } }]);
  });

  test("defer: due again at its time, the attempt given back", async () => {
    const record = await settleOne({ type: "defer", dueAt: lab.now() + LEASE_MS });
    expect(record).toMatchObject({ version: 4, lastSeq: 2 });
    expect(record.followUp).toMatchObject({ status: "pending", attempts: 0 });
    expect(await isClaimable()).toBe(false);
    await lab.advance(LEASE_MS);
    expect((await claim()).tasks).toMatchObject([{ id: record.id, followUp: { attempts: 1 } }]);
  });

  test("what is due at a past time is due at once", async () => {
    await settleOne({ type: "release", dueAt: 0 });
    expect(await isClaimable()).toBe(true);
  });

  test("what is not yet due stays behind when its session is claimed", async () => {
    const deferred = await settleOne({ type: "defer", dueAt: lab.now() + LONG_MS });
    const next = await finishPending(lab);
    expect((await claim()).tasks).toMatchObject([{ id: next.id }]);
    expect(await read(lab, deferred)).toEqual(deferred);
  });

  test("a follow-up that is not named is deferred, and due at once", async () => {
    const [named, unnamed] = [await finishPending(lab), await finishPending(lab)];
    expect(await lab.store.settle(await claim(), { [named.id]: { type: "acknowledge" } })).toBe(true);
    expect(await read(lab, unnamed)).toMatchObject({
      version: 4,
      followUp: { status: "pending", attempts: 0 },
    });
    expect((await claim()).tasks).toMatchObject([{ id: unnamed.id, followUp: { attempts: 1 } }]);
  });

  test("each follow-up of a claim has its own settlement", async () => {
    const records = await Promise.all(upTo(4).map((n) => finishPending(lab, { completedAt: n })));
    const [one, two, three, four] = records.map((record) => record.id);
    await lab.store.settle(await claim(), {
      [one ?? ""]: { type: "acknowledge" },
      [two ?? ""]: { type: "drop", reason: "exhausted" },
      [three ?? ""]: { type: "release", dueAt: 0 },
      [four ?? ""]: { type: "defer", dueAt: 0 },
    });
    const settled = await Promise.all(records.map((record) => read(lab, record)));
    expect(settled.map(({ followUp }) => [followUp.status, followUp.attempts])).toEqual([
      ["delivered", 1],
      ["dropped", 1],
      ["pending", 1],
      ["pending", 0],
    ]);
  });

  test("a claim is settled once", async () => {
    const record = await finishPending(lab);
    const held = await claim();
    const acknowledge = { [record.id]: { type: "acknowledge" } } as const;
    const answers = await Promise.all(upTo(5).map(() => lab.store.settle(held, acknowledge)));
    expect(answers.filter((answer) => answer)).toHaveLength(1);
    expect(await log(lab, record)).toHaveLength(3);
  });

  test("settling one session leaves another of the same user leased", async () => {
    const one = await finishPending(lab, { sessionId: "one", completedAt: 1 });
    await finishPending(lab, { sessionId: "two", completedAt: 2 });
    const first = await claim();
    await claim();
    expect(await lab.store.settle(first, {})).toBe(true);
    await finishPending(lab, { sessionId: "two", completedAt: 0 });
    expect((await claim()).tasks).toMatchObject([{ id: one.id }]);
    expect(await isClaimable()).toBe(false);
  });

  test("a claim that has lapsed is not settled, whether or not another has taken its place", async () => {
    const record = await finishPending(lab);
    const late = await claim(LEASE_MS);
    await lab.advance(LEASE_MS);
    const acknowledge = { [record.id]: { type: "acknowledge" } } as const;
    expect(await lab.store.settle(late, acknowledge)).toBe(false);
    const held = await claim();
    expect(await lab.store.settle(late, acknowledge)).toBe(false);
    expect(await read(lab, record)).toEqual(held.tasks[0]);
    expect(await log(lab, record)).toHaveLength(2);
    expect(await lab.store.settle(held, acknowledge)).toBe(true);
  });

  test("a claim nobody has made is not settled", async () => {
    const record = await finishPending(lab);
    const forged = { token: "forged", userId: "ada", sessionId: "session-1", tasks: [record] };
    expect(await lab.store.settle(forged, { [record.id]: { type: "acknowledge" } })).toBe(false);
    expect(await read(lab, record)).toEqual(record);
  });

  test("only follow-ups of the claim are settled", async () => {
    const record = await finishPending(lab, { completedAt: 1 });
    const other = await finishPending(lab, { completedAt: 2, sessionId: "other" });
    const outcome = Object.fromEntries(
      [record.id, other.id, "unknown"].map((id) => [id, { type: "acknowledge" } as const]),
    );
    expect(await lab.store.settle(await claim(), outcome)).toBe(true);
    expect(await read(lab, other)).toEqual(other);
  });

  test("a follow-up that was dropped while it was claimed stays dropped", async () => {
    const [dropped, kept] = [await finishPending(lab), await finishPending(lab)];
    const held = await claim();
    const current = await read(lab, dropped);
    const followUp = { ...current.followUp, status: "dropped", reason: "observed" } as const;
    const after = await transition(lab, current, { patch: { followUp } });
    const acknowledge = { type: "acknowledge" } as const;
    const outcome = { [dropped.id]: acknowledge, [kept.id]: acknowledge };
    expect(await lab.store.settle(held, outcome)).toBe(true);
    expect(await read(lab, dropped)).toEqual(after);
    expect((await read(lab, kept)).followUp.status).toBe("delivered");
    expect(await isClaimable()).toBe(false);
  });

  test.each(["__proto__", "constructor", "toString"])("a task called %j is settled as named", async (id) => {
    const record = await finishPending(lab, { id });
    expect(await lab.store.settle(await claim(), {})).toBe(true);
    expect((await read(lab, record)).followUp).toMatchObject({ status: "pending", attempts: 0 });
    const outcome = JSON.parse(`{${JSON.stringify(id)}:{"type":"acknowledge"}}`);
    expect(await lab.store.settle(await claim(), outcome)).toBe(true);
    expect((await read(lab, record)).followUp.status).toBe("delivered");
  });
}
