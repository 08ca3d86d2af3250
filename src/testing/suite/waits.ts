import { expect, test } from "vitest";
import { holdingOf, ONE } from "./hold-lab.ts";
import { type Lab, LONG_MS, leaseTest } from "./lab.ts";

/** Those who wait for a session that somebody has. */
export function waitSuite(lab: Lab): void {
  const { ask, hold, claim, pending } = holdingOf(lab);

  test("while somebody waits for a session nobody claims it, and whoever waits gets it", async () => {
    await pending();
    await pending("when_idle", "two");
    const held = await hold({ take: false });
    expect(await ask({ waitMs: LONG_MS }, LONG_MS, "another")).toEqual({ heldBy: "user" });
    await lab.store.settle(held, {});
    expect(await claim()).toMatchObject({ sessionId: "two" });
    expect(await claim()).toBeUndefined();
    expect(await lab.store.claim("me", LONG_MS, { session: ONE })).toBeUndefined();
    const other = await hold({}, LONG_MS, "another");
    expect(other.tasks).toHaveLength(1);
    await lab.store.settle(other, {});
    expect(await claim()).toMatchObject({ sessionId: "one" });
  });

  test("of several who wait each is waited for until it has had the session", async () => {
    await pending();
    const held = await hold({ take: false });
    for (const claimant of ["two", "three"]) await ask({ waitMs: LONG_MS }, LONG_MS, claimant);
    await lab.store.settle(held, {});
    await lab.store.settle(await hold({ take: false }, LONG_MS, "two"), {});
    expect(await claim()).toBeUndefined();
    await lab.store.settle(await hold({ take: false }, LONG_MS, "three"), {});
    expect(await claim()).toMatchObject({ sessionId: "one" });
  });

  leaseTest("who waits is waited for so long, or until it waits no longer", async (leaseMs) => {
    await pending();
    const held = await hold({ take: false });
    await ask({ waitMs: leaseMs }, LONG_MS, "another");
    await lab.store.settle(held, {});
    expect(await claim()).toBeUndefined();
    await lab.advance(leaseMs);
    const claimed = await claim();
    expect(claimed).toMatchObject({ sessionId: "one" });
    await ask({ waitMs: LONG_MS }, LONG_MS, "another");
    await ask({ waitMs: 0 }, LONG_MS, "another");
    if (claimed) await lab.store.settle(claimed, {});
    expect(await claim()).toMatchObject({ sessionId: "one" });
  });

  test("a free session goes to whoever has waited longest, and to nobody else", async () => {
    const held = await hold();
    for (const claimant of ["two", "three", "two"]) await ask({ waitMs: LONG_MS }, LONG_MS, claimant);
    await lab.store.settle(held, {});
    expect(await ask({ waitMs: LONG_MS }, LONG_MS, "three")).toEqual({ heldBy: null });
    expect(await ask()).toEqual({ heldBy: null });
    expect(await ask({ waitMs: LONG_MS }, LONG_MS, "four")).toEqual({ heldBy: null });
    for (const claimant of ["two", "three", "four", "five"]) {
      await lab.store.settle(await hold({}, LONG_MS, claimant), {});
    }
  });

  test("whoever has had the session waits behind those who came meanwhile", async () => {
    const held = await hold();
    for (const claimant of ["two", "me"]) await ask({ waitMs: LONG_MS }, LONG_MS, claimant);
    await lab.store.settle(held, {});
    const next = await hold({}, LONG_MS, "two");
    await ask({ waitMs: LONG_MS }, LONG_MS, "two");
    await lab.store.settle(next, {});
    expect(await ask({}, LONG_MS, "two")).toEqual({ heldBy: null });
    expect(await hold()).toMatchObject({ sessionId: "one" });
  });

  leaseTest("whoever waits no longer, or too long, has lost the place", async (leaseMs) => {
    const held = await hold();
    await ask({ waitMs: LONG_MS }, LONG_MS, "two");
    await ask({ waitMs: leaseMs }, LONG_MS, "three");
    await ask({ waitMs: LONG_MS }, LONG_MS, "four");
    await ask({ waitMs: 0 }, LONG_MS, "two");
    await lab.advance(leaseMs);
    for (const claimant of ["two", "three"]) await ask({ waitMs: LONG_MS }, LONG_MS, claimant);
    await lab.store.settle(held, {});
    expect(await ask({ waitMs: LONG_MS }, LONG_MS, "three")).toEqual({ heldBy: null });
    await lab.store.settle(await hold({}, LONG_MS, "four"), {});
    expect(await ask({ waitMs: 0 }, LONG_MS, "three")).toEqual({ heldBy: null });
    expect(await hold({}, LONG_MS, "two")).toMatchObject({ sessionId: "one" });
  });
}
