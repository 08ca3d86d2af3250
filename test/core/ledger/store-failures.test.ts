import { beforeEach, describe, expect, test, vi } from "vitest";
import { BackgroundTaskManager } from "../../../src/index.ts";
import {
  answersAfter,
  arrivesAfter,
  type Fault,
  type FaultyStore,
  faultyStore,
  losesAnswer,
  neverAnswers,
  rejects,
} from "../../support/faulty-store.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
  isPending,
  logOf,
  obedient,
  offloaded,
  onlyTask,
  pass,
  read,
  sceneOf,
  soon,
  stubborn,
  TIMEOUT_MS,
  taskOf,
  typesOf,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

const STORE_TIMEOUT_MS = 2_000;

/** `isWritten`: by the time of the failure the task is on record all the same. */
const FAULTS: { name: string; fault: Fault; isWritten: boolean }[] = [
  { name: "rejects", fault: rejects, isWritten: false },
  { name: "never answers", fault: neverAnswers, isWritten: false },
  { name: "answers too late", fault: answersAfter(STORE_TIMEOUT_MS + 500), isWritten: true },
  { name: "is reached too late", fault: arrivesAfter(STORE_TIMEOUT_MS + 500), isWritten: false },
  { name: "loses its answer", fault: losesAnswer, isWritten: true },
];

inFakeTime();

