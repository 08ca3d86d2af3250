import { expect, test } from "vitest";
import type { RetentionLimits } from "../../core/model/store.ts";
import type { Idempotency, TaskRecord } from "../../core/model/task.ts";
import { makeTask } from "../make-task.ts";
import {
  ADA,
  finish,
  finishPending,
  insert,
  type Lab,
  LONG_MS,
  NO_LIMITS,
  progress,
  read,
  upTo,
} from "./lab.ts";

export function repeatSuite(lab: Lab): void {
  const ask = (fields: Partial<TaskRecord> = {}, limits = NO_LIMITS) =>
    lab.store.insert(makeTask({ idempotency: KEYED, ...fields }), limits, LONG_MS);
  const sweep = (limits: Partial<RetentionLimits>) => lab.store.sweep({ ...KEEP_ALL, ...limits }, 100);

  test("a key and its digest are part of the record", async () => {
    const record = await insert(lab, { idempotency: KEYED });
    expect(record.idempotency).toEqual(KEYED);
    expect(await read(lab, record)).toEqual(record);
    expect((await lab.store.list(ADA, { limit: 9 })).records).toEqual([record]);
  });

  test("under its key a task is found again, whatever is asked for, and nothing is written", async () => {
    const first = await insert(lab, { idempotency: KEYED });
    const second = makeTask({
      idempotency: { ...KEYED, digest: "another" },
      sessionId: "other",
      toolName: "x",
    });
    expect(await lab.store.insert(second, NO_LIMITS, LONG_MS)).toEqual({ status: "repeated", record: first });
    expect(await lab.store.get(ADA, second.record.id)).toBeUndefined();
    expect((await lab.store.list(ADA, { limit: 9 })).records).toEqual([first]);
  });

  test("it is found as it is now: reported, cancelled, finished, with its follow-up outstanding", async () => {
    const first = await insert(lab, { idempotency: KEYED, duplicateKey: "k" });
    await lab.store.append(first, "process-1", [progress(7)]);
    expect(await ask()).toEqual({ status: "repeated", record: await read(lab, first) });
    const cancel = { at: 5, by: "user", reason: null } as const;
    await lab.store.transition(first, 1, { patch: { cancel }, events: [] });
    expect(await ask()).toMatchObject({ status: "repeated", record: { cancel } });
    await lab.store.transition(first, 2, { patch: { status: "cancelled", completedAt: 9 }, events: [] });
    expect(await ask()).toMatchObject({ status: "repeated", record: { id: first.id, status: "cancelled" } });
    const pending = await finishPending(lab, { idempotency: { key: "pending", digest: "d" } });
    expect(await ask({ idempotency: { key: "pending", digest: "d" } })).toMatchObject({
      status: "repeated",
      record: { id: pending.id },
    });
  });

  test("it comes before an equal task that runs, and before every limit", async () => {
    const first = await finish(lab, { idempotency: KEYED });
    await insert(lab, { duplicateKey: "k" });
    const limits = { ...NO_LIMITS, exclusive: true, runningPerUser: 0, queuedPerUser: 0 };
    expect(await ask({ duplicateKey: "k" }, limits)).toMatchObject({
      status: "repeated",
      record: { id: first.id },
    });
  });

  test("the same id again is the same task, and not one that was asked for again", async () => {
    const task = makeTask({ idempotency: KEYED });
    await lab.store.insert(task, NO_LIMITS, LONG_MS);
    expect(await lab.store.insert(task, NO_LIMITS, LONG_MS)).toMatchObject({ status: "inserted" });
  });

  test("another key, another user or no key is another task", async () => {
    await insert(lab, { idempotency: KEYED });
    await insert(lab, { idempotency: { ...KEYED, key: "another" } });
    await insert(lab, { idempotency: KEYED, userId: "grace" });
    await insert(lab);
    await insert(lab);
  });

  test("what was refused, or joined to an equal task, has not taken its key", async () => {
    const equal = await insert(lab, { duplicateKey: "k" });
    expect(await ask({}, { ...NO_LIMITS, runningPerUser: 1 })).toMatchObject({ status: "refused" });
    expect(await ask({ duplicateKey: "k" })).toEqual({ status: "duplicate", record: equal });
    expect(await ask()).toMatchObject({ status: "inserted" });
  });

  test("of thirty at once one is written, and the others are answered with it", async () => {
    const answers = await Promise.all(upTo(30).map(() => ask()));
    const ids = new Set(answers.map((answer) => ("record" in answer ? answer.record.id : undefined)));
    expect(answers.filter(({ status }) => status === "inserted")).toHaveLength(1);
    expect(answers.filter(({ status }) => status === "repeated")).toHaveLength(29);
    expect(ids.size).toBe(1);
  });

  test("a key is taken until its task is evicted, and no longer", async () => {
    const first = await finish(lab, { idempotency: KEYED });
    const kept = await finish(lab, { idempotency: { key: "kept", digest: "d" } });
    await sweep({ finishedPerUser: 2 });
    expect(await ask()).toMatchObject({ status: "repeated", record: { id: first.id } });
    await sweep({ finishedPerUser: 1 });
    expect(await ask()).toMatchObject({ status: "inserted" });
    expect(await ask()).toMatchObject({ status: "repeated" });
    const again = await ask({ idempotency: { key: "kept", digest: "d" } });
    expect(again).toMatchObject({ status: "repeated", record: { id: kept.id } });
  });

  test("keys are told apart unit by unit", async () => {
    const keys = ["a", "A", " a", "a/b", "a:b", "%", "%0025", "-", "+", "", "ü", "u\u0308", ...HARD];
    for (const key of keys) await insert(lab, { idempotency: { key, digest: key } });
    for (const key of keys) {
      const idempotency: Idempotency = { key, digest: "x" };
      expect(await ask({ idempotency })).toMatchObject({
        status: "repeated",
        record: { idempotency: { key, digest: key } },
      });
    }
  });
}

const KEYED: Idempotency = { key: "asked-once", digest: "0123456789abcdef" };
const HARD = ["\0", "\n", "a\0b", "\ud83d\ude00", "\ud83d", "\ude00", "\u0001"];
const KEEP_ALL = { finishedPerUser: null, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
