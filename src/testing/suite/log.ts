import { expect, test } from "vitest";
import type { NewTaskEvent, TaskEvent } from "../../core/model/events.ts";
import { RING_CHARS, RING_EVENTS, type TaskKey } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import {
  ADA,
  change,
  completed,
  finish,
  insert,
  type Lab,
  log,
  output,
  progress,
  read,
  started,
  transition,
  UNKNOWN,
  upTo,
} from "./lab.ts";

export function logSuite(lab: Lab): void {
  const seqs = (events: readonly TaskEvent[]) => events.map((event) => event.seq);
  const page = async (record: TaskRecord, after: number, limit = 10_000) => {
    const answer = await lab.store.events(ADA, record.id, { after, limit });
    if (answer === undefined) throw new Error("There is no log.");
    return answer;
  };

  /** Appends as the owner of a task that was made without saying whose it is. */
  const append = (task: TaskKey, ...events: NewTaskEvent[]) => lab.store.append(task, "process-1", events);

  test("append numbers its events and answers the last number", async () => {
    const record = await insert(lab);
    expect(await append(record, output("a"), output("b"))).toBe(3);
    expect(await append(record, output("c"))).toBe(4);
    expect(await log(lab, record)).toEqual([
      { taskId: record.id, seq: 1, at: record.createdAt, type: "task.started" },
      { taskId: record.id, seq: 2, ...output("a") },
      { taskId: record.id, seq: 3, ...output("b") },
      { taskId: record.id, seq: 4, ...output("c") },
    ]);
  });

  test("append keeps the newest progress and the time, and does not touch the version", async () => {
    const before = await insert(lab, { createdAt: 1 });
    const full = { value: 1, total: 3, message: "one of three" };
    await append(before, { at: 2, type: "task.progress", progress: full }, output("x"));
    const after = await read(lab, before);
    expect(after).toEqual({ ...before, lastSeq: 3, progress: full, updatedAt: after.updatedAt });
    expect(after.updatedAt).toBeGreaterThan(1);
    await append(before, output("y"));
    expect(await read(lab, before)).toMatchObject({ progress: full, lastSeq: 4 });
  });

  test("append is refused after the task has ended, and writes nothing", async () => {
    const record = await finish(lab);
    expect(await append(record, progress(1))).toBe(0);
    expect(await read(lab, record)).toEqual(record);
    expect(await log(lab, record)).toHaveLength(2);
  });

  test("append is refused to anybody but the owner, and writes nothing", async () => {
    const record = await insert(lab);
    const nobodys = await insert(lab, { owner: null });
    expect(await lab.store.append(record, "process-2", [progress(1), output("x")])).toBe(0);
    for (const owner of ["process-1", "null", ""]) {
      expect(await lab.store.append(nobodys, owner, [progress(1), output("x")])).toBe(0);
    }
    for (const before of [record, nobodys]) {
      expect(await read(lab, before)).toEqual(before);
      expect(await log(lab, before)).toHaveLength(1);
    }
  });

  test("append is refused to the owner before a take-over, and works for the one after it", async () => {
    const first = await insert(lab);
    expect(await append(first, output("a"))).toBe(2);
    const taken = await transition(lab, first, { patch: { owner: "process-2" }, events: [started] });
    expect(await append(first, progress(1), output("late"))).toBe(0);
    expect(await read(lab, first)).toEqual(taken);
    expect(await lab.store.append(first, "process-2", [output("b")])).toBe(4);
    expect(await append(first, output("later"))).toBe(0);
    expect((await log(lab, first)).slice(1)).toMatchObject([output("a"), started, output("b")]);
    expect(await read(lab, first)).toMatchObject({ version: 2, lastSeq: 4, progress: null });
  });

  test("nothing of the owner before is appended behind a take-over, however close it comes", async () => {
    const record = await insert(lab);
    const appends = upTo(20).map(() => append(record, output("x")));
    const taken = transition(lab, record, { patch: { owner: "process-2" }, events: [started] });
    const late = upTo(20).map(() => append(record, output("x")));
    const answers = await Promise.all([...appends, ...late]);
    const { lastSeq } = await taken;
    expect(Math.max(...answers)).toBeLessThan(lastSeq);
    const events = await log(lab, record);
    expect(events).toHaveLength(lastSeq);
    expect(events).toHaveLength(2 + answers.filter((seq) => seq > 0).length);
  });

  test("append to an unknown task answers 0", async () => {
    expect(await append(UNKNOWN, progress(1))).toBe(0);
  });

  test("numbers have no gaps when appends and transitions come at once", async () => {
    const record = await insert(lab);
    const appends = upTo(20).map((n) => append(record, output(`${n}a`), output(`${n}b`)));
    const transitions = upTo(5).map(() => lab.store.transition(record, 1, change({}, [progress(1)])));
    await Promise.all([...appends, ...transitions]);
    const events = await log(lab, record);
    expect(seqs(events)).toEqual(upTo(42));
    expect((await read(lab, record)).lastSeq).toBe(42);
    expect(seqs(events.filter((event) => event.type === "task.output"))).toHaveLength(40);
  });

  test("events of one append stay together, and each answer is the number of its last", async () => {
    const record = await insert(lab);
    const answers = await Promise.all(upTo(20).map((n) => append(record, output(`${n}a`), output(`${n}b`))));
    const events = await log(lab, record);
    for (const [index, seq] of answers.entries()) {
      expect(events[seq - 2]).toMatchObject({ seq: seq - 1, chunk: `${index + 1}a` });
      expect(events[seq - 1]).toMatchObject({ seq, chunk: `${index + 1}b` });
    }
  });

  test("nothing is appended behind the end, however close it comes", async () => {
    const record = await insert(lab);
    const end = lab.store.transition(record, 1, change({ status: "completed", completedAt: 1 }, [completed]));
    const answers = await Promise.all(upTo(20).map(() => append(record, output("x"))));
    await end;
    const events = await log(lab, record);
    expect(events).toHaveLength(2 + answers.filter((seq) => seq > 0).length);
    expect(events.at(-1)?.type).toBe("task.completed");
  });

  test("pages follow each other without a gap or an overlap", async () => {
    const record = await insert(lab, {}, upTo(10).map(progress));
    const read: TaskEvent[] = [];
    let after = 0;
    for (let pages = 0; pages < 4; pages += 1) {
      const answer = await page(record, after, 3);
      expect(answer.truncated).toBe(false);
      read.push(...answer.events);
      after = answer.nextAfter;
    }
    expect(seqs(read)).toEqual(upTo(10));
    expect(after).toBe(10);
  });

  test("a reader at the end, or beyond it, stays where it is", async () => {
    const record = await insert(lab);
    expect(await page(record, 1)).toEqual({ events: [], nextAfter: 1, truncated: false });
    expect(await page(record, 7)).toEqual({ events: [], nextAfter: 7, truncated: false });
  });

  test("the log of a missing task is undefined", async () => {
    expect(await lab.store.events(ADA, "unknown", { after: 0, limit: 1 })).toBeUndefined();
  });

  test("the ring keeps the newest events, and says what is gone", async () => {
    const record = await insert(lab);
    for (const _ of upTo(3)) await append(record, ...upTo(350).map(progress));
    const oldest = 1_051 - RING_EVENTS + 1;
    const kept = await page(record, 0);
    expect(kept).toMatchObject({ truncated: true, nextAfter: 1_051 });
    expect(kept.events).toHaveLength(RING_EVENTS);
    expect(kept.events[0]).toMatchObject({ seq: oldest, type: "task.progress", progress: { value: 51 } });
    expect(await page(record, oldest - 2, 5)).toMatchObject({ truncated: true, nextAfter: oldest + 4 });
    expect(await page(record, oldest - 1, 5)).toMatchObject({ truncated: false, nextAfter: oldest + 4 });
    expect(await page(record, 5, 0)).toEqual({ events: [], nextAfter: 5, truncated: true });
    expect(await read(lab, record)).toMatchObject({ lastSeq: 1_051 });
  });

  test("one append may be larger than the ring", async () => {
    const record = await insert(lab);
    expect(await append(record, ...upTo(RING_EVENTS + 20).map(progress))).toBe(RING_EVENTS + 21);
    expect(seqs(await log(lab, record))).toEqual(upTo(RING_EVENTS).map((n) => n + 21));
  });

  test("the ring keeps no more text than it should, and the newest event whatever its size", async () => {
    const record = await insert(lab);
    for (const n of upTo(6)) await append(record, output(String(n).repeat(RING_CHARS / 3.5)));
    const kept = await page(record, 0);
    expect(kept.truncated).toBe(true);
    expect(seqs(kept.events)).toEqual([5, 6, 7]);
    await append(record, output("x".repeat(RING_CHARS + 1)));
    expect(seqs(await log(lab, record))).toEqual([8]);
  });

  test("what is dropped from the ring makes room for as much text again", async () => {
    const record = await insert(lab, {}, [started]);
    for (const _ of upTo(12)) await append(record, output("x".repeat(RING_CHARS / 7.5)));
    expect(await log(lab, record)).toHaveLength(7);
    await append(record, ...upTo(RING_EVENTS).map(progress));
    await append(record, output("x".repeat(RING_CHARS / 7.5)));
    expect(await log(lab, record)).toHaveLength(RING_EVENTS);
  });

  test("what follows the end is numbered on", async () => {
    const record = await finish(lab);
    const dropped = { at: 9, type: "follow_up.dropped", reason: "observed" } as const;
    await transition(lab, record, { events: [dropped] });
    expect((await log(lab, record)).at(-1)).toEqual({ taskId: record.id, seq: 3, ...dropped });
  });
}
