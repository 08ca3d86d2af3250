import { expect, test } from "vitest";
import type { TaskChange } from "../../core/model/store.ts";
import {
  ADA,
  change,
  completed,
  insert,
  type Lab,
  log,
  output,
  progress,
  read,
  transition,
  UNKNOWN,
  upTo,
  whole,
} from "./lab.ts";

export function transitionSuite(lab: Lab): void {
  test("writes patch, events and result in one step, at the store's time", async () => {
    const before = await insert(lab, { createdAt: 1 });
    await lab.advance(5);
    const earliest = lab.now();
    const patch = {
      status: "completed",
      startedAt: 3,
      completedAt: 8,
      deadlineAt: 9,
      error: { code: "lost", message: "?" },
      cancel: { at: 4, by: "host", reason: "because" },
      followUp: { status: "pending", mode: "interrupt", attempts: 2, reason: "why" },
      owner: "process-2",
    } as const;
    const record = await transition(lab, before, { patch, events: [completed], result: whole(42) });
    const { updatedAt } = record;
    expect(record).toEqual({ ...before, ...patch, version: 2, lastSeq: 2, updatedAt });
    expect(updatedAt).toBeGreaterThanOrEqual(earliest);
    expect(updatedAt).toBeLessThanOrEqual(lab.now());
    expect(await read(lab, before)).toEqual(record);
    expect((await log(lab, before)).at(-1)).toEqual({ taskId: before.id, seq: 2, ...completed });
    expect(await lab.store.result(ADA, before.id)).toEqual(whole(42));
  });

  test("puts the newest progress among its events on the record", async () => {
    const record = await insert(lab);
    const events = [progress(1), progress(2), output("x")];
    expect(await transition(lab, record, { events })).toMatchObject({ progress: { value: 2 }, lastSeq: 4 });
  });

  test("what a transition does not name stays", async () => {
    const first = await transition(lab, await insert(lab, {}, [progress(1)]), { result: whole("kept") });
    const second = await transition(lab, first, { patch: { deadlineAt: 5 } });
    expect(second).toEqual({ ...first, deadlineAt: 5, version: 3, updatedAt: second.updatedAt });
    expect(await lab.store.result(ADA, first.id)).toEqual(whole("kept"));
  });

  test.each([
    ["an earlier version", 1],
    ["a later version", 3],
  ])("%s is answered with undefined and writes nothing", async (_which, version) => {
    const record = await transition(lab, await insert(lab), { result: whole("right") });
    const late: TaskChange = { ...change({ status: "failed" }, [completed]), result: whole("wrong") };
    expect(await lab.store.transition(record, version, late)).toBeUndefined();
    expect(await read(lab, record)).toEqual(record);
    expect(await log(lab, record)).toHaveLength(1);
    expect(await lab.store.result(ADA, record.id)).toEqual(whole("right"));
  });

  test("an unknown task is answered with undefined", async () => {
    expect(await lab.store.transition(UNKNOWN, 1, change({}))).toBeUndefined();
    expect(await lab.store.get(ADA, "unknown")).toBeUndefined();
  });

  test("of fifty writers one wins, and all it wrote is its own", async () => {
    const before = await insert(lab);
    const answers = await Promise.all(
      upTo(50).map((writer) =>
        lab.store.transition(before, 1, {
          ...change({ status: "completed", completedAt: writer }, [output(String(writer)), completed]),
          result: whole(writer),
        }),
      ),
    );
    const winners = answers.filter((answer) => answer !== undefined);
    expect(winners).toHaveLength(1);
    const winner = winners[0]?.completedAt;
    expect(await read(lab, before)).toEqual(winners[0]);
    expect((await log(lab, before))[1]).toMatchObject({ chunk: String(winner) });
    expect(await lab.store.result(ADA, before.id)).toEqual(whole(winner));
  });

  test("appending does not get in the way of a transition", async () => {
    const record = await insert(lab);
    await lab.store.append(record, "process-1", [progress(1)]);
    expect(await transition(lab, record, { patch: { deadlineAt: 5 } })).toMatchObject({
      version: 2,
      lastSeq: 2,
      progress: { value: 1 },
    });
  });
}
