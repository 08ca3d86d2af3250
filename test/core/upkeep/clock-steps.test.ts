import { describe, expect, test } from "vitest";
import { BackgroundTaskManager, type TaskStore } from "../../../src/index.ts";
import { faultyStore } from "../../support/faulty-store.ts";
import { ADA, callOf, forbidUnhandledRejections, gate, stubborn } from "../../support/scene.ts";
import { elapse, rest, STEPPED, STEPS, serverWorld, sleeps } from "../../support/stepped.ts";
import type { TestClock } from "../../support/test-clock.ts";

forbidUnhandledRejections();

const LEASE_MS = 30_000;
const SHARED = STEPPED.filter(({ name }) => name !== "the memory store");

describe.each(SHARED.flatMap((one) => STEPS.map((stepMs) => ({ ...one, stepMs }))))(
  "rule 23: the clock of one of two processes is set by $stepMs ms, on $name",
  ({ makeWorld, stepMs }) => {
    test("neither takes the other's tasks for lost, and each tells its results", async () => {
      const world = makeWorld();
      const [one, two] = [world.own, world.own].map(
        (clock) => new BackgroundTaskManager({ store: world.store, clock }),
      );
      if (!one || !two) throw new Error("There are two.");
      const slow = gate();
      const ids = [
        await one.start(callOf(), () => slow.promise),
        await two.start(callOf(), () => slow.promise),
      ];
      await elapse(world, 15_000);
      world.clock.step(stepMs);
      await elapse(world, 3 * LEASE_MS);
      for (const { id } of ids) expect(await one.get(ADA, id)).toMatchObject({ status: "running" });
      slow.resolve("found");
      await rest();
      for (const { id } of ids) expect(await two.get(ADA, id)).toMatchObject({ status: "completed" });
    });
  },
);

describe("rule 23: a machine that has slept for longer than a lease", () => {
  const twoOn = (store: TaskStore, clock: TestClock) =>
    [1, 2].map(() => new BackgroundTaskManager({ store, clock })) as [
      BackgroundTaskManager,
      BackgroundTaskManager,
    ];

  test("its processes renew what they have before one of them takes that of others for lost", async () => {
    const world = serverWorld();
    const [one, two] = twoOn(world.store, world.clock);
    const tasks = [await one.start(callOf(), stubborn), await two.start(callOf(), stubborn)];
    await elapse(world, 1_000);
    sleeps(world, 600_000);
    await elapse(world, 3 * LEASE_MS);
    for (const { id } of tasks) expect(await one.get(ADA, id)).toMatchObject({ status: "running" });
  });

  test("takes up what is really lost a lease later", async () => {
    const world = serverWorld();
    const dead = faultyStore(world.store);
    const lost = await new BackgroundTaskManager({ store: dead, clock: world.clock }).start(
      callOf(),
      stubborn,
    );
    await rest();
    dead.always("renew", () => new Promise(() => undefined));
    dead.always("lapsed", () => new Promise(() => undefined));
    const other = new BackgroundTaskManager({ store: world.store, clock: world.clock });
    sleeps(world, 600_000);
    await elapse(world, 15_000);
    expect(await other.get(ADA, lost.id)).toMatchObject({ status: "running" });
    await elapse(world, 2 * LEASE_MS);
    expect(await other.get(ADA, lost.id)).toMatchObject({ status: "failed", error: { code: "lost" } });
  });

  test("gives up what another has taken over meanwhile", async () => {
    const world = serverWorld();
    const [own] = twoOn(world.store, world.clock);
    const reasons: unknown[] = [];
    const { id } = await own.start(callOf(), (_, { signal }) => {
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      return stubborn();
    });
    await elapse(world, 1_000);
    const elsewhere = new BackgroundTaskManager({ store: world.store, clock: world.server });
    world.clock.step(60_000);
    await elapse({ ...world, clock: world.server }, 60_000);
    expect(await elsewhere.get(ADA, id)).toMatchObject({ error: { code: "lost" } });
    await elapse(world, 10_100);
    expect(reasons.map(String)).toEqual([expect.stringContaining("Another process has this task now.")]);
  });
});
