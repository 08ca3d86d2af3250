import { expect, test } from "vitest";
import type { SessionClaim, Settlement } from "../../core/model/session-claim.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { ALL_MODES, holdingOf, ONE } from "./hold-lab.ts";
import { type Lab, LONG_MS, leaseTest, read, upTo } from "./lab.ts";

/** Turns that hold their session, whether or not anything waits there. */
export function holdSuite(lab: Lab): void {
  const { ask, hold, claim, pending } = holdingOf(lab);
  const settle = (held: SessionClaim, settlement: Settlement, keep?: boolean) => {
    const outcome = Object.fromEntries(held.tasks.map(({ id }) => [id, settlement]));
    return lab.store.settle(held, outcome, keep);
  };
  const counts = (record: TaskRecord | undefined) =>
    record && [record.followUp.attempts, record.followUp.holds];

  test("a session is held with nothing in it, and by one alone", async () => {
    const held = await hold();
    expect(held).toMatchObject({ userId: "ada", sessionId: "one", tasks: [], turns: 0 });
    expect(await ask()).toEqual({ heldBy: "user" });
    expect(await lab.store.settle(held, {})).toEqual([]);
    expect(await hold({ by: "host" })).toMatchObject({ tasks: [] });
    expect(await ask()).toEqual({ heldBy: "host" });
  });

  test("each session is held by itself, that without an id too", async () => {
    const sessions = [
      { userId: "ada", sessionId: null },
      { userId: "ada", sessionId: "" },
      { userId: "ada", sessionId: "two" },
      { userId: "grace", sessionId: "one" },
    ];
    await hold();
    for (const session of sessions) {
      expect(await ask({}, LONG_MS, "me", session)).toMatchObject(session);
      expect(await ask({}, LONG_MS, "me", session)).toEqual({ heldBy: "user" });
    }
  });

  test("a hold and a claim keep each other out", async () => {
    await pending();
    const held = await hold({ take: false });
    expect(await claim()).toBeUndefined();
    await lab.store.settle(held, {});
    expect(await claim()).toMatchObject({ sessionId: "one" });
    expect(await ask()).toEqual({ heldBy: "library" });
  });

  leaseTest("a hold ends with its lease, and until it is prolonged no longer", async (leaseMs) => {
    const record = await pending();
    const held = await hold({}, leaseMs);
    expect(await lab.store.prolong(held, leaseMs)).toEqual({ stop: null });
    expect(await ask()).toEqual({ heldBy: "user" });
    await lab.advance(leaseMs);
    expect(await lab.store.prolong(held, leaseMs)).toBeUndefined();
    expect(await lab.store.settle(held, {})).toBeUndefined();
    expect(await lab.store.extend(held, ALL_MODES, 9)).toBeUndefined();
    expect((await hold()).tasks).toMatchObject([{ id: record.id }]);
  });

  test("everything that is pending comes along, whatever its mode and its delay, and costs no attempt", async () => {
    const records = [await pending(), await pending("silent"), await pending("interrupt")];
    const claimed = await claim();
    if (claimed) await settle(claimed, { type: "release", delayMs: LONG_MS });
    const { tasks } = await hold();
    expect(tasks.map(({ id }) => id)).toEqual(records.map(({ id }) => id));
    for (const task of tasks) {
      expect(task.followUp).toMatchObject({ status: "claimed", attempts: 1, holds: 1 });
      expect(await read(lab, task)).toEqual(task);
    }
  });

  test("a hold that takes nothing leaves what is pending", async () => {
    const record = await pending();
    expect(await hold({ take: false })).toMatchObject({ tasks: [] });
    expect(await read(lab, record)).toEqual(record);
  });

  test("what was not told comes again, and what it cost is given back", async () => {
    await pending();
    const held = await hold();
    const [released] = (await settle(held, { type: "defer", delayMs: 0 })) ?? [];
    expect(counts(released)).toEqual([0, 0]);
    const [unnamed] = (await lab.store.settle(await hold(), {})) ?? [];
    expect(counts(unnamed)).toEqual([0, 0]);
  });

  test("what was in so many holds that failed, or died, stays out of further ones, and not of claims", async () => {
    const record = await pending();
    const [failed] = (await settle(await hold(), { type: "release", delayMs: 0 })) ?? [];
    expect(counts(failed)).toEqual([0, 1]);
    await settle(await hold(), { type: "release", delayMs: 0 });
    const healthy = await pending();
    const held = await hold({ maxHolds: 2 });
    expect(held.tasks).toMatchObject([{ id: healthy.id }]);
    expect(await lab.store.extend(held, ALL_MODES, 2)).toEqual([]);
    await lab.store.settle(held, {});
    expect((await claim())?.tasks).toMatchObject([
      { id: record.id, followUp: { attempts: 1, holds: 2 } },
      {},
    ]);
  });

  leaseTest("a hold that has lapsed counts", async (leaseMs) => {
    await pending();
    await hold({}, leaseMs);
    await lab.advance(leaseMs);
    expect(await hold({ maxHolds: 1 })).toMatchObject({ tasks: [] });
  });

  test("a hold by the user counts the turns from 0, one by the host does not", async () => {
    await pending();
    const claimed = await claim();
    if (claimed) await settle(claimed, { type: "acknowledge" });
    const byHost = await hold({ by: "host" });
    expect(byHost.turns).toBe(1);
    await lab.store.settle(byHost, {});
    const byUser = await hold();
    expect(byUser.turns).toBe(0);
    await lab.store.settle(byUser, {});
    await pending();
    expect(await claim()).toMatchObject({ turns: 0 });
  });

  test("a hold counts no turn, whatever is told in it", async () => {
    await pending();
    await settle(await hold(), { type: "acknowledge" });
    expect((await hold({ by: "host" })).turns).toBe(0);
  });

  test("the number grows with each claim of a session, and is no less than the store's time", async () => {
    const before = lab.now();
    const numbers: number[] = [];
    for (const _ of upTo(3)) {
      const held = await hold();
      numbers.push(held.number);
      await lab.store.settle(held, {});
      await pending();
      const claimed = await claim();
      if (claimed) numbers.push(claimed.number);
      if (claimed) await settle(claimed, { type: "acknowledge" });
    }
    expect(numbers).toHaveLength(6);
    expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
    expect(numbers[0]).toBeGreaterThan(before - 1_000);
    expect(numbers.every(Number.isSafeInteger)).toBe(true);
  });

  test("what has become pending is taken into the claim, if there is a reason to", async () => {
    const held = await hold();
    const first = await pending("silent");
    expect(await lab.store.extend(held, ["interrupt"], 9)).toEqual([]);
    const second = await pending("interrupt");
    await pending("interrupt", "two");
    const taken = await lab.store.extend(held, ["interrupt"], 9);
    expect(taken?.map(({ id }) => id)).toEqual([first.id, second.id]);
    expect(taken?.map(counts)).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(await read(lab, first)).toEqual(taken?.[0]);
    expect(await lab.store.extend(held, ALL_MODES, 9)).toEqual([]);
    expect(await lab.store.settle(held, { [first.id]: { type: "acknowledge" } })).toMatchObject([
      { id: first.id, followUp: { status: "delivered" } },
      { id: second.id, followUp: { status: "pending", holds: 0 } },
    ]);
  });

  test("what is taken into a claim of results costs an attempt, as there", async () => {
    await pending();
    const claimed = await claim();
    const later = await pending();
    const taken = claimed && (await lab.store.extend(claimed, ALL_MODES, 9));
    expect(taken).toMatchObject([{ id: later.id, followUp: { status: "claimed", attempts: 1 } }]);
    const settled = claimed && (await lab.store.settle(claimed, {}));
    expect(settled?.map(({ followUp }) => followUp.attempts)).toEqual([0, 0]);
  });

  test("a part is settled, and the claim goes on with the rest", async () => {
    const [one, two] = [await pending(), await pending()];
    const held = await hold();
    const acknowledge = { [one.id]: { type: "acknowledge" } } as const;
    expect(await lab.store.settle(held, acknowledge, true)).toMatchObject([
      { id: one.id, followUp: { status: "delivered" } },
    ]);
    expect(await read(lab, two)).toMatchObject({ followUp: { status: "claimed" } });
    expect(await claim()).toBeUndefined();
    expect(await lab.store.settle(held, acknowledge, true)).toEqual([]);
    expect(await lab.store.prolong(held, LONG_MS)).toEqual({ stop: null });
    expect(await lab.store.settle(held, {})).toMatchObject([{ id: two.id, followUp: { status: "pending" } }]);
    expect(await lab.store.settle(held, {}, true)).toBeUndefined();
  });

  test("what was given back is taken in again, and by nobody else meanwhile", async () => {
    const record = await pending();
    const held = await hold();
    await settle(held, { type: "defer", delayMs: LONG_MS }, true);
    expect(await claim()).toBeUndefined();
    expect(await lab.store.extend(held, ALL_MODES, 9)).toMatchObject([
      { id: record.id, followUp: { holds: 1 } },
    ]);
  });

  test("a claim of which a part is told, and then another, counts one turn", async () => {
    const [one, two] = [await pending(), await pending()];
    const claimed = await claim();
    if (claimed === undefined) throw new Error("Nothing was claimed.");
    await lab.store.settle(claimed, { [one.id]: { type: "acknowledge" } }, true);
    await lab.store.settle(claimed, { [two.id]: { type: "acknowledge" } });
    expect((await hold({ by: "host" })).turns).toBe(1);
  });

  test("who has a session is asked to stop, and learns it when the lease is prolonged", async () => {
    expect(await lab.store.stopTurn(ONE, "Enough.", null)).toBe(false);
    const held = await hold();
    expect(await lab.store.stopTurn(ONE, "Enough.", "library")).toBe(false);
    expect(await lab.store.prolong(held, LONG_MS)).toEqual({ stop: null });
    expect(await lab.store.stopTurn(ONE, "Enough.", null)).toBe(true);
    expect(await lab.store.prolong(held, LONG_MS)).toEqual({ stop: "Enough." });
    await lab.store.settle(held, {});
    await pending();
    const claimed = await claim();
    expect(claimed && (await lab.store.prolong(claimed, LONG_MS))).toEqual({ stop: null });
    expect(await lab.store.stopTurn(ONE, "Somebody speaks.", "library")).toBe(true);
    expect(claimed && (await lab.store.prolong(claimed, LONG_MS))).toEqual({ stop: "Somebody speaks." });
  });

  leaseTest("nobody is asked to stop whose lease is over", async (leaseMs) => {
    await hold({}, leaseMs);
    await lab.advance(leaseMs);
    expect(await lab.store.stopTurn(ONE, "Enough.", null)).toBe(false);
  });

  test("however many ask for a session at once, one has it", async () => {
    await pending();
    const asked = upTo(8).map((index) => ask({}, LONG_MS, `claimant-${index}`));
    const answers = await Promise.all([...asked, claim()]);
    const holding = answers.filter((answer) => answer !== undefined && !("heldBy" in answer));
    expect(holding).toHaveLength(1);
  });
}
