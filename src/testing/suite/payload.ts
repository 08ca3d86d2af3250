import { expect, test } from "vitest";
import { makeTask } from "../make-task.ts";
import {
  ADA,
  change,
  insert,
  type Lab,
  LONG_MS,
  NO_LIMITS,
  output,
  transition,
  UNKNOWN,
  upTo,
} from "./lab.ts";

export function payloadSuite(lab: Lab): void {
  const withInput = async () => {
    const { record } = makeTask({ owner: "process-1" });
    await lab.store.insert({ record, events: [], input: INPUT }, NO_LIMITS, LONG_MS);
    return record;
  };

  test("a task that was inserted with its input has it until it ends", async () => {
    const record = await withInput();
    expect(await lab.store.payload(record)).toEqual({ input: INPUT, checkpoint: null });
    await transition(lab, record, { patch: { cancel: { at: 1, by: "user", reason: null } } });
    expect(await lab.store.payload(record)).toEqual({ input: INPUT, checkpoint: null });
    await transition(lab, { ...record, version: 2 }, { patch: { status: "cancelled", completedAt: 1 } });
    expect(await lab.store.payload(record)).toBeUndefined();
  });

  test("one that was inserted without it has none, and takes no checkpoint", async () => {
    const record = await insert(lab, { owner: "process-1" });
    expect(await lab.store.checkpoint(record, "process-1", "1")).toBe(false);
    expect(await lab.store.payload(record)).toBeUndefined();
  });

  test("the newest checkpoint takes the place of the one before", async () => {
    const record = await withInput();
    for (const n of upTo(3)) {
      expect(await lab.store.checkpoint(record, "process-1", JSON.stringify({ n }))).toBe(true);
    }
    expect(await lab.store.payload(record)).toEqual({ input: INPUT, checkpoint: '{"n":3}' });
  });

  test("a checkpoint is taken of the owner alone", async () => {
    const record = await withInput();
    expect(await lab.store.checkpoint(record, "process-2", "1")).toBe(false);
    await transition(lab, record, { patch: { owner: "process-2" } });
    expect(await lab.store.checkpoint(record, "process-1", "1")).toBe(false);
    expect(await lab.store.checkpoint(record, "process-2", "2")).toBe(true);
    expect(await lab.store.payload(record)).toMatchObject({ checkpoint: "2" });
  });

  test("a checkpoint changes neither the version nor the log", async () => {
    const record = await withInput();
    await lab.store.checkpoint(record, "process-1", "1");
    expect(await lab.store.get(ADA, record.id)).toMatchObject({ version: 1, lastSeq: 0 });
    expect(await lab.store.transition(record, 1, change({ deadlineAt: 1 }))).toMatchObject({ version: 2 });
  });

  test("what has ended, or is unknown, takes no checkpoint and has no payload", async () => {
    const record = await withInput();
    await transition(lab, record, { patch: { status: "completed", completedAt: 1 } });
    for (const task of [record, UNKNOWN]) {
      expect(await lab.store.checkpoint(task, "process-1", "1")).toBe(false);
      expect(await lab.store.payload(task)).toBeUndefined();
    }
  });

  test("a key with another user names nothing", async () => {
    const record = await withInput();
    const foreign = { userId: "grace", id: record.id };
    expect(await lab.store.payload(foreign)).toBeUndefined();
    expect(await lab.store.checkpoint(foreign, "process-1", "1")).toBe(false);
    expect(await lab.store.append(foreign, "process-1", [output("x")])).toBe(0);
    expect(await lab.store.transition(foreign, 1, change({}))).toBeUndefined();
    expect(await lab.store.admit(foreign, 1, change({}), NO_LIMITS)).toBeUndefined();
    expect(await lab.store.renew("process-1", [foreign], LONG_MS)).toEqual([]);
    expect(await lab.store.get(ADA, record.id)).toMatchObject({ version: 1, lastSeq: 0 });
  });
}

const INPUT = JSON.stringify({ query: "otters\u0000\u2028 😀" });
