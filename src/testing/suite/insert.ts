import { expect, test } from "vitest";
import { makeTask } from "../make-task.ts";
import {
  ADA,
  change,
  completed,
  finish,
  insert,
  type Lab,
  LONG_MS,
  log,
  NO_LIMITS,
  output,
  progress,
  read,
  started,
  transition,
  upTo,
} from "./lab.ts";

export function insertSuite(lab: Lab): void {
  test("answers the record as it was written, and so does get", async () => {
    const task = makeTask({ metadata: { a: { b: [1, null, "ü"] } }, agentId: "agent", deadlineAt: 99 });
    const answer = await lab.store.insert(task, NO_LIMITS, LONG_MS);
    const record = { ...task.record, lastSeq: 1 };
    expect(answer).toEqual({ status: "inserted", record });
    expect(await lab.store.get(ADA, record.id)).toEqual(record);
  });

  test("numbers the first events from 1 and puts the newest progress on the record", async () => {
    const events = [started, progress(1), output("x"), progress(2)];
    const record = await insert(lab, {}, events);
    expect(record).toMatchObject({ lastSeq: 4, progress: { value: 2 } });
    expect(await log(lab, record)).toEqual(
      events.map((event, index) => ({ taskId: record.id, seq: index + 1, ...event })),
    );
  });

  test("without events there is nothing in the log", async () => {
    const record = await insert(lab, {}, []);
    expect(record).toMatchObject({ lastSeq: 0, progress: null });
    expect(await log(lab, record)).toEqual([]);
  });

  test("takes a task that has ended or is to be cancelled already", async () => {
    const cancel = { at: 5, by: "turn", reason: null } as const;
    const error = { code: "lost", message: "gone" } as const;
    const record = await insert(lab, { status: "failed", completedAt: 7, cancel, error });
    expect(await read(lab, record)).toMatchObject({ status: "failed", completedAt: 7, cancel, error });
  });

  test("is idempotent: the same id again writes nothing and answers the task as it is now", async () => {
    const task = makeTask({ duplicateKey: KEY });
    await lab.store.insert(task, NO_LIMITS, LONG_MS);
    await lab.store.append(task.record, "process-1", [progress(5)]);
    const current = await transition(lab, task.record, { patch: { deadlineAt: 5 } });
    const limits = { ...NO_LIMITS, runningPerUser: 0, exclusive: true };
    expect(await lab.store.insert(task, limits, LONG_MS)).toEqual({ status: "inserted", record: current });
    expect(await log(lab, current)).toHaveLength(2);
  });

  test("the same id twenty times at once makes one task", async () => {
    const task = makeTask({ duplicateKey: KEY });
    const limits = { ...NO_LIMITS, runningPerUser: 1 };
    const answers = await Promise.all(upTo(20).map(() => lab.store.insert(task, limits, LONG_MS)));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set(["inserted"]));
    expect(await log(lab, task.record)).toHaveLength(1);
    expect((await lab.store.list(ADA, { limit: 10 })).records).toHaveLength(1);
  });

  test("an equal call of the same user is answered with the task that runs, whatever its session", async () => {
    const first = await insert(lab, { duplicateKey: KEY });
    const second = makeTask({ duplicateKey: KEY, sessionId: "other" });
    const answer = await lab.store.insert(second, NO_LIMITS, LONG_MS);
    expect(answer).toEqual({ status: "duplicate", record: first });
    expect(await lab.store.get(ADA, second.record.id)).toBeUndefined();
  });

  test("a queued task has its duplicates too", async () => {
    const first = await insert(lab, { duplicateKey: KEY, status: "queued" });
    const answer = await lab.store.insert(makeTask({ duplicateKey: KEY }), NO_LIMITS, LONG_MS);
    expect(answer).toEqual({ status: "duplicate", record: first });
  });

  test("another user, another key or no key makes no duplicate", async () => {
    await insert(lab, { duplicateKey: KEY });
    await insert(lab, { duplicateKey: KEY, userId: "grace" });
    await insert(lab, { duplicateKey: "another" });
    await insert(lab, { duplicateKey: null });
    await insert(lab, { duplicateKey: null });
  });

  test("a task that has ended has no duplicates", async () => {
    await insert(lab, { duplicateKey: "another" });
    await finish(lab, { duplicateKey: KEY });
    const second = await insert(lab, { duplicateKey: KEY });
    const answer = await lab.store.insert(makeTask({ duplicateKey: KEY }), NO_LIMITS, LONG_MS);
    expect(answer).toEqual({ status: "duplicate", record: second });
  });

  test("a task that is to be cancelled has no duplicates, and its end frees no key but its own", async () => {
    const cancel = { at: 5, by: "user", reason: null } as const;
    const first = await transition(lab, await insert(lab, { duplicateKey: KEY }), { patch: { cancel } });
    const second = await insert(lab, { duplicateKey: KEY });
    await transition(lab, first, change({ status: "cancelled", completedAt: 9 }, [completed]));
    const answer = await lab.store.insert(makeTask({ duplicateKey: KEY }), NO_LIMITS, LONG_MS);
    expect(answer).toEqual({ status: "duplicate", record: second });
  });

  test("of thirty equal calls at once one is written, and the others are answered with it", async () => {
    const tasks = upTo(30).map(() => makeTask({ duplicateKey: KEY }));
    const answers = await Promise.all(tasks.map((task) => lab.store.insert(task, NO_LIMITS, LONG_MS)));
    const written = answers.filter((answer) => answer.status === "inserted");
    expect(written).toHaveLength(1);
    const id = written[0]?.record.id;
    for (const answer of answers) expect(answer).toMatchObject({ record: { id } });
    expect((await lab.store.list(ADA, { limit: 50 })).records).toHaveLength(1);
  });

  test("a duplicate comes before every limit", async () => {
    await insert(lab, { duplicateKey: KEY });
    const limits = { ...NO_LIMITS, exclusive: true, runningPerUser: 0 };
    const answer = await lab.store.insert(makeTask({ duplicateKey: KEY }), limits, LONG_MS);
    expect(answer.status).toBe("duplicate");
  });
}

const KEY = "the-same-call";
