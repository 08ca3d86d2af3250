import { beforeEach, describe, expect, test } from "vitest";
import type { Delivery } from "../../../src/follow-up/index.ts";
import { FollowUpDispatcher, FollowUpInbox } from "../../../src/follow-up/index.ts";
import type { BackgroundTaskManager } from "../../../src/index.ts";
import { faultyStore } from "../../support/faulty-store.ts";
import { ADA, forbidUnhandledRejections } from "../../support/scene.ts";
import { elapse, rest, type SteppedWorld, serverWorld, sleeps } from "../../support/stepped.ts";
import { allowWarnings } from "../../support/warnings.ts";
import { type Host, hostOf } from "../hosts.ts";
import { type Process, processOf } from "../processes.ts";

forbidUnhandledRejections();

describe("a session in hand, whose lease has lapsed", () => {
  let world: SteppedWorld;
  beforeEach(() => {
    world = serverWorld();
  });

  const start = (host: Host, store = world.store): Process => {
    const process = processOf({ store, host, manager: { clock: world.own } });
    process.dispatcher.start();
    return process;
  };
  const finishOne = async (tasks: BackgroundTaskManager, scope = ADA) => {
    const { id } = await tasks.start({ toolName: "build", input: {}, scope }, () => "built");
    await rest();
    return id;
  };
  /** Whether it was broken off or not, so long it takes. */
  const deaf = (ms: number) => () => new Promise<void>((resolve) => void world.clock.setTimeout(resolve, ms));
  /** The most turns of a session that were at work at a time, the broken off ones too. */
  const counting = (deliver: (delivery: Delivery) => unknown) => {
    const count = { now: 0, most: 0, turns: 0 };
    const counted = async (delivery: Delivery) => {
      count.now += 1;
      count.turns += 1;
      count.most = Math.max(count.most, count.now);
      try {
        return await deliver(delivery);
      } finally {
        count.now -= 1;
      }
    };
    return { count, host: hostOf(counted) };
  };

  test("since the machine slept: the store is asked, the turn aborted, and the next begins when it is over", async () => {
    const { count, host } = counting(deaf(20_000));
    const { tasks } = start(host);
    const id = await finishOne(tasks);
    await elapse(world, 5_000);
    sleeps(world, 60_000);
    await elapse(world, 2_500);
    expect(host.turns[0]?.delivery.signal.aborted).toBe(true);
    await elapse(world, 12_000);
    expect(count).toEqual({ now: 1, most: 1, turns: 1 });
    await elapse(world, 2_000);
    expect(count).toEqual({ now: 1, most: 1, turns: 2 });
    await elapse(world, 30_000);
    expect(count).toEqual({ now: 0, most: 1, turns: 2 });
    expect(await tasks.get(ADA, id)).toMatchObject({ followUp: { status: "delivered" } });
  });

  test("which the store has still: the turn goes on", async () => {
    const { count, host } = counting(deaf(40_000));
    const { tasks } = start(host);
    const id = await finishOne(tasks);
    await elapse(world, 5_000);
    world.clock.step(60_000);
    await elapse(world, 60_000);
    expect(host.turns[0]?.delivery.signal.aborted).toBe(false);
    expect(count).toEqual({ now: 0, most: 1, turns: 1 });
    expect(await tasks.get(ADA, id)).toMatchObject({ followUp: { status: "delivered", attempts: 1 } });
  });

  test("holds up no other session, and costs its own no attempt", async () => {
    const { count, host } = counting(deaf(60_000));
    const { tasks } = start(host);
    const id = await finishOne(tasks);
    await elapse(world, 1_000);
    sleeps(world, 60_000);
    await finishOne(tasks, { ...ADA, sessionId: "other" });
    await elapse(world, 3_000);
    expect(host.turns.map(({ scope }) => scope.sessionId)).toEqual([ADA.sessionId, "other"]);
    await elapse(world, 20_000);
    expect(count.turns).toBe(2);
    expect(await tasks.get(ADA, id)).toMatchObject({ followUp: { status: "pending", attempts: 1 } });
    allowWarnings();
    await elapse(world, 45_000);
    expect(host.turns.map(({ attempts }) => attempts)).toEqual([[1], [1], [2]]);
  });

  test("is anybody else's all the same", async () => {
    allowWarnings();
    const first = counting(deaf(60_000));
    const { tasks } = start(first.host);
    await finishOne(tasks);
    await elapse(world, 1_000);
    const other = counting(() => undefined);
    start(other.host);
    sleeps(world, 60_000);
    await elapse(world, 5_000);
    expect([first.count.turns, other.count.turns]).toEqual([1, 1]);
    expect(first.host.turns[0]?.delivery.signal.aborted).toBe(true);
    await elapse(world, 100_000);
    expect([first.count.turns, other.count.turns]).toEqual([1, 1]);
  });

  test("is given to no inbox and no other dispatcher of the same manager", async () => {
    const { count, host } = counting(deaf(20_000));
    const { tasks } = start(host);
    await finishOne(tasks);
    await elapse(world, 1_000);
    const beside = hostOf();
    allowWarnings();
    new FollowUpDispatcher({ tasks, deliver: beside.deliver }).start();
    const inbox = new FollowUpInbox({ tasks });
    sleeps(world, 60_000);
    expect(await inbox.claim(ADA, { during: "idle" })).toBeUndefined();
    await elapse(world, 10_000);
    expect(await inbox.claim(ADA, { during: "idle" })).toBeUndefined();
    expect([count.turns, beside.turns.length]).toEqual([1, 0]);
    await elapse(world, 40_000);
    expect([count.turns + beside.turns.length, count.most]).toEqual([2, 1]);
  });

  test("held by an inbox it is no dispatcher's until it is settled", async () => {
    const host = hostOf();
    const { tasks, dispatcher } = processOf({ store: world.store, host, manager: { clock: world.own } });
    const inbox = new FollowUpInbox({ tasks });
    await finishOne(tasks);
    const claim = await inbox.claim(ADA, { during: "idle" });
    dispatcher.start();
    sleeps(world, 60_000);
    await elapse(world, 10_000);
    expect(host.turns).toEqual([]);
    expect(await claim?.acknowledge()).toBe(false);
    await elapse(world, 5_000);
    expect(host.turns).toHaveLength(1);
  });

  test("a turn that was stopped and goes on keeps its session from who starts again", async () => {
    const { count, host } = counting(deaf(10_000));
    const { tasks, dispatcher } = start(host);
    await finishOne(tasks);
    await elapse(world, 1_000);
    const stopped = dispatcher.stop({ drainMs: 0 });
    await elapse(world, 2_100);
    await stopped;
    dispatcher.start();
    await elapse(world, 6_000);
    expect(count).toEqual({ now: 1, most: 1, turns: 1 });
    await elapse(world, 3_000);
    expect(count).toEqual({ now: 1, most: 1, turns: 2 });
  });

  test("a claim that the machine slept over is not delivered before the store was asked", async () => {
    const faulty = faultyStore(world.store);
    faulty.always("result", async (run) => {
      sleeps(world, 60_000);
      faulty.always("result");
      return run();
    });
    const host = hostOf();
    const { tasks } = start(host, faulty);
    await finishOne(tasks);
    await elapse(world, 5_000);
    expect(faulty.asked.map(({ operation }) => operation)).toContain("prolong");
    expect(host.turns).toMatchObject([{ attempts: [2] }]);
  });
});
