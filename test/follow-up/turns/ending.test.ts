import { AsyncLocalStorage } from "node:async_hooks";
import { beforeEach, describe, expect, test } from "vitest";
import type { Turn } from "../../../src/follow-up/index.ts";
import type { TaskStore } from "../../../src/index.ts";
import { ADA, gate, inFakeTime, isPending, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { allowWarnings } from "../../support/warnings.ts";
import { hostOf } from "../hosts.ts";
import { complete, completeAll, followUpOf, LEASE_MS, MOMENT_MS, timersLeft } from "../processes.ts";
import { around, begun, speak } from "./lab.ts";

inFakeTime();

describe.each(STORES)("rule 20: a turn ends, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });
  const failures = (process: ReturnType<ReturnType<typeof around>>) => {
    const told: unknown[] = [];
    process.tasks.on("turn.failed", ({ error }) => void told.push(String(error)));
    return told;
  };

  test("when everything that it waits for has settled: until then nothing is acknowledged, and no other begins", async () => {
    const process = around(store)();
    const { id } = await complete(process.tasks);
    const { turn, end, result } = await begun(process);
    const [one, two] = [gate(), gate()];
    turn.waitUntil(one.promise);
    end.resolve("said");
    expect(await soon(result)).toBe("said");
    const next = speak(process);
    await pass(5_000);
    turn.waitUntil(two.promise);
    one.resolve("streamed");
    await pass(5_000);
    expect(next.turn).toBeUndefined();
    expect(await followUpOf(process, id)).toMatchObject({ status: "claimed" });
    two.resolve("written");
    await pass(50);
    expect(next.turn).toMatchObject({ followUps: [] });
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered", attempts: 0 });
    expect(() => turn.waitUntil(Promise.resolve())).toThrow(expect.objectContaining({ code: "closed" }));
  });

  test("after the last acts, which come when all else has settled, however it has, and settle a part in time", async () => {
    const process = around(store)();
    const { id } = await complete(process.tasks);
    const { turn, end, result } = await begun(process);
    const [stream, written] = [gate(), gate()];
    expect(() => turn.beforeEnd(5 as never)).toThrow("act must be a function; got 5.");
    const acts: string[] = [];
    turn.waitUntil(stream.promise);
    turn.beforeEnd(async () => {
      acts.push("last");
      await written.promise;
      await turn.acknowledge();
      turn.beforeEnd(() => acts.push("the very last"));
    });
    end.reject(new Error("The model is down."));
    await soon(result).catch(() => undefined);
    await pass(5_000);
    expect(acts).toEqual([]);
    stream.resolve("streamed");
    const next = speak(process);
    await pass(5_000);
    expect([acts, next.turn]).toEqual([["last"], undefined]);
    written.resolve("written");
    await pass(50);
    expect(acts).toEqual(["last", "the very last"]);
    expect(next.turn).toMatchObject({ followUps: [] });
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
    expect(() => turn.beforeEnd(() => undefined)).toThrow(expect.objectContaining({ code: "closed" }));
  });

  test("a last act that throws is a failure of the turn, and runs in the async context of who asked for it", async () => {
    const process = around(store)();
    const told = failures(process);
    const { id } = await complete(process.tasks);
    const { turn, end, result } = await begun(process);
    const storage = new AsyncLocalStorage<string>();
    storage.run("the host's", () =>
      turn.beforeEnd(() => {
        throw new Error(`Nothing was kept, says ${storage.getStore()}.`);
      }),
    );
    end.resolve("said");
    await soon(result);
    await pass(20);
    expect(told).toEqual(["Error: Nothing was kept, says the host's."]);
    expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 0 });
  });

  test("with what was handed over given back, if anything rejects, and whoever has begun it is told what", async () => {
    const process = around(store)();
    const told = failures(process);
    const { id } = await complete(process.tasks);
    const { end, result } = await begun(process);
    end.reject(new Error("The model is down."));
    await expect(soon(result)).rejects.toThrow("The model is down.");
    await pass(20);
    expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 0 });
    expect(told).toEqual([]);
  });

  test("a rejection that comes after the function has come back is an event", async () => {
    const process = around(store)();
    const told = failures(process);
    const { id } = await complete(process.tasks);
    const { turn, end, result } = await begun(process);
    turn.waitUntil(Promise.reject(new Error("The stream broke.")));
    end.resolve("said");
    await soon(result);
    await pass(20);
    expect(told).toEqual(["Error: The stream broke."]);
    expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 0 });
  });

  test("a part is settled while it goes on, and stays so if it fails", async () => {
    const process = around(store)();
    await completeAll(process.tasks, [{}, {}, {}]);
    const { turn, end, result } = await begun(process);
    const [kept, returned, open] = turn.followUps;
    expect(await soon(turn.acknowledge(turn.followUps.slice(0, 1)))).toBe(true);
    expect(await soon(turn.acknowledge(turn.followUps.slice(0, 1)))).toBe(false);
    expect(await soon(turn.giveBack(turn.followUps.slice(1, 2)))).toBe(true);
    end.reject(new Error("no"));
    await soon(result).catch(() => undefined);
    await pass(20);
    expect(await followUpOf(process, kept?.id ?? "")).toMatchObject({ status: "delivered" });
    expect(await followUpOf(process, returned?.id ?? "")).toMatchObject({ status: "pending" });
    expect(await followUpOf(process, open?.id ?? "")).toMatchObject({ status: "pending" });
  });

  test("what may interrupt is taken into it, with whatever else is due", async () => {
    const process = around(store)();
    const { turn, end } = await begun(process);
    const quiet = await complete(process.tasks);
    expect(await soon(turn.interrupts())).toBeUndefined();
    const urgent = await complete(process.tasks, { followUp: "interrupt" });
    const taken = await soon(turn.interrupts());
    expect(taken?.followUps.map(({ id }) => id).sort()).toEqual([quiet.id, urgent.id].sort());
    expect(taken?.message.text).toContain(urgent.id);
    end.resolve("said");
    await pass(20);
    for (const { id } of [quiet, urgent])
      expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
    expect(await soon(turn.interrupts())).toBeUndefined();
  });

  test("after holdMs it is told to stop, keeps its session until it has, and then comes again", async () => {
    const process = around(store)({ dispatcher: { holdMs: 10_000 } });
    const told = failures(process);
    const { id } = await complete(process.tasks);
    const { turn, end, result } = await begun(process);
    await pass(10_000);
    expect(turn.signal.reason).toMatchObject({ code: "deadline_exceeded" });
    const next = speak(process);
    await pass(5_000);
    expect(next.turn).toBeUndefined();
    end.resolve("late");
    expect(await soon(result)).toBe("late");
    await pass(50);
    expect(next.turn?.followUps.map((followUp) => followUp.id)).toEqual([id]);
    expect(told).toEqual([expect.stringContaining("10000 ms")]);
  });

  test("one that does not hear its signal is warned of, and another process has its session after the lease", async () => {
    allowWarnings();
    const process = around(store);
    const [deaf, other] = [process({ dispatcher: { holdMs: 1_000 } }), process()];
    const { id } = await complete(deaf.tasks);
    const { end, result } = await begun(deaf);
    const here = speak(deaf, { maxWaitMs: 10 * LEASE_MS });
    await pass(LEASE_MS + 1_000);
    const there = speak(other, { maxWaitMs: 10 * LEASE_MS });
    await pass(LEASE_MS + 5_000);
    expect(there.turn?.followUps.map((followUp) => followUp.id)).toEqual([id]);
    expect(here.turn).toBeUndefined();
    there.end.resolve("said");
    end.resolve("late");
    await soon(result);
    await pass(2_000);
    expect(await followUpOf(other, id)).toMatchObject({ status: "delivered" });
    expect(here.turn).toMatchObject({ followUps: [] });
  });

  test("stop waits for it, and begins none any more", async () => {
    const process = around(store)();
    const { turn, end } = await begun(process);
    const waiting = speak(process);
    const stopped = process.dispatcher.stop({ drainMs: 1_000 });
    await expect(soon(waiting.result)).rejects.toMatchObject({ code: "closed" });
    await expect(soon(speak(process).result)).rejects.toMatchObject({ code: "closed" });
    await pass(900);
    expect([await isPending(stopped), turn.signal.aborted]).toEqual([true, false]);
    await pass(150);
    expect(turn.signal.aborted).toBe(true);
    end.reject(turn.signal.reason);
    await soon(stopped);
    await soon(process.tasks.close());
    expect(await timersLeft()).toBe(0);
    process.dispatcher.start();
    await begun(process).catch(() => undefined);
  });

  test("by hand: what was handed over is acknowledged at the end", async () => {
    const process = around(store)();
    const { id } = await complete(process.tasks);
    const turn = await soon(process.dispatcher.begin(ADA));
    expect(turn.followUps.map((followUp) => followUp.id)).toEqual([id]);
    await soon(turn.end());
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
    await soon(process.dispatcher.begin(ADA, { whenBusy: "refuse" }));
  });

  test("by hand: disposed of without an end, it gives back what it has not acknowledged", async () => {
    const process = around(store)();
    await completeAll(process.tasks, [{}, {}]);
    const turn = await soon(process.dispatcher.begin(ADA));
    const [one, other] = turn.followUps;
    await soon(turn.acknowledge(turn.followUps.slice(0, 1)));
    await soon(turn[Symbol.asyncDispose]());
    expect(await followUpOf(process, one?.id ?? "")).toMatchObject({ status: "delivered" });
    expect(await followUpOf(process, other?.id ?? "")).toMatchObject({ status: "pending", attempts: 0 });
  });

  test("a turn that is over throws where somebody would write", async () => {
    const process = around(store)();
    const { turn, end, result } = await begun(process);
    turn.throwIfLost();
    end.resolve("said");
    await soon(result);
    await pass(20);
    expect(() => turn.throwIfLost()).toThrow(expect.objectContaining({ code: "conflict" }));
  });

  test("a host with locks of its own says in a delivery that its session is busy, or gone", async () => {
    const answers: ((turn: Turn) => void)[] = [(turn) => turn.busy(), (turn) => turn.gone()];
    const host = hostOf((turn) => answers.shift()?.(turn));
    const process = around(store, host)();
    process.dispatcher.start();
    const { id } = await complete(process.tasks);
    await pass(MOMENT_MS);
    expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 0 });
    await pass(2_000);
    expect(await followUpOf(process, id)).toMatchObject({ status: "dropped", reason: "session_gone" });
  });
});
