import { beforeEach, describe, expect, test } from "vitest";
import { markObserved } from "../../../src/core/ledger/mark-observed.ts";
import { partsOf } from "../../../src/core/manager.ts";
import type { DispatcherOptions } from "../../../src/follow-up/index.ts";
import type { TaskStore } from "../../../src/index.ts";
import { ADA, BOB, callOf, inFakeTime, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { ends, fails, type Host, hostOf, says } from "../hosts.ts";
import { ADA_2, complete, LONG_MS, type Process, type ProcessOptions, startedProcess } from "../processes.ts";

inFakeTime();

describe.each(STORES)("the loop guard, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });
  const start = (options: Partial<ProcessOptions> = {}) => startedProcess({ store, ...options });

  /** An agent that starts a task in each of its turns. */
  function loop(options: DispatcherOptions | object = {}) {
    const process: Process = start({
      host: hostOf(async ({ scope }) => {
        await process.tasks.start(callOf({ scope }), () => "again");
      }),
      dispatcher: options,
    });
    return process;
  }

  test("rule 16: a session has at most 12 automatic turns, and what is held back stays pending", async () => {
    const process = loop();
    await complete(process.tasks);
    await pass(LONG_MS);
    expect(process.host.turns).toHaveLength(12);
    const { tasks } = await soon(process.tasks.list(ADA));
    expect(tasks.map(({ followUp }) => followUp.status)).toEqual(["pending", ...Array(12).fill("delivered")]);
    const held = process.events.filter(({ type }) => type === "session.held");
    expect(held).toMatchObject([{ notice: { scope: { userId: "ada", sessionId: "s1" }, turns: 12 } }]);
  });

  test("rule 16: userSpoke lets it go on, for as many turns again", async () => {
    const process = loop({ maxConsecutiveTurns: 3, pollMs: LONG_MS });
    await complete(process.tasks);
    await pass(60_000);
    expect(process.host.turns).toHaveLength(3);
    await soon(process.dispatcher.userSpoke(ADA));
    await pass(20);
    expect(process.host.turns).toHaveLength(4);
    await pass(60_000);
    expect(process.host.turns).toHaveLength(6);
    expect(process.events.filter(({ type }) => type === "session.held")).toHaveLength(2);
  });

  test("userSpoke in another session changes nothing", async () => {
    const process = loop({ maxConsecutiveTurns: 1 });
    await complete(process.tasks);
    await pass(5_000);
    for (const scope of [ADA_2, BOB, { userId: "ada" }]) await soon(process.dispatcher.userSpoke(scope));
    await pass(5_000);
    expect(process.host.turns).toHaveLength(1);
  });

  test("a user's tasks without a session are guarded too, and let go on", async () => {
    const process = loop({ maxConsecutiveTurns: 2 });
    const scope = { userId: "ada" };
    await complete(process.tasks, { scope });
    await pass(60_000);
    expect(process.host.turns).toHaveLength(2);
    await soon(process.dispatcher.userSpoke({ ...scope, agentId: "helper" }));
    await pass(60_000);
    expect(process.host.turns).toHaveLength(4);
  });

  test("other sessions go on while one is held", async () => {
    const process = loop({ maxConsecutiveTurns: 2 });
    await complete(process.tasks);
    await pass(5_000);
    await complete(process.tasks, { scope: ADA_2 });
    await pass(5_000);
    expect(process.host.turns.map(({ scope }) => scope.sessionId)).toEqual(["s1", "s1", "s2", "s2"]);
  });

  test("a turn that fails, that is busy or that is gone does not count", async () => {
    const scripts = [fails, says("busy"), ends, says("gone"), ends, ends];
    const process = start({ host: hostOf(...scripts), dispatcher: { maxConsecutiveTurns: 2 } });
    for (const _ of scripts) {
      await complete(process.tasks);
      await pass(20_000);
    }
    expect(process.host.turns).toHaveLength(5);
    expect(process.events.filter(({ type }) => type === "session.held")).toHaveLength(1);
  });

  test("rule 16: a turn whose follow-ups the model observes while it runs counts all the same", async () => {
    const process: Process = start({
      host: hostOf(async ({ scope, followUps }) => {
        for (const { id } of followUps) await markObserved(partsOf(process.tasks), scope, id);
        await process.tasks.start(callOf({ scope }), () => "again");
      }),
      dispatcher: { maxConsecutiveTurns: 3 },
    });
    await complete(process.tasks);
    await pass(60_000);
    expect(process.host.turns).toHaveLength(3);
    expect(process.events.filter(({ type }) => type === "session.held")).toHaveLength(1);
  });

  test("two dispatchers share it, and either may hear of the user", async () => {
    const host: Host = hostOf(async ({ scope }) => {
      await one.tasks.start(callOf({ scope }), () => "again");
    });
    const one: Process = start({ host, dispatcher: { maxConsecutiveTurns: 5 } });
    const other = start({ host, dispatcher: { maxConsecutiveTurns: 5 } });
    await complete(one.tasks);
    await pass(60_000);
    expect(host.turns).toHaveLength(5);
    await soon(other.dispatcher.userSpoke(ADA));
    await pass(60_000);
    expect(host.turns).toHaveLength(10);
    expect([...one.events, ...other.events].filter(({ type }) => type === "session.held")).toHaveLength(2);
  });

  test("without a limit nothing is held", async () => {
    const process = loop({ maxConsecutiveTurns: Number.POSITIVE_INFINITY });
    await complete(process.tasks);
    await pass(10_000);
    expect(process.host.turns.length).toBeGreaterThan(12);
    expect(process.events.filter(({ type }) => type === "session.held")).toEqual([]);
  });
});
