import { beforeEach, describe, expect, test } from "vitest";
import type { TaskStore } from "../../../src/index.ts";
import { ADA, inFakeTime, isPending, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { hostOf, obeys, takesMs } from "../hosts.ts";
import { complete, followUpOf, MOMENT_MS } from "../processes.ts";
import { around, begun, speak } from "./lab.ts";

inFakeTime();

describe.each(STORES)("rule 20: who comes to a session that has a turn, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });

  test("waits, and has it in the order of arrival; the turn knows how many wait", async () => {
    const process = around(store)();
    const first = await begun(process);
    const others = [speak(process), speak(process), speak(process)];
    await pass(20);
    expect(first.turn.waiting).toBe(3);
    first.end.resolve("one");
    for (const [index, other] of others.entries()) {
      await pass(50);
      expect(others.map(({ turn }) => turn !== undefined)).toEqual(others.map((_, at) => at <= index));
      other.end.resolve("next");
    }
    await soon(Promise.all(others.map(({ result }) => result)));
  });

  test("waits for a turn of another process, and is woken when that has ended", async () => {
    const process = around(store);
    const first = await begun(process());
    const second = speak(process());
    await pass(10_000);
    expect(second.turn).toBeUndefined();
    first.end.resolve("said");
    await pass(100);
    expect(second.turn).toBeDefined();
    expect(second.turn?.number).toBeGreaterThan(first.turn.number);
  });

  test("waits for an automatic turn, and is handed what came meanwhile", async () => {
    const process = around(store, hostOf(takesMs(10_000)))();
    process.dispatcher.start();
    await complete(process.tasks);
    await pass(MOMENT_MS);
    const spoken = speak(process);
    const { id } = await complete(process.tasks);
    await pass(9_000);
    expect(spoken.turn).toBeUndefined();
    await pass(1_100);
    expect(spoken.turn?.followUps.map((followUp) => followUp.id)).toEqual([id]);
    expect(process.host.turns).toHaveLength(1);
  });

  test("comes before any automatic turn, in any process", async () => {
    const process = around(store);
    const [one, other] = [process(), process()];
    const first = await begun(one);
    const second = speak(one);
    await pass(20);
    other.dispatcher.start();
    const { id } = await complete(other.tasks);
    await pass(MOMENT_MS);
    first.end.resolve("said");
    await pass(100);
    expect(second.turn?.followUps.map((followUp) => followUp.id)).toEqual([id]);
    second.end.resolve("said");
    await pass(5_000);
    expect(other.host.turns).toEqual([]);
    expect(await followUpOf(one, id)).toMatchObject({ status: "delivered" });
  });

  test("waits no longer than maxWaitMs, and is told that it is busy", async () => {
    const process = around(store)();
    await begun(process);
    const [head, next] = [speak(process, { maxWaitMs: 2_000 }), speak(process, { maxWaitMs: 1_000 })];
    await pass(1_100);
    await expect(soon(next.result)).rejects.toMatchObject({ code: "busy" });
    expect(await isPending(head.result)).toBe(true);
    await pass(1_000);
    await expect(soon(head.result)).rejects.toMatchObject({
      code: "busy",
      message: expect.stringContaining("2000 ms"),
    });
  });

  test("does not wait if it is not to", async () => {
    const process = around(store);
    const first = await begun(process());
    const refused = speak(process(), { whenBusy: "refuse" });
    await expect(soon(refused.result)).rejects.toMatchObject({
      code: "busy",
      message: expect.stringContaining("by the user"),
    });
    first.end.resolve("said");
    await soon(first.result);
    await pass(20);
    await begun(process(), { whenBusy: "refuse" });
  });

  test("leaves the line when its signal aborts; once it has begun that ends nothing", async () => {
    const process = around(store)();
    const controller = new AbortController();
    const first = await begun(process, { signal: controller.signal });
    const reason = new Error("The user has gone.");
    const waiting = speak(process, { signal: controller.signal });
    const next = speak(process);
    await pass(20);
    controller.abort(reason);
    await expect(soon(waiting.result)).rejects.toBe(reason);
    expect(first.turn.signal.aborted).toBe(false);
    first.end.resolve("said");
    await pass(100);
    expect(next.turn).toBeDefined();
    await expect(soon(speak(process, { signal: controller.signal }).result)).rejects.toBe(reason);
  });

  test("is told at once if it is the turn itself, and not if that has ended", async () => {
    const { dispatcher } = around(store)();
    const again = () => dispatcher.turn(ADA, () => "inner");
    let later: (() => Promise<string>) | undefined;
    const outer = dispatcher.turn(ADA, async () => {
      later = again;
      await dispatcher.turn({ ...ADA, sessionId: "another" }, () => "other");
      return again();
    });
    await expect(soon(outer)).rejects.toMatchObject({ code: "conflict" });
    expect(await soon(later?.() ?? Promise.reject())).toBe("inner");
  });

  test("begins no turn of another process before that has ended, however long the store forgets to say so", async () => {
    const { watch: _, ...silent } = store;
    const [one, other] = [around(silent)(), around(silent)()];
    const first = await begun(one);
    const second = speak(other);
    await pass(5_000);
    first.end.resolve("said");
    await pass(1_100);
    expect(second.turn).toBeDefined();
  });
});

