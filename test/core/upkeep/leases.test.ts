import { beforeEach, describe, expect, test, vi } from "vitest";
import type { TaskStore } from "../../../src/core/model/store.ts";
import { answersAfter, faultyStore, neverAnswers } from "../../support/faulty-store.ts";
import {
  ADA,
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
  taskOf,
  typesOf,
} from "../../support/scene.ts";
import { LEASE_MS, processesOn, SHARED_STORES } from "./processes.ts";

inFakeTime();

describe.each(SHARED_STORES)("the leases of tasks on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });
  const { processOf, mortal } = processesOn(() => store);

  test("rule 18: the task of a process that died ends as lost, and its follow-up goes out", async () => {
    const { tasks, die } = mortal();
    const other = processOf().tasks;
    const { id } = await soon(tasks.start(callOf(), stubborn));
    await pass(10);
    die();
    await pass(2 * LEASE_MS);
    expect(await read(other, id)).toMatchObject({
      status: "failed",
      error: { code: "lost" },
      followUp: { status: "pending" },
    });
    expect(await typesOf(other, id)).toEqual(["task.queued", "task.started", "task.failed"]);
  });

  test("rule 18: a queued task is lost with its process too", async () => {
    const { tasks, die } = mortal({ limits: { running: 1 } });
    const other = processOf().tasks;
    await soon(tasks.start(callOf(), stubborn));
    const { id } = await soon(tasks.start(callOf(), stubborn));
    die();
    await pass(2 * LEASE_MS);
    expect(await read(other, id)).toMatchObject({ status: "failed", error: { code: "lost" } });
  });

  test("rule 18: one whose cancel was asked for ends cancelled", async () => {
    const { tasks, die } = mortal({ cancelGraceMs: 60_000 });
    const other = processOf().tasks;
    const { id } = await soon(tasks.start(callOf(), stubborn));
    await pass(10);
    await soon(tasks.cancel(ADA, id, { by: "user", reason: "enough" }));
    die();
    await pass(2 * LEASE_MS);
    expect(await read(other, id)).toMatchObject({ status: "cancelled", cancel: { by: "user" } });
    expect((await logOf(other, id)).at(-1)).toMatchObject({ type: "task.cancelled", mayStillRun: true });
  });

  test("a process that lives keeps its tasks, queued and running, however long they take", async () => {
    const { tasks, offload } = processOf({ limits: { running: 2 } });
    processOf();
    const slow = gate();
    const offloaded = taskOf(await soon(offload.run(callOf(), () => slow.promise)));
    const running = await soon(tasks.start(callOf(), stubborn));
    const queued = await soon(tasks.start(callOf(), stubborn));
    await pass(10 * LEASE_MS);
    expect(await read(tasks, running.id)).toMatchObject({ status: "running" });
    expect(await read(tasks, queued.id)).toMatchObject({ status: "queued" });
    slow.resolve("done");
    expect(await ended(tasks, offloaded.id)).toMatchObject({ status: "completed" });
  });

  test("rule 18: however many processes look, a lost task ends once", async () => {
    const { tasks, die } = mortal();
    const others = [processOf(), processOf(), processOf()].map((scene) => scene.tasks);
    const told: string[] = [];
    for (const other of others) other.on("task.failed", ({ task }) => told.push(task.id));
    const started = await Promise.all([1, 2, 3, 4].map(() => soon(tasks.start(callOf(), stubborn))));
    await pass(10);
    die();
    await pass(3 * LEASE_MS);
    expect(told.sort()).toEqual(started.map(({ id }) => id).sort());
  });

  test("rule 19: a cancel in another process reaches the tool", async () => {
    const { tasks } = processOf();
    const other = processOf().tasks;
    const { id } = await soon(tasks.start(callOf(), obedient));
    await pass(10);
    await soon(other.cancel(ADA, id, { by: "user" }));
    expect(await ended(other, id)).toMatchObject({ status: "cancelled" });
    expect(await tasks.stats()).toMatchObject({ running: 0 });
  });

  test("rule 19: wait and watch see what another process does", async () => {
    const { tasks } = processOf();
    const other = processOf().tasks;
    const slow = gate();
    const { id } = await soon(tasks.start(callOf(), () => slow.promise));
    const waiting = other.wait(ADA, [id]);
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { event } of other.watch(ADA, { id })) seen.push(event.type);
    })();
    await pass(10);
    slow.resolve("done");
    expect(await soon(waiting)).toMatchObject([{ status: "completed" }]);
    await soon(watching);
    expect(seen).toEqual(["task.queued", "task.started", "task.completed"]);
  });

  test("a process that was held up past its lease finds its task taken, and its result is refused", async () => {
    const line = faultyStore(store);
    const held = processOf({ store: line });
    const other = processOf().tasks;
    const slow = gate();
    let reason: unknown;
    const { id } = await soon(
      held.tasks.start(callOf(), (_, { signal }) => {
        signal.addEventListener("abort", () => {
          reason = signal.reason;
        });
        return slow.promise;
      }),
    );
    await pass(10);
    line.always("renew", neverAnswers);
    await pass(2 * LEASE_MS);
    expect(await read(other, id)).toMatchObject({ error: { code: "lost" } });
    line.always("renew");
    await pass(2 * LEASE_MS);
    expect(reason).toMatchObject({ name: "AbortError" });
    slow.resolve("too late");
    await pass(1_000);
    expect(await read(other, id)).toMatchObject({ status: "failed", error: { code: "lost" } });
    expect(await soon(other.result(ADA, id))).toMatchObject({ status: "failed" });
    expect(await held.tasks.stats()).toMatchObject({ running: 0 });
  });

  test("the late end of a task that was taken over meanwhile is refused", async () => {
    const line = faultyStore(store);
    const held = processOf({ store: line });
    const other = processOf().tasks;
    const slow = gate();
    const { id } = await soon(held.tasks.start(callOf(), () => slow.promise));
    await pass(10);
    line.always("renew", neverAnswers);
    await pass(2 * LEASE_MS);
    slow.resolve("too late");
    await pass(1_000);
    expect(await read(other, id)).toMatchObject({ status: "failed", error: { code: "lost" } });
    expect(await held.tasks.stats()).toMatchObject({ running: 0 });
  });

  test("however long a recovery takes, the leases of healthy tasks are renewed", async () => {
    const { tasks, die } = mortal({ limits: { runningPerUser: 500, runningPerSession: 500 } });
    for (let i = 0; i < 300; i += 1) await soon(tasks.start(callOf({ input: i }), stubborn));
    await pass(10);
    const slow = [1, 2].map(() => {
      const line = faultyStore(store);
      line.always("transition", answersAfter(900));
      return processOf({ store: line }).tasks;
    });
    const healthy = await Promise.all(slow.map((one) => soon(one.start(callOf(), stubborn))));
    die();
    await pass(6 * LEASE_MS);
    const other = processOf().tasks;
    for (const { id } of healthy) expect(await read(other, id)).toMatchObject({ status: "running" });
  });

  test("close leaves no timer behind", async () => {
    const { tasks } = processOf();
    await soon(tasks.start(callOf(), stubborn));
    await soon(tasks.close({ drainMs: 0 }), 5_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
