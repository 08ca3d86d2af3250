import { expect, test } from "vitest";
import type { TaskRecord } from "../../core/model/task.ts";
import { makeTask } from "../make-task.ts";
import {
  change,
  completed,
  insert,
  type Lab,
  LEASE_MS,
  leaseTest,
  NO_LIMITS,
  read,
  transition,
  UNKNOWN,
  upTo,
} from "./lab.ts";

export function leaseSuite(lab: Lab): void {
  const insertLeased = async (fields: Partial<TaskRecord> = {}, leaseMs = LEASE_MS) => {
    const task = makeTask(fields);
    await lab.store.insert(task, NO_LIMITS, leaseMs);
    return task.record;
  };
  const lapsedIds = async () => (await lab.store.lapsed(100)).map((record) => record.id).sort();

  leaseTest("a task lapses when its lease is over, and not before", async (leaseMs) => {
    const running = await insertLeased({}, leaseMs);
    const queued = await insertLeased({ status: "queued", userId: "grace", sessionId: null }, leaseMs);
    await insert(lab);
    expect(await lab.store.lapsed(10)).toEqual([]);
    await lab.advance(leaseMs);
    expect(await lapsedIds()).toEqual([running.id, queued.id].sort());
    expect(await lab.store.lapsed(10)).toContainEqual(await read(lab, running));
  });

  test("a task that has ended does not lapse", async () => {
    const record = await insertLeased();
    await transition(lab, record, change({ status: "completed", completedAt: 1 }, [completed]));
    await lab.advance(LEASE_MS);
    expect(await lab.store.lapsed(10)).toEqual([]);
  });

  test("no more lapsed tasks are given than asked for", async () => {
    for (const _ of upTo(5)) await insertLeased();
    await lab.advance(LEASE_MS);
    expect(await lab.store.lapsed(3)).toHaveLength(3);
  });

  leaseTest("renewing prolongs the leases of the owner's tasks, from now on", async (leaseMs) => {
    const [one, two] = [await insertLeased({}, leaseMs), await insertLeased({}, leaseMs)];
    await lab.advance(leaseMs / 2);
    await lab.store.renew("process-1", [one], leaseMs * 4);
    await lab.advance(leaseMs * 2);
    expect(await lapsedIds()).toEqual([two.id]);
    await lab.advance(leaseMs * 2);
    expect(await lapsedIds()).toEqual([one.id, two.id].sort());
  });

  leaseTest("a lapsed lease can be renewed while nobody has taken the task over", async (leaseMs) => {
    const record = await insertLeased({}, leaseMs);
    await lab.advance(leaseMs);
    await lab.store.renew("process-1", [record], leaseMs);
    expect(await lab.store.lapsed(10)).toEqual([]);
  });

  test("renewing says what has changed, in the order asked, and leaves out what is gone", async () => {
    const [one, two] = [await insert(lab), await insert(lab)];
    const cancel = { at: 3, by: "user", reason: "enough" } as const;
    await transition(lab, two, { patch: { cancel } });
    expect(await lab.store.renew("process-1", [two, UNKNOWN, one], LEASE_MS)).toEqual([
      { id: two.id, owned: true, version: 2, cancel },
      { id: one.id, owned: true, version: 1, cancel: null },
    ]);
    expect(await lab.store.renew("process-1", [], LEASE_MS)).toEqual([]);
  });

  test("another owner is told so, and prolongs nothing", async () => {
    const record = await insertLeased();
    const nobodys = await insertLeased({ owner: null });
    expect(await lab.store.renew("process-2", [record, nobodys], LEASE_MS * 4)).toEqual([
      { id: record.id, owned: false, version: 1, cancel: null },
      { id: nobodys.id, owned: false, version: 1, cancel: null },
    ]);
    await lab.advance(LEASE_MS);
    expect(await lapsedIds()).toEqual([record.id, nobodys.id].sort());
  });

  test("a task that was taken over belongs to its new owner", async () => {
    const record = await insertLeased();
    await lab.advance(LEASE_MS);
    await transition(lab, record, { patch: { owner: "process-2" } });
    expect(await lab.store.renew("process-2", [record], LEASE_MS)).toMatchObject([{ owned: true }]);
    expect(await lab.store.renew("process-1", [record], LEASE_MS * 4)).toMatchObject([{ owned: false }]);
    await lab.advance(LEASE_MS);
    expect(await lapsedIds()).toEqual([record.id]);
  });

  test("renewing is no transition", async () => {
    const record = await insert(lab);
    await lab.store.renew("process-1", [record], LEASE_MS);
    expect(await read(lab, record)).toEqual(record);
  });

  leaseTest("admitting a task starts its lease anew", async (leaseMs) => {
    const record = await insertLeased({ status: "queued" }, leaseMs);
    await lab.advance(leaseMs);
    await lab.store.admit(record, 1, change({ status: "running" }), NO_LIMITS);
    expect(await lab.store.lapsed(10)).toEqual([]);
    await lab.advance(leaseMs);
    expect(await lapsedIds()).toEqual([record.id]);
  });
}