describe.each(STORES)("rule 20: a turn that is asked to stop, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });

  test("an automatic one makes room for whoever preempts it, and its follow-ups lose no attempt", async () => {
    const process = around(store, hostOf(obeys));
    const [one, other] = [process(), process()];
    one.dispatcher.start();
    const { id } = await complete(one.tasks);
    await pass(MOMENT_MS);
    const spoken = speak(other, { whenBusy: "preempt" });
    await pass(200);
    expect(one.host.turns[0]?.delivery.signal.aborted).toBe(true);
    expect(spoken.turn?.followUps).toMatchObject([{ id, attempt: 1 }]);
    spoken.end.resolve("said");
    await pass(100);
    expect(await followUpOf(one, id)).toMatchObject({ status: "delivered", attempts: 0 });
    expect(one.events.map(({ type }) => type)).not.toContain("delivery.failed");
  });

  test("where hints do not work, within a third of the lease", async () => {
    const { watch: _, ...silent } = store;
    const process = around(silent, hostOf(obeys));
    const [one, other] = [process({ dispatcher: { leaseMs: 9_000 } }), process()];
    one.dispatcher.start();
    await complete(one.tasks);
    await pass(3_000);
    const spoken = speak(other, { whenBusy: "preempt" });
    await pass(4_200);
    expect(spoken.turn).toBeDefined();
  });

  test("nobody begins beside one that does not stop", async () => {
    const process = around(store, hostOf(takesMs(20_000)));
    const [one, other] = [process(), process()];
    one.dispatcher.start();
    await complete(one.tasks);
    await pass(MOMENT_MS);
    const spoken = speak(other, { whenBusy: "preempt", maxWaitMs: 5_000 });
    await pass(4_900);
    expect(spoken.turn).toBeUndefined();
    await pass(200);
    await expect(soon(spoken.result)).rejects.toMatchObject({ code: "busy" });
  });

  test("a user's is not preempted, and whoever wants it waits", async () => {
    const process = around(store);
    const first = await begun(process());
    const second = speak(process(), { whenBusy: "preempt" });
    await pass(20_000);
    expect([first.turn.signal.aborted, second.turn]).toEqual([false, undefined]);
    first.end.resolve("said");
    await pass(100);
    expect(second.turn).toBeDefined();
  });

  test("the Stop button reaches whichever process has it; what was kept stays kept, the rest comes again", async () => {
    const process = around(store);
    const [one, other] = [process(), process()];
    const [kept, rest] = [await complete(one.tasks), await complete(one.tasks)];
    const { turn, end, result } = await begun(one);
    await soon(turn.acknowledge(turn.followUps.filter(({ id }) => id === kept.id)));
    expect(await soon(other.dispatcher.abortTurn(ADA, "The user has had enough."))).toBe(true);
    await pass(100);
    expect(turn.signal.reason).toMatchObject({ name: "AbortError", message: "The user has had enough." });
    end.reject(turn.signal.reason);
    await expect(soon(result)).rejects.toMatchObject({ name: "AbortError" });
    await pass(50);
    expect(await followUpOf(one, kept.id)).toMatchObject({ status: "delivered" });
    expect(await followUpOf(one, rest.id)).toMatchObject({ status: "pending", attempts: 0 });
    expect(await soon(other.dispatcher.abortTurn(ADA))).toBe(false);
  });

  test("an automatic one is stopped by it too", async () => {
    const process = around(store, hostOf(obeys))();
    process.dispatcher.start();
    await complete(process.tasks);
    await pass(MOMENT_MS);
    expect(await soon(process.dispatcher.abortTurn(ADA))).toBe(true);
    await pass(20);
    expect(process.host.turns[0]?.delivery.signal.aborted).toBe(true);
  });
});