describe.each(STORES)("rule 7: failures of $name", ({ makeStore }) => {
  let store: FaultyStore;
  beforeEach(() => {
    store = faultyStore(makeStore());
  });

  /** A scene, and what the manager says of its store. */
  function failing() {
    const scene = sceneOf({ store });
    const failures: string[] = [];
    scene.tasks.on("store.failed", ({ operation, error }) => failures.push(`${operation} ${error.code}`));
    return { ...scene, failures };
  }

  describe.each(FAULTS)("an insert that $name", ({ fault, isWritten }) => {
    test("rule 7: at the moment of offload never breaks the turn, and is reported", async () => {
      store.always("insert", fault);
      const { offload, failures } = failing();
      const slow = gate();
      const outcome = offload.run(callOf(), () => slow.promise);
      await pass(TIMEOUT_MS + STORE_TIMEOUT_MS + 20);
      expect(failures).toContain("insert store_failed");
      slow.resolve("done");
      const placeholder = { status: "offloaded", task: { status: "running" } };
      const value = { status: "completed", value: "done" };
      expect(await soon(outcome)).toMatchObject(isWritten ? placeholder : value);
    });

    test("rule 7: the call is offloaded once the store works again, as one task", async () => {
      store.next("insert", fault);
      const { offload, tasks } = failing();
      const outcome = await soon(offload.run(callOf(), stubborn), 10_000);
      await pass(10_000);
      const only = await onlyTask(tasks);
      expect(only).toMatchObject({ id: taskOf(outcome).id, status: "running" });
      expect(await typesOf(tasks, only.id)).toEqual(["task.started"]);
      expect((await tasks.stats()).running).toBe(1);
    });

    test("rule 7: a background call runs in the foreground instead", async () => {
      store.always("insert", fault);
      const { offload } = failing();
      const outcome = offload.run(callOf({ background: true }), async () => "done");
      expect(await soon(outcome, 10_000)).toEqual({ status: "completed", value: "done" });
    });

    test("rule 7: a background call whose record was written all the same is no queued ghost", async () => {
      store.next("insert", fault);
      const { offload, tasks } = failing();
      await soon(
        offload.run(callOf({ background: true }), async () => "done"),
        10_000,
      );
      await pass(20_000);
      const page = await soon(tasks.list(ADA, { status: ["queued", "running"] }));
      expect(page.tasks).toEqual([]);
    });

    test("rule 7: start is refused with store_failed", async () => {
      store.next("insert", fault);
      const { tasks } = failing();
      await expect(soon(tasks.start(callOf(), stubborn), 10_000)).rejects.toMatchObject({
        code: "store_failed",
      });
    });

    test("rule 7: adopt is refused with store_failed, and gives its place back", async () => {
      store.next("insert", fault);
      const tasks = new BackgroundTaskManager({ store, limits: { running: 1 } });
      const execution = { promise: stubborn(), abort: vi.fn(), startedAt: Date.now() };
      await expect(soon(tasks.adopt(callOf(), execution), 10_000)).rejects.toMatchObject({
        code: "store_failed",
      });
    });
  });

  test("rule 7: an answer that comes late while the next try is under way makes one task, and one place", async () => {
    store.next("insert", answersAfter(STORE_TIMEOUT_MS + 300), answersAfter(900));
    const { offload, tasks } = sceneOf({ store, limits: { running: 1 } });
    const started = vi.fn();
    tasks.on("task.started", started);
    const { id } = taskOf(await soon(offload.run(callOf(), stubborn), 10_000));
    await pass(2_000);
    expect(started).toHaveBeenCalledOnce();
    await soon(tasks.cancel(ADA, id));
    expect(await ended(tasks, id)).toMatchObject({ status: "cancelled" });
    const next = await soon(tasks.start(callOf({ toolName: "next" }), async () => "done"));
    expect(await ended(tasks, next.id)).toMatchObject({ status: "completed" });
  });

  test("rule 7: storeTimeoutMs is what the store has", async () => {
    store.always("get", neverAnswers);
    const tasks = new BackgroundTaskManager({ store, storeTimeoutMs: 300 });
    const answer = tasks.get(ADA, "unknown");
    answer.catch(() => undefined);
    await pass(299);
    expect(await isPending(answer)).toBe(true);
    await pass(1);
    await expect(answer).rejects.toMatchObject({ code: "store_failed" });
  });

  test.each([1, 3, 6])(
    "rule 7: a terminal write that fails %i times is retried, the result held",
    async (times) => {
      store.next("transition", ...Array.from({ length: times }, () => rejects));
      const { offload, tasks, failures } = failing();
      const slow = gate();
      const { id } = await offloaded(offload.run(callOf(), () => slow.promise));
      slow.resolve("done");
      expect(await ended(tasks, id, { withinMs: 20_000 })).toMatchObject({ status: "completed" });
      expect(await soon(tasks.result(ADA, id))).toMatchObject({ value: "done" });
      expect(failures).toEqual(Array.from({ length: times }, () => "transition store_failed"));
      expect((await tasks.stats()).running).toBe(0);
    },
  );

  test("rule 7: the retries of a terminal write come further and further apart", async () => {
    store.always("transition", rejects);
    const { offload } = failing();
    const slow = gate();
    await offloaded(offload.run(callOf(), () => slow.promise));
    const tries: number[] = [];
    const count = () => store.asked.filter(({ operation }) => operation === "transition").length;
    slow.resolve("done");
    for (let ms = 0; ms < 10_000; ms += 10) {
      if (count() > tries.length) tries.push(Date.now());
      await pass(10);
    }
    const gaps = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
    expect(gaps.length).toBeGreaterThan(3);
    for (const [index, gap] of gaps.slice(1).entries()) expect(gap).toBeGreaterThan(gaps[index] ?? 0);
  });

  test("rule 7: a terminal write whose answer is lost is not written twice, and listeners hear of it", async () => {
    store.next("transition", losesAnswer);
    const { offload, tasks } = failing();
    const completed = vi.fn();
    tasks.on("task.completed", completed);
    const slow = gate();
    const { id } = await offloaded(offload.run(callOf(), () => slow.promise));
    slow.resolve("done");
    expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
    await pass(5_000);
    expect(await typesOf(tasks, id)).toEqual(["task.started", "task.completed"]);
    expect((await tasks.stats()).running).toBe(0);
    expect(completed).toHaveBeenCalledOnce();
  });

  test.each(FAULTS)("rule 7: a queued task whose start $name runs in the end", async ({ fault }) => {
    store.next("admit", fault);
    const { tasks } = failing();
    const tool = vi.fn(async () => "done");
    const { id } = await soon(tasks.start(callOf(), tool));
    await pass(10_000);
    expect(tool).toHaveBeenCalledOnce();
    expect(await read(tasks, id)).toMatchObject({ status: "completed" });
  });

  test.each(FAULTS)("rule 7: reports whose append $name reach the log before the end", async ({ fault }) => {
    store.next("append", fault);
    const { offload, tasks } = failing();
    const slow = gate();
    const { id } = await offloaded(
      offload.run(callOf(), (_, { write }) => {
        setTimeout(() => write("late news"), TIMEOUT_MS + 500);
        return slow.promise;
      }),
    );
    await pass(5_000);
    slow.resolve("done");
    expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
    const log = await logOf(tasks, id);
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
    expect(JSON.stringify(log)).toContain("late news");
    expect(log.at(-1)).toMatchObject({ type: "task.completed" });
  });

  test("rule 7: a store that is down for long holds no more of a task's output than the log would keep", async () => {
    store.always("append", rejects);
    const { offload, tasks } = failing();
    const slow = gate();
    const { id } = await offloaded(
      offload.run(callOf(), (_, { write }) => {
        const timer = setInterval(() => write("x".repeat(32 * 1024)), 100);
        slow.promise.finally(() => clearInterval(timer));
        return slow.promise;
      }),
    );
    await pass(20_000);
    slow.resolve("done");
    await ended(tasks, id);
    const { args } = store.asked.findLast(({ operation }) => operation === "transition") ?? { args: [] };
    expect(JSON.stringify(args).length).toBeLessThan(2 * 256 * 1024);
  });

  test("rule 11: progress that a store was down for is coalesced before it is numbered", async () => {
    store.always("append", rejects);
    const { offload, tasks } = failing();
    const slow = gate();
    const { id } = await offloaded(
      offload.run(callOf(), (_, { report }) => {
        let value = 0;
        const timer = setInterval(() => {
          value += 1;
          report({ value });
        }, 50);
        slow.promise.finally(() => clearInterval(timer));
        return slow.promise;
      }),
    );
    await pass(10_000);
    store.always("append");
    await pass(500);
    expect((await logOf(tasks, id)).length).toBeLessThan(15);
    slow.resolve("done");
  });

  describe("rule 9: a cancel between a write and its answer", () => {
    test("rule 9: reaches a tool that is just being started", async () => {
      store.next("admit", answersAfter(500));
      const { tasks } = failing();
      const { id } = await soon(tasks.start(callOf(), obedient));
      await pass(100);
      await soon(tasks.cancel(ADA, id, { by: "user" }));
      await pass(3_000);
      expect(await read(tasks, id)).toMatchObject({ status: "cancelled", cancel: { by: "user" } });
      expect((await tasks.stats()).running).toBe(0);
    });

    test("rule 9: reaches a tool that is just being handed over", async () => {
      store.next("insert", answersAfter(500));
      const { offload, tasks } = failing();
      const outcome = offload.run(callOf(), obedient);
      outcome.catch(() => undefined);
      await pass(TIMEOUT_MS + 100);
      const { id } = await onlyTask(tasks);
      await soon(tasks.cancel(ADA, id, { by: "user" }));
      await pass(3_000);
      expect(await read(tasks, id)).toMatchObject({ status: "cancelled", cancel: { by: "user" } });
      expect((await tasks.stats()).running).toBe(0);
    });
  });

  describe("closing", () => {
    test.each(["insert", "append", "transition", "admit", "sweep"] as const)(
      "close leaves no timer behind while %s never answers",
      async (operation) => {
        const { offload, tasks } = failing();
        const slow = gate();
        await offloaded(
          offload.run(callOf(), (_, { report }) => {
            setTimeout(() => report({ value: 1 }), 500);
            return slow.promise;
          }),
        );
        store.always(operation, neverAnswers);
        const waiting = offload.run(callOf({ toolName: "other" }), stubborn);
        waiting.catch(() => undefined);
        tasks.start(callOf({ toolName: "third" }), stubborn).catch(() => undefined);
        await pass(600);
        slow.resolve("done");
        await pass(100);
        await soon(tasks.close({ drainMs: 100 }), 20_000);
        // A restless store is still answering a last question.
        await pass(10);
        expect(vi.getTimerCount()).toBe(0);
        if (operation !== "insert") return;
        await expect(soon(waiting)).rejects.toMatchObject({ code: "closed" });
      },
    );

    test("a background call that waits for the store starts no tool after close", async () => {
      store.always("insert", neverAnswers);
      const { offload, tasks } = failing();
      const tool = vi.fn(async () => "done");
      const outcome = offload.run(callOf({ background: true }), tool);
      outcome.catch(() => undefined);
      await pass(500);
      await soon(tasks.close({ drainMs: 0 }), 10_000);
      await pass(5_000);
      expect(tool).not.toHaveBeenCalled();
      await expect(soon(outcome)).rejects.toMatchObject({ code: "closed" });
    });
  });
});
