import { beforeEach, describe, expect, test } from "vitest";
import type { TaskStore } from "../../../src/index.ts";
import { answersAfter, faultyStore, rejects } from "../../support/faulty-store.ts";
import { ADA, gate, inFakeTime, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { allowWarnings } from "../../support/warnings.ts";
import { hostOf, obeys } from "../hosts.ts";
import { complete, followUpOf, inboxOf, MOMENT_MS } from "../processes.ts";
import { around, begun, speak } from "./lab.ts";

inFakeTime();

describe.each(STORES)("rule 20, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });

  test("a hook that fails to take anything in has told nothing: what its turn began with comes again", async () => {
    const faulty = faultyStore(store);
    const process = around(faulty)();
    const { inbox } = inboxOf(process.tasks);
    const { id } = await complete(process.tasks);
    faulty.next("extend", rejects);
    const result = process.dispatcher.turn(ADA, () =>
      inbox.claim(ADA, { during: "idle" }).catch(() => "failed"),
    );
    expect(await soon(result)).toBe("failed");
    await pass(50);
    expect(await followUpOf(process, id)).toMatchObject({ status: "pending" });
  });

  test("what a hook has acknowledged it does not get again", async () => {
    const process = around(store)();
    const { claim } = inboxOf(process.tasks);
    await complete(process.tasks);
    const over = gate();
    let acknowledged = false;
    const result = process.dispatcher.turn(ADA, async (turn) => {
      acknowledged = await turn.acknowledge();
      return over.promise;
    });
    await pass(20);
    expect(acknowledged).toBe(true);
    expect(await claim("idle")).toBeUndefined();
    over.resolve("said");
    await soon(result);
  });

  test("interrupts are told, whether or not the turn has looked at what it began with", async () => {
    const process = around(store)();
    const over = gate();
    const told: string[] = [];
    const result = process.dispatcher.turn(ADA, async (turn) => {
      await over.promise;
      for (const { id } of (await turn.interrupts())?.followUps ?? []) told.push(id);
    });
    await pass(20);
    const { id } = await complete(process.tasks, { followUp: "interrupt" });
    over.resolve("go on");
    await soon(result);
    await pass(50);
    expect(told).toEqual([id]);
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
  });

  test("a part that is settled more slowly than the whole stays settled", async () => {
    const faulty = faultyStore(store);
    const process = around(faulty)();
    const { id } = await complete(process.tasks);
    faulty.next("settle", answersAfterArriving(1_500));
    const { turn, end, result } = await begun(process);
    const acknowledged = turn.acknowledge();
    end.resolve("said");
    await soon(result);
    await pass(50);
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
    expect(await soon(acknowledged)).toBe(true);
  });

  test("a store that fails when a turn ends silences nobody who speaks next", async () => {
    const faulty = faultyStore(store);
    const process = around(faulty)();
    await complete(process.tasks);
    const first = await begun(process);
    for (const operation of ["settle", "hold", "prolong"] as const) faulty.always(operation, rejects);
    first.end.resolve("said");
    await soon(first.result);
    const second = speak(process);
    await pass(3_000);
    expect(second.turn).toMatchObject({ followUps: [] });
  });

  test("nor does it hold up who disposes of a turn", async () => {
    const faulty = faultyStore(store);
    const process = around(faulty)();
    await complete(process.tasks);
    const turn = await soon(process.dispatcher.begin(ADA));
    faulty.always("settle", rejects);
    await soon(turn[Symbol.asyncDispose](), 1_500);
  });

  test("a session that comes when nobody wants it any more is given back: after a stop, and for who has gone", async () => {
    const faulty = faultyStore(store);
    const process = around(faulty)();
    faulty.next("hold", answersAfter(300));
    const stopped = speak(process);
    await pass(20);
    await soon(process.dispatcher.stop());
    await expect(soon(stopped.result)).rejects.toMatchObject({ code: "closed" });
    process.dispatcher.start();
    faulty.next("hold", answersAfter(300));
    const controller = new AbortController();
    const gone = speak(process, { signal: controller.signal });
    await pass(20);
    controller.abort(new Error("gone"));
    await expect(soon(gone.result)).rejects.toThrow("gone");
    expect([stopped.turn, gone.turn]).toEqual([undefined, undefined]);
    await pass(100);
    await begun(process, { whenBusy: "refuse" });
  });

  test("a turn within an automatic turn of its session is told at once that it would wait for itself", async () => {
    const codes: unknown[] = [];
    const host = hostOf(async () => {
      await process.dispatcher.turn(ADA, () => "inner").catch(({ code }) => codes.push(code));
    });
    const process = around(store, host)();
    process.dispatcher.start();
    await complete(process.tasks);
    await pass(MOMENT_MS + 50);
    expect(codes).toEqual(["conflict"]);
  });

  test("what an automatic turn gives back comes again after a while, and not at once", async () => {
    const process = around(
      store,
      hostOf((turn) => turn.giveBack().then(() => undefined)),
    )();
    process.dispatcher.start();
    await complete(process.tasks);
    await pass(5_000);
    expect(process.host.turns.length).toBeGreaterThan(1);
    expect(process.host.turns.length).toBeLessThan(8);
  });

  test("what a user has stopped is not told again at once, but with their next turn", async () => {
    const process = around(store, hostOf(obeys))();
    process.dispatcher.start();
    const { id } = await complete(process.tasks);
    await pass(MOMENT_MS);
    await soon(process.dispatcher.abortTurn(ADA));
    await pass(30_000);
    expect(process.host.turns).toHaveLength(1);
    const { turn } = await begun(process);
    expect(turn.followUps).toMatchObject([{ id }]);
  });

  test("the Stop button reaches a turn of this process although the store fails", async () => {
    const faulty = faultyStore(store);
    const process = around(faulty)();
    const { turn } = await begun(process);
    faulty.always("stopTurn", rejects);
    expect(await soon(process.dispatcher.abortTurn(ADA))).toBe(true);
    expect(turn.signal.aborted).toBe(true);
  });

  test("the reason of a Stop is one line, bounded, and holds no secret, wherever the turn is", async () => {
    const process = around(store);
    const [one, other] = [process(), process()];
    const { turn } = await begun(one);
    const reason = `\0stop\n${"x".repeat(2_000)} password=hunter2`;
    expect(await soon(other.dispatcher.abortTurn(ADA, `password=hunter2 ${reason}`))).toBe(true);
    await pass(100);
    const { message } = turn.signal.reason as Error;
    expect(message.length).toBeLessThanOrEqual(512);
    expect(message).not.toMatch(/hunter2|[\n\0]/);
  });

  test("a store that hangs while a lease is prolonged aborts no user's turn", async () => {
    const faulty = faultyStore(store);
    const process = around(faulty)({ dispatcher: { leaseMs: 1_500 } });
    const { turn } = await begun(process);
    faulty.always("prolong", () => new Promise(() => undefined));
    await pass(10_000);
    expect(turn.signal.aborted).toBe(false);
  });

  test("many who wait at a time are no leak, and none is warned of", async () => {
    const process = around(store)();
    const warnings: unknown[] = [];
    const warned = (warning: Error) => warnings.push(warning.name);
    globalThis.process.on("warning", warned);
    await begun(process);
    const waiting = Array.from({ length: 20 }, () => speak(process, { maxWaitMs: 100 }));
    await pass(200);
    await Promise.allSettled(waiting.map(({ result }) => result));
    await pass(1);
    globalThis.process.off("warning", warned);
    expect(warnings).toEqual([]);
  });

  test("a manager that is closed begins no turn", async () => {
    allowWarnings();
    const process = around(store)();
    await soon(process.tasks.close());
    await expect(soon(speak(process).result)).rejects.toMatchObject({ code: "closed" });
  });
});

/** The call arrives late, and whatever comes after it is done before. */
function answersAfterArriving(ms: number) {
  return async (run: () => Promise<unknown>): Promise<never> => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return (await run()) as never;
  };
}
