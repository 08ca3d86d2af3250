import { expect, test } from "vitest";
import type { RetentionLimits } from "../../core/model/store.ts";
import { finish, finishNext, idsOf, type Lab, LONG_MS, leaseTest, read } from "./lab.ts";

/**
 * When a task has ended, by the store's own clock: age, order and retention go by that. What its process writes is only
 * shown, since clocks of processes are set, and differ.
 */
export function endSuite(lab: Lab): void {
  const claim = (minAgeMs = 0) => lab.store.claim("me", LONG_MS, { minAgeMs });
  const sweep = (limits: Partial<RetentionLimits>) => lab.store.sweep({ ...KEEP_ALL, ...limits }, 100);
  const clocks: [process: string, stepMs: number][] = [
    ["15 s ahead", 15_000],
    ["15 s behind", -15_000],
    ["8 days ahead", 8 * DAY_MS],
    ["8 days behind", -8 * DAY_MS],
  ];

  test.each(clocks)("what a process writes that is %s is shown as it is", async (_, stepMs) => {
    const completedAt = lab.now() + stepMs;
    const record = await finishNext(lab, { completedAt });
    expect(record.completedAt).toBe(completedAt);
    expect((await read(lab, record)).completedAt).toBe(completedAt);
    const claimed = await claim();
    expect(claimed?.tasks).toMatchObject([{ completedAt }]);
    const settled = claimed && (await lab.store.settle(claimed, { [record.id]: { type: "acknowledge" } }));
    expect(settled).toMatchObject([{ completedAt }]);
  });

  for (const [process, stepMs] of clocks) {
    leaseTest(`what a process has ended that is ${process} is as old as it is`, async (leaseMs) => {
      const minAgeMs = 2 * leaseMs;
      const { id } = await finishNext(lab, { completedAt: lab.now() + stepMs });
      expect(await claim(minAgeMs)).toBeUndefined();
      await lab.advance(minAgeMs);
      expect(await claim(minAgeMs)).toMatchObject({ tasks: [{ id }] });
    });
  }

  test("an end 8 days behind is not too old for retention", async () => {
    const completedAt = lab.now() - 8 * DAY_MS;
    const pending = await finishNext(lab, { completedAt });
    const done = await finish(lab, { completedAt });
    expect(await sweep({ followUpTtlMs: 7 * DAY_MS, finishedTtlMs: DAY_MS })).toEqual(NOTHING);
    expect((await idsOf(lab, "ada")).sort()).toEqual([pending.id, done.id].sort());
  });

  leaseTest("an end 8 days ahead outlives its time by nothing", async (ttlMs) => {
    const completedAt = lab.now() + 8 * DAY_MS;
    const pending = await finishNext(lab, { completedAt });
    await finish(lab, { completedAt });
    await lab.advance(ttlMs);
    const { expired } = await sweep({ followUpTtlMs: ttlMs });
    expect(expired).toMatchObject([{ id: pending.id, completedAt }]);
    expect(await sweep({ finishedTtlMs: ttlMs })).toMatchObject({ evicted: 2 });
  });

  test("sessions and follow-ups come in the order of their ends", async () => {
    const behind = (n: number) => lab.now() - n * DAY_MS;
    const first = await finishNext(lab, { sessionId: "one", completedAt: behind(-1) });
    await finishNext(lab, { sessionId: "two", completedAt: behind(2) });
    const last = await finishNext(lab, { sessionId: "one", completedAt: behind(3) });
    expect(await claim()).toMatchObject({ sessionId: "one", tasks: [{ id: first.id }, { id: last.id }] });
    expect(await claim()).toMatchObject({ sessionId: "two" });
  });

  test("of too many the first to end go, whatever their processes say", async () => {
    for (const [index, id] of ["a", "b", "c"].entries()) {
      await finishNext(lab, { id: `pending ${id}`, completedAt: lab.now() - index * DAY_MS });
      await finish(lab, { id: `done ${id}`, completedAt: lab.now() - index * DAY_MS });
    }
    const { expired } = await sweep({ followUpsPerUser: 1 });
    expect(expired.map(({ id }) => id).sort()).toEqual(["pending a", "pending b"]);
    await sweep({ finishedPerUser: 1 });
    expect((await idsOf(lab, "ada")).sort()).toEqual(["done c", "pending c"]);
  });
}

const DAY_MS = 86_400_000;
const KEEP_ALL: RetentionLimits = {
  finishedPerUser: null,
  finishedTtlMs: null,
  followUpTtlMs: null,
  followUpsPerUser: null,
};
const NOTHING = { expired: [], evicted: 0, more: false };
