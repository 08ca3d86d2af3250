import { expect, test } from "vitest";
import type { FollowUpMode } from "../../../src/core/follow-up.ts";
import type { SessionClaim } from "../../../src/core/store.ts";
import { finish, finishPending, insert, type Lab, LEASE_MS, LONG_MS, read, upTo } from "./lab.ts";

export function claimSuite(lab: Lab): void {
  const claim = (filter = {}, leaseMs = LONG_MS) => lab.store.claim("me", leaseMs, filter);
  const pending = (
    sessionId: string | null,
    completedAt: number,
    mode?: FollowUpMode | null,
    userId = "ada",
  ) => finishPending(lab, { sessionId, completedAt, userId }, mode);
  const claimedIds = (answer: SessionClaim | undefined) => answer?.tasks.map((task) => task.id);

  test("there is nothing to claim where nothing is pending", async () => {
    await insert(lab);
    await finish(lab);
    await finish(lab, { followUp: { status: "delivered", mode: "when_idle", attempts: 1, reason: null } });
    expect(await claim()).toBeUndefined();
  });

  test("leases a session with all its follow-ups, the first to end first, each on its first attempt", async () => {
    const second = await pending("one", 20);
    const first = await pending("one", 10);
    const silent = await pending("one", 15, "silent");
    await pending("two", 30);
    const answer = await claim();
    expect(answer).toMatchObject({ userId: "ada", sessionId: "one" });
    expect(claimedIds(answer)).toEqual([first.id, silent.id, second.id]);
    for (const task of answer?.tasks ?? []) {
      expect(task).toMatchObject({ version: 3, followUp: { status: "claimed", attempts: 1 } });
      expect(await read(lab, task)).toEqual(task);
    }
  });

  test("a claim is a change: who read the task before it cannot write any more", async () => {
    const record = await pending("one", 1);
    await claim();
    expect(await lab.store.transition(record.id, record.version, { patch: {}, events: [] })).toBeUndefined();
  });

  test("a leased session is not claimed again, not even for what ends in the meantime", async () => {
    await pending("one", 1);
    const answer = await claim();
    const later = await pending("one", 2);
    expect(await claim()).toBeUndefined();
    expect(await claim({ scope: { userId: "ada", sessionId: "one" } })).toBeUndefined();
    if (answer) await lab.store.settle(answer, { [answer.tasks[0]?.id ?? ""]: { type: "acknowledge" } });
    expect(claimedIds(await claim())).toEqual([later.id]);
  });

  test("the session that has waited longest is first, across users", async () => {
    await pending("one", 30);
    await pending("two", 10, "interrupt", "grace");
    await pending(null, 20);
    const sessions = [await claim(), await claim(), await claim(), await claim()];
    expect(sessions.map((answer) => answer && [answer.userId, answer.sessionId])).toEqual([
      ["grace", "two"],
      ["ada", null],
      ["ada", "one"],
      undefined,
    ]);
  });

  test("a user's tasks without a session are claimed together, and apart from those of sessions", async () => {
    const one = await pending(null, 1);
    const two = await pending(null, 3);
    await pending("", 2);
    await pending(null, 1, "when_idle", "grace");
    const answers = [await claim(), await claim(), await claim()];
    expect(answers.map(claimedIds)).toContainEqual([one.id, two.id]);
  });

  test("a silent follow-up wakes nobody, and makes no session older than it is", async () => {
    await pending("silent", 1, "silent");
    await pending("both", 2, "silent");
    await pending("both", 40);
    await pending("loud", 30);
    expect(await claim()).toMatchObject({ sessionId: "loud" });
    expect(await claim()).toMatchObject({ sessionId: "both", tasks: [{}, {}] });
    expect(await claim()).toBeUndefined();
  });

  test("a task that shall have no follow-up wakes nobody", async () => {
    await pending("one", 1, null);
    expect(await claim()).toBeUndefined();
  });

  test("modes narrow to sessions where one of them is due; all of the session comes along", async () => {
    await pending("idle", 1);
    await pending("silent", 2, "silent");
    await pending("both", 3);
    await pending("both", 4, "interrupt");
    expect(await claim({ modes: ["interrupt"] })).toMatchObject({ sessionId: "both", tasks: [{}, {}] });
    expect(await claim({ modes: ["interrupt"] })).toBeUndefined();
    expect(await claim({ modes: [] })).toBeUndefined();
    expect(await claim({ modes: ["silent", "when_idle"] })).toMatchObject({ sessionId: "idle" });
    expect(await claim({ modes: ["silent", "when_idle"] })).toMatchObject({ sessionId: "silent" });
  });

  test("a scope narrows to a user or a session", async () => {
    await pending("one", 1);
    await pending("two", 2);
    await pending("two", 3, "when_idle", "grace");
    const scope = { userId: "ada", sessionId: "two" };
    expect(await claim({ scope: { userId: "nobody" } })).toBeUndefined();
    expect(await claim({ scope, modes: ["silent"] })).toBeUndefined();
    expect(await claim({ scope })).toMatchObject(scope);
    expect(await claim({ scope })).toBeUndefined();
    expect(await claim({ scope: { userId: "ada" } })).toMatchObject({ sessionId: "one" });
    expect(await claim({ scope: { userId: "ada" } })).toBeUndefined();
    expect(await claim({})).toMatchObject({ userId: "grace" });
  });

  test("of many claims at once each session goes to one, whole", async () => {
    const sessions = upTo(5).map((n) => `session-${n}`);
    for (const session of sessions) for (const n of upTo(3)) await pending(session, n);
    const answers = await Promise.all(upTo(20).map(() => claim()));
    const got = answers.filter((answer) => answer !== undefined);
    expect(got.map((answer) => answer.sessionId).sort()).toEqual(sessions);
    expect(got.map((answer) => answer.tasks.length)).toEqual([3, 3, 3, 3, 3]);
    expect(new Set(got.map((answer) => answer.token)).size).toBe(5);
  });

  test("a claim that lapses gives its session back, one attempt spent", async () => {
    const record = await pending("one", 1);
    await claim({}, LEASE_MS);
    expect(await claim()).toBeUndefined();
    await lab.advance(LEASE_MS);
    const again = await claim();
    expect(claimedIds(again)).toEqual([record.id]);
    expect(again?.tasks[0]?.followUp).toMatchObject({ status: "claimed", attempts: 2 });
  });

  test("a session stays leased although its tasks are gone", async () => {
    const record = await pending("one", 1);
    const answer = await claim();
    const { followUp, version } = await read(lab, record);
    const dropped = { ...followUp, status: "dropped", reason: "observed" } as const;
    await lab.store.transition(record.id, version, { patch: { followUp: dropped }, events: [] });
    const limits = { finishedPerUser: 0, finishedTtlMs: 0, followUpTtlMs: LONG_MS, followUpsPerUser: 9 };
    expect(await lab.store.sweep(limits, 10)).toMatchObject({ evicted: 1 });
    const next = await pending("one", 2);
    expect(await claim()).toBeUndefined();
    expect(answer && (await lab.store.settle(answer, {}))).toBe(true);
    expect(claimedIds(await claim())).toEqual([next.id]);
    expect(await lab.store.sweep(limits, 10)).toMatchObject({ evicted: 0 });
  });
}
