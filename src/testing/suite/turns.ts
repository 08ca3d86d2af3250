import { expect, test } from "vitest";
import type { ClaimFilter, SessionClaim, SessionKey, Settlement } from "../../core/model/session-claim.ts";
import { finishNext, finishPending, type Lab, LEASE_MS, LONG_MS, read, transition, upTo } from "./lab.ts";

export function turnSuite(lab: Lab): void {
  const claim = (filter: ClaimFilter, leaseMs = LONG_MS) => lab.store.claim("me", leaseMs, filter);
  const settle = (held: SessionClaim | undefined, settlement?: Settlement) => {
    const outcome = settlement && held?.tasks.map(({ id }) => [id, settlement]);
    return held && lab.store.settle(held, Object.fromEntries(outcome ?? []));
  };
  /** Answers the turns before this one. */
  const turn = async (session: SessionKey, filter: ClaimFilter = { maxTurns: 100 }) => {
    await finishPending(lab, session);
    const held = await claim({ ...filter, session });
    await settle(held, acknowledge);
    return held?.turns;
  };
  const turnsOf = async (session: SessionKey) => {
    await finishPending(lab, session);
    const held = await claim({ session });
    await settle(held, { type: "drop", reason: "session_gone" });
    return held?.turns;
  };

  test("acknowledging a claim that minds the turns counts one", async () => {
    expect([await turn(ONE), await turn(ONE), await turn(ONE)]).toEqual([0, 1, 2]);
    await finishPending(lab, ONE);
    const held = await claim({ maxTurns: 4 });
    expect(held).toMatchObject({ turns: 3 });
    await settle(held, acknowledge);
    expect(await turnsOf(ONE)).toBe(4);
  });

  test("without maxTurns nothing is counted, but the count is told", async () => {
    expect([await turn(ONE, {}), await turn(ONE), await turn(ONE, {}), await turn(ONE)]).toEqual([
      0, 0, 1, 1,
    ]);
  });

  test.each<Settlement | undefined>([
    { type: "release", delayMs: 0 },
    { type: "defer", delayMs: 0 },
    { type: "drop", reason: "session_gone" },
    undefined,
  ])("a claim of which nothing is acknowledged counts none: %j", async (settlement) => {
    await finishPending(lab, ONE);
    expect(await settle(await claim({ maxTurns: 1 }), settlement)).toHaveLength(1);
    expect(await turnsOf(ONE)).toBe(0);
  });

  test("a claim counts one turn, however many of its follow-ups are acknowledged", async () => {
    const records = await Promise.all(upTo(4).map(() => finishPending(lab, ONE)));
    const held = await claim({ maxTurns: 1 });
    const [one, two, three] = records.map(({ id }) => id) as [string, string, string];
    const drop: Settlement = { type: "drop", reason: "observed" };
    if (held) await lab.store.settle(held, { [one]: drop, [two]: acknowledge, [three]: acknowledge });
    expect(await turnsOf(ONE)).toBe(1);
  });

  test("acknowledging what somebody has dropped in the meantime counts all the same", async () => {
    const record = await finishPending(lab, ONE);
    const held = await claim({ maxTurns: 1 });
    const current = await read(lab, record);
    const followUp = { ...current.followUp, status: "dropped", reason: "observed" } as const;
    await transition(lab, current, { patch: { followUp } });
    expect(await settle(held, acknowledge)).toEqual([]);
    expect(await turnsOf(ONE)).toBe(1);
  });

  test("a claim that has lapsed counts none, even if it is settled late", async () => {
    await finishPending(lab, ONE);
    const held = await claim({ maxTurns: 1 }, LEASE_MS);
    await lab.advance(LEASE_MS);
    expect(await settle(held, acknowledge)).toBeUndefined();
    expect(await turnsOf(ONE)).toBe(0);
  });

  test("a session that has had its turns is passed over by who minds them, and by nobody else", async () => {
    for (const _ of upTo(2)) await turn(ONE);
    const held = await finishNext(lab, ONE);
    await finishNext(lab, { sessionId: "two" });
    expect(await claim({ maxTurns: 0 })).toBeUndefined();
    expect(await claim({ maxTurns: 2 })).toMatchObject({ sessionId: "two", turns: 0 });
    expect(await claim({ maxTurns: 2 })).toBeUndefined();
    expect(await claim({ maxTurns: 2, session: ONE })).toBeUndefined();
    for (const filter of [{ maxTurns: 3 }, { maxTurns: 3, session: ONE }, {}, { session: ONE }]) {
      const answer = await claim(filter);
      expect(answer).toMatchObject({ sessionId: "one", turns: 2, tasks: [{ id: held.id }] });
      await settle(answer);
    }
  });

  test("of sessions with turns left the one that has waited longest is first, whatever they have had", async () => {
    const sessions = ["one", "two", "three"];
    for (const [index, sessionId] of sessions.entries()) {
      for (const _ of upTo(2 - index)) await turn({ userId: "ada", sessionId });
    }
    await finishNext(lab, { sessionId: "two" });
    await finishNext(lab, { sessionId: "one" }, "interrupt");
    await finishNext(lab, { sessionId: "three" });
    const answers = [
      await claim({ maxTurns: 3 }),
      await claim({ maxTurns: 3 }),
      await claim({ maxTurns: 3 }),
    ];
    expect(answers.map((answer) => answer?.sessionId)).toEqual(["two", "one", "three"]);
    expect(answers.map((answer) => answer?.turns)).toEqual([1, 2, 0]);
  });

  test("turns are counted from 0 again, for what waits and for what comes", async () => {
    for (const _ of upTo(2)) await turn(ONE);
    const waiting = await finishPending(lab, ONE);
    expect(await claim({ maxTurns: 1 })).toBeUndefined();
    await lab.store.resetTurns(ONE);
    const held = await claim({ maxTurns: 1 });
    expect(held).toMatchObject({ turns: 0, tasks: [{ id: waiting.id }] });
    await settle(held, acknowledge);
    expect(await turnsOf(ONE)).toBe(1);
  });

  test("turns that are reset while the session is claimed begin with that claim", async () => {
    for (const _ of upTo(3)) await turn(ONE);
    await finishPending(lab, ONE);
    const held = await claim({ maxTurns: 9 });
    await lab.store.resetTurns(ONE);
    await settle(held, acknowledge);
    expect(await turnsOf(ONE)).toBe(1);
  });

  test("each session of each user has its own count", async () => {
    const others = [
      { userId: "ada", sessionId: null },
      { userId: "ada", sessionId: "" },
      { userId: "ada", sessionId: "two" },
      { userId: "grace", sessionId: "one" },
    ];
    await turn(ONE);
    for (const other of others) expect(await turnsOf(other)).toBe(0);
    for (const other of others) for (const _ of upTo(2)) await turn(other);
    await lab.store.resetTurns(others[0] ?? ONE);
    expect(await Promise.all([ONE, ...others].map(turnsOf))).toEqual([1, 0, 2, 2, 2]);
  });

  test("resetting the turns of a session that has none does no harm", async () => {
    await lab.store.resetTurns({ userId: "nobody", sessionId: null });
    await lab.store.resetTurns(ONE);
    expect(await turn(ONE)).toBe(0);
    expect(await turnsOf(ONE)).toBe(1);
  });

  test("however many claim at once, no turn is counted twice and none is one too many", async () => {
    const turns = await Promise.all(
      upTo(12).map(async () => {
        await finishPending(lab, ONE);
        const held = await claim({ maxTurns: 3 });
        await settle(held, acknowledge);
        return held?.turns ?? [];
      }),
    );
    const counted = turns.flat().sort();
    expect(counted).toEqual([0, 1, 2].slice(0, counted.length));
    expect(counted).not.toEqual([]);
  });
}

const ONE: SessionKey = { userId: "ada", sessionId: "one" };
const acknowledge: Settlement = { type: "acknowledge" };
