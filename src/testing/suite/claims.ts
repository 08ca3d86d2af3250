import { expect, test } from "vitest";
import type { FollowUpMode } from "../../core/model/follow-up.ts";
import type { ClaimFilter, SessionClaim, Settlement } from "../../core/model/session-claim.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import {
  finish,
  finishNext,
  finishPending,
  insert,
  type Lab,
  LEASE_MS,
  LONG_MS,
  leaseTest,
  read,
  upTo,
} from "./lab.ts";

export function claimSuite(lab: Lab): void {
  const claim = (filter: ClaimFilter = {}, leaseMs = LONG_MS) => lab.store.claim("me", leaseMs, filter);
  const claimOf = (sessionId: string | null, filter: ClaimFilter = {}, userId = "ada") =>
    claim({ ...filter, session: { userId, sessionId } });
  const pending = (sessionId: string | null, mode?: FollowUpMode | null, userId = "ada") =>
    finishNext(lab, { sessionId, userId }, mode);
  const claimedIds = (answer: SessionClaim | undefined) => answer?.tasks.map((task) => task.id);
  const settleAll = async (answer: SessionClaim | undefined, settlement: Settlement) => {
    const outcome = Object.fromEntries(answer?.tasks.map(({ id }) => [id, settlement]) ?? []);
    return answer && lab.store.settle(answer, outcome);
  };
  /** A follow-up that is due again when no test runs any more. */
  const delayed = async (sessionId: string | null, mode?: FollowUpMode) => {
    const record = await pending(sessionId, mode);
    const answer = await claim({ modes: [mode ?? "when_idle"] });
    expect(await settleAll(answer, { type: "defer", delayMs: LONG_MS })).toMatchObject([{ id: record.id }]);
    return record;
  };

  test("there is nothing to claim where nothing is pending", async () => {
    await insert(lab);
    await finish(lab);
    await finish(lab, { followUp: { status: "delivered", mode: "when_idle", attempts: 1, reason: null } });
    expect(await claim()).toBeUndefined();
  });

  test("leases a session with all its follow-ups, the first to end first, each on its first attempt", async () => {
    const first = await pending("one");
    const silent = await pending("one", "silent");
    const second = await pending("one");
    await pending("two");
    const answer = await claim();
    expect(answer).toMatchObject({ userId: "ada", sessionId: "one" });
    expect(claimedIds(answer)).toEqual([first.id, silent.id, second.id]);
    for (const task of answer?.tasks ?? []) {
      expect(task).toMatchObject({ version: 3, followUp: { status: "claimed", attempts: 1 } });
      expect(await read(lab, task)).toEqual(task);
    }
  });

  test("a claim is a change: who read the task before it cannot write any more", async () => {
    const record = await pending("one");
    await claim();
    expect(await lab.store.transition(record, record.version, { patch: {}, events: [] })).toBeUndefined();
  });

  test("a leased session is not claimed again, not even for what ends in the meantime", async () => {
    await pending("one");
    const answer = await claim();
    const later = await pending("one");
    expect(await claim()).toBeUndefined();
    expect(await claimOf("one")).toBeUndefined();
    await settleAll(answer, { type: "acknowledge" });
    expect(claimedIds(await claim())).toEqual([later.id]);
  });

  test("the session that has waited longest is first, across users", async () => {
    await pending("two", "interrupt", "grace");
    await pending(null);
    await pending("one");
    const sessions = [await claim(), await claim(), await claim(), await claim()];
    expect(sessions.map((answer) => answer && [answer.userId, answer.sessionId])).toEqual([
      ["grace", "two"],
      ["ada", null],
      ["ada", "one"],
      undefined,
    ]);
  });

  test("a user's tasks without a session are claimed together, and apart from those of sessions", async () => {
    const one = await pending(null);
    const two = await pending(null);
    await pending("");
    await pending(null, "when_idle", "grace");
    const answers = [await claim(), await claim(), await claim()];
    expect(answers.map(claimedIds)).toContainEqual([one.id, two.id]);
  });

  test("a silent follow-up wakes nobody, and makes no session older than it is", async () => {
    await pending("silent", "silent");
    await pending("both", "silent");
    await pending("loud");
    await pending("both");
    expect(await claim()).toMatchObject({ sessionId: "loud" });
    expect(await claim()).toMatchObject({ sessionId: "both", tasks: [{}, {}] });
    expect(await claim()).toBeUndefined();
  });

  test("a task that shall have no follow-up wakes nobody", async () => {
    await pending("one", null);
    expect(await claim()).toBeUndefined();
  });

  test("modes narrow to sessions where one of them is due; all of the session comes along", async () => {
    await pending("idle");
    await pending("silent", "silent");
    await pending("both");
    await pending("both", "interrupt");
    expect(await claim({ modes: ["interrupt"] })).toMatchObject({ sessionId: "both", tasks: [{}, {}] });
    expect(await claim({ modes: ["interrupt"] })).toBeUndefined();
    expect(await claim({ modes: [] })).toBeUndefined();
    expect(await claim({ modes: ["silent", "when_idle"] })).toMatchObject({ sessionId: "idle" });
    expect(await claim({ modes: ["silent", "when_idle"] })).toMatchObject({ sessionId: "silent" });
  });

  test("a session that is asked for is claimed alone, however long others have waited", async () => {
    await pending("one");
    const [first, second] = [await pending("two"), await pending("two")];
    const foreign = await pending("two", "when_idle", "grace");
    const answer = await claimOf("two");
    expect(answer).toMatchObject({ userId: "ada", sessionId: "two" });
    expect(claimedIds(answer)).toEqual([first.id, second.id]);
    expect(await claimOf("two")).toBeUndefined();
    expect(await claimOf("three")).toBeUndefined();
    expect(await claimOf("two", {}, "nobody")).toBeUndefined();
    expect(claimedIds(await claimOf("two", {}, "grace"))).toEqual([foreign.id]);
    expect(await claim()).toMatchObject({ sessionId: "one" });
  });

  test.each([null, "", "null", "one"])("no session is taken for the one that is %j", async (sessionId) => {
    const records: TaskRecord[] = [];
    for (const other of [null, "", "null", "one"]) records.push(await pending(other));
    const ids = records.filter((record) => record.sessionId === sessionId).map((record) => record.id);
    expect(claimedIds(await claimOf(sessionId))).toEqual(ids);
    expect(await claimOf(sessionId)).toBeUndefined();
  });

  test("who asks for a session gets what is delayed there too, and nobody else does", async () => {
    const late = await delayed("one");
    await delayed("two");
    expect(await claim()).toBeUndefined();
    const answer = await claimOf("one");
    expect(claimedIds(answer)).toEqual([late.id]);
    await settleAll(answer, { type: "release", delayMs: LONG_MS });
    const due = await pending("one");
    expect(claimedIds(await claimOf("one"))).toEqual([late.id, due.id]);
  });

  test("a session that was asked for is leased like any other", async () => {
    await pending("one");
    await claimOf("one");
    await pending("one");
    expect(await claimOf("one")).toBeUndefined();
    expect(await claim()).toBeUndefined();
  });

  test("silent follow-ups alone are no reason to claim the session that is asked for", async () => {
    const silent = await pending("one", "silent");
    expect(await claimOf("one")).toBeUndefined();
    expect(await claimOf("one", { modes: ["interrupt", "when_idle"] })).toBeUndefined();
    expect(await claimOf("one", { modes: [] })).toBeUndefined();
    expect(claimedIds(await claimOf("one", { modes: ["silent"] }))).toEqual([silent.id]);
  });

  test("with one of the modes, even a delayed one, all of the session that is asked for comes along", async () => {
    const loud = await delayed("one");
    const silent = await pending("one", "silent");
    expect(await claimOf("one", { modes: ["interrupt"] })).toBeUndefined();
    expect(claimedIds(await claimOf("one", { modes: ["when_idle"] }))).toEqual([loud.id, silent.id]);
  });

  leaseTest(
    "the age is that of the oldest that gives reason to claim; younger ones come along",
    async (leaseMs) => {
      const minAgeMs = 2 * leaseMs;
      await pending("silent", "silent");
      await delayed("delayed");
      const old = await pending("old");
      await lab.advance(minAgeMs);
      for (const sessionId of ["silent", "delayed"]) await pending(sessionId);
      const young = await pending("old");
      expect(claimedIds(await claim({ minAgeMs }))).toEqual([old.id, young.id]);
      expect([await claim({ minAgeMs }), await claimOf("silent", { minAgeMs })]).toEqual([
        undefined,
        undefined,
      ]);
      expect(await claim({ minAgeMs, modes: ["silent"] })).toMatchObject({ sessionId: "silent" });
      expect(await claimOf("delayed", { minAgeMs })).toMatchObject({ tasks: [{}, {}] });
    },
  );

  leaseTest("a session is claimed when it is old enough, and not before", async (leaseMs) => {
    const filter = { minAgeMs: 2 * leaseMs };
    await finishPending(lab, { sessionId: "one" });
    expect([await claim(filter), await claimOf("one", filter)]).toEqual([undefined, undefined]);
    await lab.advance(2 * leaseMs);
    expect(await claim(filter)).toMatchObject({ sessionId: "one" });
  });

  test("of many claims at once each session goes to one, whole", async () => {
    const sessions = upTo(5).map((n) => `session-${n}`);
    for (const sessionId of sessions) for (const _ of upTo(3)) await finishPending(lab, { sessionId });
    const claims = sessions.flatMap((session) => [claim(), claimOf(session), claim({ maxTurns: 1 })]);
    const got = (await Promise.all(claims)).filter((answer) => answer !== undefined);
    expect(got.map((answer) => answer.sessionId).sort()).toEqual(sessions);
    expect(got.map((answer) => answer.tasks.length)).toEqual([3, 3, 3, 3, 3]);
    expect(new Set(got.map((answer) => answer.token)).size).toBe(5);
  });

  test("of many claims of the same session at once one gets it", async () => {
    await pending("one");
    await pending("two");
    const answers = await Promise.all(upTo(10).map(() => claimOf("one")));
    expect(answers.filter((answer) => answer !== undefined)).toMatchObject([{ sessionId: "one" }]);
  });

  leaseTest("a claim that lapses gives its session back, one attempt spent", async (leaseMs) => {
    const record = await pending("one");
    await claim({}, leaseMs);
    expect(await claim()).toBeUndefined();
    await lab.advance(leaseMs);
    const again = await claim();
    expect(claimedIds(again)).toEqual([record.id]);
    expect(again?.tasks[0]?.followUp).toMatchObject({ status: "claimed", attempts: 2 });
  });

  leaseTest(
    "a claim that is prolonged keeps its session beyond the first lease, and can be settled then",
    async (leaseMs) => {
      await pending("one");
      const answer = await claim({}, leaseMs);
      expect(answer && (await lab.store.prolong(answer, LONG_MS))).toEqual({ stop: null });
      await lab.advance(leaseMs);
      expect([await claim(), await claimOf("one")]).toEqual([undefined, undefined]);
      expect(await settleAll(answer, { type: "acknowledge" })).toHaveLength(1);
    },
  );

  test("the new lease begins at once, and ends like the first", async () => {
    await pending("one");
    await pending("two");
    const [one, two] = [await claim(), await claim()];
    expect(one && (await lab.store.prolong(one, LEASE_MS))).toEqual({ stop: null });
    await lab.advance(LEASE_MS);
    expect(await claim()).toMatchObject({ sessionId: "one", tasks: [{ followUp: { attempts: 2 } }] });
    expect(await claim()).toBeUndefined();
    expect(await settleAll(two, { type: "acknowledge" })).toHaveLength(1);
  });

  test("a claim that has lapsed is not prolonged, whether or not another has taken its place", async () => {
    await pending("one");
    const late = await claim({}, LEASE_MS);
    await lab.advance(LEASE_MS);
    expect(late && (await lab.store.prolong(late, LONG_MS))).toBeUndefined();
    expect(await claim({}, LEASE_MS)).toMatchObject({ sessionId: "one" });
    expect(late && (await lab.store.prolong(late, LONG_MS))).toBeUndefined();
    await lab.advance(LEASE_MS);
    expect(await claim()).toMatchObject({ sessionId: "one" });
  });

  test("a claim that was settled, or that nobody has made, is not prolonged", async () => {
    await pending("one");
    const answer = await claim();
    await settleAll(answer, { type: "defer", delayMs: 0 });
    expect(answer && (await lab.store.prolong(answer, LONG_MS))).toBeUndefined();
    const forged = { token: "forged", userId: "ada", sessionId: "one", tasks: [], turns: 0 };
    expect(await lab.store.prolong(forged, LONG_MS)).toBeUndefined();
    expect(await claim()).toMatchObject({ sessionId: "one" });
  });

  test("a session stays leased although its tasks are gone", async () => {
    const record = await pending("one");
    const answer = await claim();
    const { followUp, version } = await read(lab, record);
    const dropped = { ...followUp, status: "dropped", reason: "observed" } as const;
    await lab.store.transition(record, version, { patch: { followUp: dropped }, events: [] });
    const limits = { finishedPerUser: 0, finishedTtlMs: 0, followUpTtlMs: LONG_MS, followUpsPerUser: 9 };
    expect(await lab.store.sweep(limits, 10)).toMatchObject({ evicted: 1 });
    const next = await pending("one");
    expect(await claim()).toBeUndefined();
    expect(answer && (await lab.store.settle(answer, {}))).toEqual([]);
    expect(claimedIds(await claim())).toEqual([next.id]);
    expect(await lab.store.sweep(limits, 10)).toMatchObject({ evicted: 0 });
  });
}
