import { describe, expect, test, vi } from "vitest";
import { markObserved } from "../../src/core/ledger/mark-observed.ts";
import { partsOf } from "../../src/core/manager.ts";
import { memoryStore } from "../../src/index.ts";
import { faultyStore, neverAnswers, rejects } from "../support/faulty-store.ts";
import {
  ADA,
  BOB,
  callOf,
  ended,
  gate,
  inFakeTime,
  logOf,
  obedient,
  pass,
  read,
  soon,
  stubborn,
} from "../support/scene.ts";
import { STORES } from "../support/stores.ts";
import { claimOf, deliver, found, labOf } from "./lab.ts";

inFakeTime();

const OBSERVED = { status: "dropped", reason: "observed" };

describe.each(STORES)("rule 15: what the model has read, on $name", ({ makeStore }) => {
  const outcomes: [name: string, execute: (input: unknown, context: { signal: AbortSignal }) => unknown][] = [
    ["completed", () => "done"],
    ["failed", () => Promise.reject(new Error("no"))],
    ["cancelled", obedient],
  ];

  test.each(outcomes)("a %s task whose outcome was read gives no follow-up", async (status, execute) => {
    const { store, tasks, tools } = labOf({ store: makeStore() });
    const { id } = await soon(tasks.start(callOf(), execute));
    await pass(10);
    await soon(tasks.cancel(ADA, id));
    expect(await ended(tasks, id)).toMatchObject({ status, followUp: { status: "pending" } });
    await found(tools.task_output.execute({ task_id: id }));
    expect(await read(tasks, id)).toMatchObject({ status, followUp: OBSERVED });
    expect(await soon(store.claim("a dispatcher", 1_000, {}))).toBeUndefined();
  });

  test("it is an event, in the log and for listeners, once", async () => {
    const { tasks, tools, completed } = labOf({ store: makeStore() });
    const heard = vi.fn();
    tasks.on("follow_up.dropped", heard);
    const { id } = await completed("done");
    await found(tools.task_output.execute({ task_id: id }));
    await found(tools.task_output.execute({ task_id: id }));
    const { lastSeq } = await read(tasks, id);
    expect(heard).toHaveBeenCalledOnce();
    expect(heard.mock.lastCall?.[0]).toMatchObject({
      task: { id, followUp: OBSERVED },
      event: { type: "follow_up.dropped", reason: "observed", seq: lastSeq },
    });
    const drops = (await logOf(tasks, id)).filter(({ type }) => type === "follow_up.dropped");
    expect(drops).toMatchObject([{ reason: "observed", seq: lastSeq }]);
  });

  test("reading it while it runs marks nothing: its follow-up comes", async () => {
    const { store, tasks, tools, start } = labOf({ store: makeStore() });
    const slow = gate();
    const { id } = await start(() => slow.promise);
    await found(tools.task_output.execute({ task_id: id, wait_ms: 100 }));
    slow.resolve("done");
    expect(await ended(tasks, id)).toMatchObject({ followUp: { status: "pending" } });
    expect((await claimOf(store)).tasks).toMatchObject([{ id }]);
  });

  test("reading it while another process delivers it drops it, and the delivery does not bring it back", async () => {
    const { store, tasks, tools, completed } = labOf({ store: makeStore() });
    const { id } = await completed("done");
    const claim = await claimOf(store);
    expect(await read(tasks, id)).toMatchObject({ followUp: { status: "claimed" } });
    await found(tools.task_output.execute({ task_id: id }));
    expect(await read(tasks, id)).toMatchObject({ followUp: OBSERVED });
    await soon(store.settle(claim, { [id]: { type: "release", delayMs: 0 } }));
    expect(await read(tasks, id)).toMatchObject({ followUp: OBSERVED });
  });

  test("one that was delivered stays delivered", async () => {
    const { store, tasks, tools, completed } = labOf({ store: makeStore() });
    const { id } = await completed("done");
    await deliver(store);
    const before = await read(tasks, id);
    expect(before).toMatchObject({ followUp: { status: "delivered" } });
    await found(tools.task_output.execute({ task_id: id }));
    expect(await read(tasks, id)).toEqual(before);
  });

  test("a manager without follow-ups has nothing to mark", async () => {
    const { tasks, tools, completed } = labOf({ store: makeStore(), followUps: false });
    const { id } = await completed("done");
    const before = await read(tasks, id);
    await found(tools.task_output.execute({ task_id: id }));
    expect(await read(tasks, id)).toEqual(before);
  });

  test("it is tried again when somebody was faster", async () => {
    const store = faultyStore(makeStore());
    const { tasks, tools, completed } = labOf({ store });
    const { id } = await completed("done");
    store.next("transition", async () => {
      await claimOf(store);
      return undefined as never;
    });
    await found(tools.task_output.execute({ task_id: id }));
    expect(await read(tasks, id)).toMatchObject({ followUp: OBSERVED });
  });

  test("two who read at once mark it once", async () => {
    const { tasks, tools, completed } = labOf({ store: makeStore() });
    const { id } = await completed("done");
    await soon(Promise.all([1, 2, 3].map(() => tools.task_output.execute({ task_id: id }))));
    const drops = (await logOf(tasks, id)).filter(({ type }) => type === "follow_up.dropped");
    expect(drops).toHaveLength(1);
  });

  test("a foreign scope, an unfinished task and a missing one are left alone", async () => {
    const { tasks, start, completed } = labOf({ store: makeStore() });
    const parts = partsOf(tasks);
    const running = await start(stubborn);
    const done = await completed("done");
    await pass(10);
    const before = [await read(tasks, running.id), await read(tasks, done.id)];
    await soon(markObserved(parts, ADA, running.id));
    await soon(markObserved(parts, BOB, done.id));
    await soon(markObserved(parts, { ...ADA, sessionId: "s2" }, done.id));
    await soon(markObserved(parts, ADA, "missing"));
    expect([await read(tasks, running.id), await read(tasks, done.id)]).toEqual(before);
  });
});

describe("a store that fails", () => {
  test.each([
    ["fails", rejects],
    ["does not answer", neverAnswers],
  ])("to mark it, and %s: the outcome is answered all the same, and told of once more", async (_, fault) => {
    const store = faultyStore(memoryStore());
    const { tasks, tools, completed } = labOf({ store });
    const failed = vi.fn();
    tasks.on("store.failed", failed);
    const { id } = await completed("done");
    store.next("transition", fault);
    const { outcome } = await found(tools.task_output.execute({ task_id: id }));
    expect(outcome).toMatchObject({ text: "done" });
    expect(failed).toHaveBeenCalledOnce();
    expect(await read(tasks, id)).toMatchObject({ followUp: { status: "pending" } });
  });

  test("to give the result: nothing was read, so nothing is marked", async () => {
    const store = faultyStore(memoryStore());
    const { tasks, tools, completed } = labOf({ store });
    const { id } = await completed("done");
    store.next("result", rejects);
    const answer = soon(tools.task_output.execute({ task_id: id }));
    await expect(answer).rejects.toMatchObject({ code: "store_failed" });
    expect(await read(tasks, id)).toMatchObject({ followUp: { status: "pending" } });
  });
});
