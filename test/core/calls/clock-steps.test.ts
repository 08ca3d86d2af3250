import { beforeEach, describe, expect, test } from "vitest";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "../../../src/index.ts";
import { ADA, callOf, forbidUnhandledRejections, gate, stubborn, taskOf } from "../../support/scene.ts";
import { elapse, rest, SET_BACK, STEPPED, STEPS, type SteppedWorld } from "../../support/stepped.ts";

forbidUnhandledRejections();

const CASES = [
  ...STEPPED.flatMap((one) => STEPS.map((stepMs) => ({ ...one, stepMs, leastMs: 490 }))),
  ...SET_BACK.map(({ name, makeWorld }) => ({
    name: `${name}, without durations`,
    makeWorld,
    stepMs: -3_600_000,
    // What has passed since it was last looked at is not known then.
    leastMs: 0,
  })),
];

describe.each(CASES)(
  "rule 23: the clock is set by $stepMs ms, on $name",
  ({ makeWorld, stepMs, leastMs }) => {
    let world: SteppedWorld;
    let tasks: BackgroundTaskManager;
    const observed: number[] = [];
    beforeEach(() => {
      world = makeWorld();
      tasks = new BackgroundTaskManager({ store: world.store, clock: world.own });
      observed.length = 0;
    });

    const offloadAfter = (timeoutMs: number, deadlineMs = 60_000) => {
      const observe = (_: string, durationMs: number) => void observed.push(durationMs);
      const policy = { timeoutMs: () => timeoutMs, observe };
      return new ToolOffloadMiddleware({ tasks, timeoutMs: policy, tools: { search: { deadlineMs } } });
    };
    const step = () => world.clock.step(stepMs);

    test("a policy is told how long a call took, in the foreground and in the background", async () => {
      for (const timeoutMs of [5_000, 100]) {
        const slow = gate();
        const outcome = offloadAfter(timeoutMs).run(callOf(), () => slow.promise);
        await elapse(world, 300);
        step();
        await elapse(world, 200);
        slow.resolve("found");
        await outcome;
        await rest();
      }
      for (const durationMs of observed) expect(durationMs).toBeGreaterThanOrEqual(leastMs);
      for (const durationMs of observed) expect(durationMs).toBeLessThanOrEqual(510);
      expect(observed).toHaveLength(2);
    });

    test("the turn waits as long as it said, and shows when the call began", async () => {
      const outcome = offloadAfter(1_000).run(callOf(), stubborn);
      await elapse(world, 500);
      step();
      await elapse(world, 490);
      expect(await tasks.list(ADA)).toMatchObject({ tasks: [] });
      await elapse(world, 50);
      const { startedAt, createdAt } = taskOf(await outcome);
      expect(createdAt - (startedAt ?? 0)).toBeGreaterThanOrEqual(990);
      expect(createdAt - (startedAt ?? 0)).toBeLessThanOrEqual(1_010);
    });

    test("a deadline is kept to, in the foreground and in the background", async () => {
      for (const timeoutMs of [5_000, 100]) {
        const reasons: unknown[] = [];
        const tool = (_: unknown, { signal }: { signal: AbortSignal }) => {
          signal.addEventListener("abort", () => reasons.push(signal.reason));
          return stubborn();
        };
        const outcome = offloadAfter(timeoutMs, 1_000).run(callOf(), tool);
        outcome.catch(() => undefined);
        await elapse(world, 500);
        step();
        await elapse(world, 480);
        expect(reasons).toEqual([]);
        await elapse(world, 50);
        expect(reasons).toMatchObject([{ code: "deadline_exceeded" }]);
        await rest();
      }
    });

    test("a cancelled tool has its grace, and no more", async () => {
      const task = await tasks.start(callOf(), stubborn);
      await rest();
      await tasks.cancel(ADA, task.id);
      await elapse(world, 1_000);
      step();
      await elapse(world, 950);
      expect(await tasks.get(ADA, task.id)).toMatchObject({ status: "running" });
      await elapse(world, 100);
      expect(await tasks.get(ADA, task.id)).toMatchObject({ status: "cancelled" });
    });

    test("who waits for a task, or watches it, hears of its end, or gives up in time", async () => {
      const slow = gate();
      const { id } = await tasks.start(callOf(), () => slow.promise);
      const types: string[] = [];
      const watching = (async () => {
        for await (const { event } of tasks.watch(ADA, { id })) types.push(event.type);
      })();
      const short = tasks.wait(ADA, [id], { timeoutMs: 1_000 });
      const long = tasks.wait(ADA, [id], { timeoutMs: 60_000 });
      await elapse(world, 500);
      step();
      await elapse(world, 600);
      expect(await short).toMatchObject([{ status: "running" }]);
      slow.resolve("found");
      await elapse(world, 1_100);
      expect(await long).toMatchObject([{ status: "completed" }]);
      await watching;
      expect(types).toEqual(["task.queued", "task.started", "task.completed"]);
    });

    test("what has begun outside shows its own beginning, and has the deadline that is left", async () => {
      const startedAt = world.clock.now() - 600;
      const outside = { promise: stubborn(), abort: () => undefined, startedAt };
      const task = await tasks.adopt(callOf(), outside, { deadlineMs: 1_000 });
      expect(task.startedAt).toBe(startedAt);
      step();
      await elapse(world, 380);
      expect(await tasks.get(ADA, task.id)).toMatchObject({ status: "running" });
      await elapse(world, 50);
      expect(await tasks.get(ADA, task.id)).toMatchObject({ error: { code: "deadline_exceeded" } });
    });
  },
);
