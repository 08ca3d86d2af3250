import { beforeEach, describe, expect, test } from "vitest";
import { BackgroundTaskManager } from "../../../src/index.ts";
import { ADA, forbidUnhandledRejections } from "../../support/scene.ts";
import { elapse, rest, SET_BACK, STEPPED, STEPS, type SteppedWorld } from "../../support/stepped.ts";
import { allowWarnings } from "../../support/warnings.ts";
import { ends, fails, type Host, hostOf, says } from "../hosts.ts";
import { type Process, processOf } from "../processes.ts";

forbidUnhandledRejections();

const RETRY_MS = 1_000;
const HOUR_MS = 3_600_000;
const CASES = [
  ...STEPPED.flatMap((one) => STEPS.map((stepMs) => ({ ...one, stepMs, isExact: true }))),
  ...SET_BACK.map(({ name, makeWorld }) => ({
    name: `${name}, without durations`,
    makeWorld,
    stepMs: -HOUR_MS,
    // A file knows of no time but that of the wall then: what lies too far ahead is due.
    isExact: name !== "SQLite",
  })),
];

describe.each(CASES)(
  "rule 23: the clock is set by $stepMs ms, on $name",
  ({ makeWorld, stepMs, isExact }) => {
    let world: SteppedWorld;
    beforeEach(() => {
      world = makeWorld();
    });

    const start = (host: Host = hostOf()): Process => {
      const process = processOf({ store: world.store, host, manager: { clock: world.own } });
      process.dispatcher.start();
      return process;
    };
    const finishOne = async (tasks: BackgroundTaskManager) => {
      const { id } = await tasks.start({ toolName: "build", input: {}, scope: ADA }, () => "built");
      await rest();
      return id;
    };
    const step = () => world.clock.step(stepMs);
    /** Milliseconds until a host has had so many turns. */
    const untilTurns = async ({ turns }: Host, count: number) => {
      const began = world.clock.monotonic();
      while (turns.length < count && world.clock.monotonic() - began < 60_000) await elapse(world, 10);
      return world.clock.monotonic() - began;
    };

    test("as a task ends: its result is told in time, and once", async () => {
      const { tasks, host } = start();
      await finishOne(tasks);
      step();
      expect(await untilTurns(host, 1)).toBeLessThan(200);
      await elapse(world, 70_000);
      expect(host.turns).toHaveLength(1);
    });

    test("while a delivery is to be tried again: it is, neither sooner nor later", async () => {
      const { tasks, host } = start(hostOf(fails, ends));
      tasks.on("delivery.failed", () => undefined);
      await finishOne(tasks);
      await untilTurns(host, 1);
      step();
      const waited = await untilTurns(host, 2);
      if (isExact) expect(waited).toBeGreaterThanOrEqual(RETRY_MS / 2);
      expect(waited).toBeLessThan(RETRY_MS + 200);
    });

    test("while a session is busy: it is asked again, neither sooner nor later", async () => {
      const { tasks, host } = start(hostOf(says("busy"), says("busy"), ends));
      await finishOne(tasks);
      await untilTurns(host, 1);
      step();
      for (const turns of [2, 3]) {
        const waited = await untilTurns(host, turns);
        if (isExact) expect(waited).toBeGreaterThanOrEqual(1_000);
        expect(waited).toBeLessThan(1_200);
      }
    });

    test("during a delivery: no other begins beside it, and nothing is lost", async () => {
      // A turn that is deaf for longer than its lease is warned of.
      allowWarnings();
      const deliver = () => new Promise<void>((resolve) => void world.clock.setTimeout(resolve, 45_000));
      const { tasks, host } = start(hostOf(deliver));
      const id = await finishOne(tasks);
      await untilTurns(host, 1);
      await elapse(world, 5_000);
      step();
      await elapse(world, 100_000);
      expect(host.overlaps).toEqual([]);
      expect(await tasks.get(ADA, id)).toMatchObject({ followUp: { status: "delivered" } });
    });

    test("while results wait for a turn: they are kept", async () => {
      const tasks = new BackgroundTaskManager({ store: world.store, clock: world.own });
      const dropped: string[] = [];
      tasks.on("follow_up.dropped", ({ task }) => dropped.push(task.id));
      const id = await finishOne(tasks);
      step();
      await elapse(world, 130_000);
      expect(dropped).toEqual([]);
      expect(await tasks.get(ADA, id)).toMatchObject({ followUp: { status: "pending" } });
    });
  },
);
