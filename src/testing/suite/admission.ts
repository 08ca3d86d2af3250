import fc from "fast-check";
import { expect, test } from "vitest";
import type { TaskLimits } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { makeTask } from "../make-task.ts";
import {
  ADA,
  change,
  completed,
  finish,
  insert,
  type Lab,
  LONG_MS,
  NO_LIMITS,
  read,
  started,
  transition,
  upTo,
} from "./lab.ts";

export function admissionSuite(lab: Lab): void {
  const tryInsert = (fields: Partial<TaskRecord>, limits: Partial<TaskLimits>) =>
    lab.store.insert(makeTask(fields), { ...NO_LIMITS, ...limits }, LONG_MS);
  const admit = (record: TaskRecord, limits: Partial<TaskLimits>) =>
    lab.store.admit(record, record.version, START, { ...NO_LIMITS, ...limits });
  const refused = (limit: string) => ({ status: "refused", limit });

  test("runningPerUser counts the running tasks of a user in all sessions", async () => {
    const first = await insert(lab, { sessionId: "one" });
    await insert(lab, { sessionId: null });
    await insert(lab, { status: "queued" });
    await finish(lab);
    const task = makeTask({ sessionId: "three" });
    expect(await lab.store.insert(task, { ...NO_LIMITS, runningPerUser: 2 }, LONG_MS)).toEqual(
      refused("running_per_user"),
    );
    expect(await lab.store.get(ADA, task.record.id)).toBeUndefined();
    expect(await tryInsert({ userId: "grace" }, { runningPerUser: 2 })).toMatchObject({ status: "inserted" });
    await transition(lab, first, END);
    expect(await tryInsert({}, { runningPerUser: 2 })).toMatchObject({ status: "inserted" });
  });

  test("runningPerSession counts the running tasks of a session", async () => {
    const first = await insert(lab, { sessionId: "one" });
    await insert(lab, { sessionId: "one", status: "queued" });
    await insert(lab, { sessionId: "one", userId: "grace" });
    const limits = { runningPerSession: 1 };
    expect(await tryInsert({ sessionId: "one" }, limits)).toEqual(refused("running_per_session"));
    expect(await tryInsert({ sessionId: "two" }, limits)).toMatchObject({ status: "inserted" });
    await transition(lab, first, END);
    expect(await tryInsert({ sessionId: "one" }, limits)).toMatchObject({ status: "inserted" });
  });

  test("runningPerSession is nothing to tasks without a session", async () => {
    await insert(lab, { sessionId: null });
    for (const runningPerSession of [0, 1]) {
      const answer = await tryInsert({ sessionId: null }, { runningPerSession });
      expect(answer).toMatchObject({ status: "inserted" });
    }
  });

  test("queuedPerUser counts the queued tasks of a user, and keeps out queued ones only", async () => {
    const first = await insert(lab, { status: "queued", sessionId: "one" });
    await insert(lab, { status: "running" });
    const limits = { queuedPerUser: 1 };
    expect(await tryInsert({ status: "queued", sessionId: null }, limits)).toEqual(
      refused("queued_per_user"),
    );
    expect(await tryInsert({ status: "running" }, limits)).toMatchObject({ status: "inserted" });
    await admit(first, {});
    expect(await tryInsert({ status: "queued" }, limits)).toMatchObject({ status: "inserted" });
  });

  test("the running limits keep no queued task out", async () => {
    const limits = { runningPerUser: 0, runningPerSession: 0 };
    expect(await tryInsert({ status: "queued" }, limits)).toMatchObject({ status: "inserted" });
  });

  test("a task that has ended already meets none of these limits", async () => {
    const limits = { runningPerUser: 0, runningPerSession: 0, queuedPerUser: 0 };
    expect(await tryInsert({ status: "completed" }, limits)).toMatchObject({ status: "inserted" });
  });

  test("exclusive refuses while the session has an unfinished task, running or queued", async () => {
    for (const status of ["running", "queued"] as const) {
      const first = await insert(lab, { sessionId: status, status });
      const next = { sessionId: status, status: "queued" } as const;
      expect(await tryInsert(next, { exclusive: true })).toEqual(refused("exclusive"));
      expect(await tryInsert({ ...next, userId: "grace" }, { exclusive: true })).toMatchObject({
        status: "inserted",
      });
      await transition(lab, first, END);
      expect(await tryInsert(next, { exclusive: true })).toMatchObject({ status: "inserted" });
    }
  });

  test("exclusive is nothing to tasks without a session", async () => {
    await insert(lab, { sessionId: null });
    expect(await tryInsert({ sessionId: null }, { exclusive: true })).toMatchObject({ status: "inserted" });
  });

  test("exclusivity is named before the user's limit, and that before the session's", async () => {
    await insert(lab);
    const all = { exclusive: true, runningPerUser: 1, runningPerSession: 1 };
    expect(await tryInsert({}, all)).toEqual(refused("exclusive"));
    expect(await tryInsert({}, { ...all, exclusive: false })).toEqual(refused("running_per_user"));
    expect(await tryInsert({}, { runningPerSession: 1 })).toEqual(refused("running_per_session"));
  });

  test("of forty tasks at once no more come in than the limit allows", async () => {
    const answers = await Promise.all(upTo(40).map(() => tryInsert({}, { runningPerUser: 7 })));
    expect(answers.filter((answer) => answer.status === "inserted")).toHaveLength(7);
    expect((await lab.store.list(ADA, { limit: 50 })).records).toHaveLength(7);
  });

  test("of twenty tasks at once one has the session for itself", async () => {
    const answers = await Promise.all(upTo(20).map(() => tryInsert({}, { exclusive: true })));
    expect(answers.filter((answer) => answer.status === "inserted")).toHaveLength(1);
  });

  test("admit makes the transition of a queued task to running", async () => {
    const queued = await insert(lab, { status: "queued" });
    const record = await admit(queued, { runningPerUser: 1, runningPerSession: 1 });
    expect(record).toMatchObject({ status: "running", startedAt: 5, version: 2, lastSeq: 2 });
    expect(await read(lab, queued)).toEqual(record);
  });

  test("admit is held to the running limits, and then writes nothing", async () => {
    await insert(lab, { sessionId: "one" });
    const queued = await insert(lab, { status: "queued", sessionId: "one" });
    expect(await admit(queued, { runningPerUser: 1 })).toEqual(refused("running_per_user"));
    expect(await admit(queued, { runningPerSession: 1 })).toEqual(refused("running_per_session"));
    expect(await read(lab, queued)).toEqual(queued);
  });

  test("admit is not held to the other conditions", async () => {
    await insert(lab);
    const queued = await insert(lab, { status: "queued" });
    expect(await admit(queued, { exclusive: true, queuedPerUser: 0 })).toMatchObject({ status: "running" });
  });

  test("admit answers undefined for another version or an unknown task, whatever the limits", async () => {
    const queued = await insert(lab, { status: "queued" });
    expect(await admit({ ...queued, version: 2 }, { runningPerUser: 0 })).toBeUndefined();
    expect(await admit({ ...queued, id: "unknown" }, { runningPerUser: 0 })).toBeUndefined();
    expect(await read(lab, queued)).toEqual(queued);
  });

  test("inserts and admissions at once share the limit", async () => {
    const queued = await Promise.all(upTo(20).map(() => insert(lab, { status: "queued" })));
    const limits = { runningPerUser: 9, runningPerSession: 6 };
    await Promise.all(queued.flatMap((record) => [admit(record, limits), tryInsert({}, limits)]));
    const running = await lab.store.list(ADA, { status: ["running"], limit: 50 });
    expect(running.records).toHaveLength(6);
  });

  test("whatever has happened, the limits count what the list shows", async () => {
    let users = 0;
    const step = fc.tuple(fc.constantFrom("run", "queue", "admit", "finish", "cancel"), fc.nat(9));
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      users += 1;
      const userId = `user-${users}`;
      for (const [what, which] of steps) await take(what, { userId, which });
      const { records } = await lab.store.list({ userId }, { limit: 50 });
      await expectCounted(userId, records);
    });
    await fc.assert(property, { numRuns: 25 });
  });

  async function take(what: string, { userId, which }: { userId: string; which: number }): Promise<void> {
    const sessionId = which % 2 === 0 ? "even" : null;
    if (what === "run") await insert(lab, { userId, sessionId });
    if (what === "queue") await insert(lab, { userId, sessionId, status: "queued" });
    const { records } = await lab.store.list({ userId }, { limit: 50, status: ["running", "queued"] });
    const record = records[which];
    if (record === undefined) return;
    if (what === "admit" && record.status === "queued") await admit(record, {});
    if (what === "finish") await transition(lab, record, END);
    const cancel = { at: 1, by: "user", reason: null } as const;
    if (what === "cancel") await transition(lab, record, { patch: { cancel } });
  }

  async function expectCounted(userId: string, records: TaskRecord[]): Promise<void> {
    const running = records.filter((record) => record.status === "running");
    const inSession = running.filter((record) => record.sessionId === "even").length;
    const queued = records.filter((record) => record.status === "queued").length;
    const limitsToMeet: [Partial<TaskRecord>, (by: number) => Partial<TaskLimits>][] = [
      [{}, (by) => ({ runningPerUser: running.length + by })],
      [{ sessionId: "even" }, (by) => ({ runningPerSession: inSession + by })],
      [{ status: "queued" }, (by) => ({ queuedPerUser: queued + by })],
    ];
    for (const [fields, limits] of limitsToMeet) {
      expect(await tryInsert({ userId, ...fields }, limits(0))).toMatchObject({ status: "refused" });
    }
    for (const [fields, limits] of limitsToMeet) {
      const answer = await tryInsert({ userId, ...fields }, limits(1));
      expect(answer).toMatchObject({ status: "inserted" });
      if (answer.status === "inserted") await transition(lab, answer.record, END);
    }
  }
}

const START = change({ status: "running", startedAt: 5 }, [started]);
const END = change({ status: "completed", completedAt: 9 }, [completed]);
