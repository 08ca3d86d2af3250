import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ClaimFilter, SessionClaim, Settlement } from "../../../src/core/model/session-claim.ts";
import type { TaskStore } from "../../../src/core/model/store.ts";
import { Chain } from "../../../src/core/values/chain.ts";
import { SortedList } from "../../../src/core/values/sorted-list.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { LONG_MS, NO_LIMITS } from "../../../src/testing/suite/lab.ts";
import { TestClock } from "../../support/test-clock.ts";

const followUp = { status: "pending", mode: "when_idle", attempts: 0, reason: null } as const;
const DELAY_MS = 500;

/** Values of lists that were looked at, and looks at the clock: one is due for each follow-up that is looked at. */
let steps = 0;

beforeEach(() => {
  for (const { prototype } of [SortedList, Chain] as { prototype: Iterable<unknown> }[]) {
    const iterate = prototype[Symbol.iterator];
    vi.spyOn(prototype, Symbol.iterator).mockImplementation(function* (this: Iterable<unknown>) {
      for (const value of { [Symbol.iterator]: () => iterate.call(this) }) {
        steps += 1;
        yield value;
      }
    });
  }
});

afterEach(() => void vi.restoreAllMocks());

interface Scene {
  store: TaskStore;
  clock: TestClock;
}

/** A store with so many sessions, in each of which one result waits. */
async function sceneOf(count: number, userOf: (index: number) => string): Promise<Scene> {
  const clock = new TestClock();
  const { monotonic } = clock;
  clock.monotonic = () => {
    steps += 1;
    return monotonic();
  };
  const store = memoryStore({ clock });
  for (let index = 0; index < count; index += 1) {
    await insertPending(store, { userId: userOf(index), sessionId: `s${index}` });
  }
  return { store, clock };
}

async function insertPending(
  store: TaskStore,
  session: { userId: string; sessionId: string },
): Promise<void> {
  await store.insert(makeTask({ ...session, status: "completed", followUp }), NO_LIMITS, LONG_MS);
}

async function claimAll({ store }: Scene, filter: ClaimFilter = {}): Promise<SessionClaim[]> {
  const claims: SessionClaim[] = [];
  for (;;) {
    const claim = await store.claim("me", LONG_MS, filter);
    if (claim === undefined) return claims;
    claims.push(claim);
  }
}

/** Claims and settles each session in turn, until there is none. Answers their ids in order. */
async function settleEach({ store }: Scene, settlement: Settlement): Promise<(string | null)[]> {
  const sessions: (string | null)[] = [];
  for (;;) {
    const claim = await store.claim("me", LONG_MS, {});
    if (claim === undefined) return sessions;
    sessions.push(claim.sessionId);
    const outcome = Object.fromEntries(claim.tasks.map(({ id }) => [id, settlement]));
    await store.settle(claim, outcome);
  }
}

const COURSES: Record<string, (scene: Scene) => Promise<void>> = {
  "are busy, and busy again": (scene) => putOff(scene, { type: "defer", delayMs: DELAY_MS }),
  "fail, and fail again": (scene) => putOff(scene, { type: "release", delayMs: DELAY_MS }),
  "are all in hand at a time, while more ends there": async (scene) => {
    const claims = await claimAll(scene);
    for (const { userId, sessionId } of claims) {
      await insertPending(scene.store, { userId, sessionId: sessionId ?? "" });
      expect(await scene.store.claim("me", LONG_MS, {})).toBeUndefined();
    }
    for (const claim of claims) await scene.store.prolong(claim, LONG_MS);
    for (const claim of claims) await scene.store.settle(claim, {});
  },
};

async function putOff(scene: Scene, settlement: Settlement): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await settleEach(scene, settlement);
    scene.clock.advance(DELAY_MS);
  }
  await settleEach(scene, { type: "acknowledge" });
}

const OWNERS: Record<string, (index: number) => string> = {
  "a user each": (index) => `u${index}`,
  "one user": () => "ada",
};

describe.each(Object.entries(OWNERS))("sessions of %s", (_, userOf) => {
  test.each(Object.entries(COURSES))(
    "ten times as many that %s take ten times as many steps",
    async (__, course) => {
      const few = await sceneOf(50, userOf);
      steps = 0;
      await course(few);
      const stepsOfFew = steps;
      const many = await sceneOf(500, userOf);
      steps = 0;
      await course(many);
      expect(steps).toBeLessThan(12 * stepsOfFew);
    },
  );

  test("delayed results come back in the order in which they ended, each when it is due", async () => {
    const scene = await sceneOf(20, userOf);
    const all = Array.from({ length: 20 }, (_, index) => `s${index}`);
    for (const [index, sessionId] of all.entries()) {
      const session = { userId: userOf(index), sessionId };
      const claim = (await scene.store.claim("me", LONG_MS, { session })) as SessionClaim;
      const settlement: Settlement = { type: "release", delayMs: index % 2 ? 100 : 200 };
      await scene.store.settle(claim, { [claim.tasks[0]?.id ?? ""]: settlement });
    }
    const isOdd = (_: unknown, index: number) => index % 2 === 1;
    expect(await claimAll(scene)).toEqual([]);
    scene.clock.advance(100);
    const odd = await claimAll(scene);
    expect(odd.map(({ sessionId }) => sessionId)).toEqual(all.filter(isOdd));
    scene.clock.advance(100);
    for (const claim of odd) await scene.store.settle(claim, {});
    expect((await claimAll(scene)).map(({ sessionId }) => sessionId)).toEqual(all);
  });
});

test("what is delayed, or waits in a session in hand, expires and counts like all that waits", async () => {
  const scene = await sceneOf(4, () => "ada");
  const [first, second] = [
    await scene.store.claim("me", LONG_MS, {}),
    await scene.store.claim("me", LONG_MS, {}),
  ];
  await scene.store.settle(first as SessionClaim, {
    [first?.tasks[0]?.id ?? ""]: { type: "release", delayMs: LONG_MS },
  });
  await insertPending(scene.store, { userId: "ada", sessionId: second?.sessionId ?? "" });
  const keep = { finishedPerUser: null, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
  const excess = await scene.store.sweep({ ...keep, followUpsPerUser: 3 }, 10);
  expect(excess.expired.map(({ sessionId }) => sessionId)).toEqual(["s0"]);
  scene.clock.advance(10);
  const old = await scene.store.sweep({ ...keep, followUpTtlMs: 10 }, 10);
  expect(old.expired.map(({ sessionId }) => sessionId).sort()).toEqual(["s1", "s2", "s3"]);
});
