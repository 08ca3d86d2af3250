import { describe, expect, test, vi } from "vitest";
import { BackgroundTaskManager, type TaskStore, type TaskUpdate } from "../../../src/index.ts";
import { faultyStore, neverAnswers, rejects } from "../../support/faulty-store.ts";
import {
  ADA,
  BOB,
  callOf,
  ended,
  gate,
  inFakeTime,
  logOf,
  managersOn,
  pass,
  read,
  soon,
  startAll,
  stubborn,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

describe.each(STORES)("watch on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  /** Everything a watch tells, as it comes. */
  function recordOf(watched: AsyncIterable<TaskUpdate>) {
    const seen: string[] = [];
    const state = { seen, isOver: false };
    void (async () => {
      for await (const { event } of watched) seen.push(`${event.seq} ${event.type}`);
      state.isOver = true;
    })();
    return state;
  }

  test("by id: tells the task from its first event to its end, and ends", async () => {
    const tasks = managerOf();
    const [task] = await startAll(tasks, 1);
    await pass(20);
    const watched = recordOf(tasks.watch(ADA, { id: task?.id ?? "" }));
    await pass(20);
    expect(watched.seen).toEqual(["1 task.queued", "2 task.started"]);
    task?.gate.resolve("done");
    await pass(2_000);
    expect(watched).toEqual({
      seen: ["1 task.queued", "2 task.started", "3 task.completed"],
      isOver: true,
    });
  });

  test("by id: after skips what is known", async () => {
    const tasks = managerOf();
    const { id } = await soon(tasks.start(callOf(), async () => "done"));
    await ended(tasks, id);
    const watched = recordOf(tasks.watch(ADA, { id, after: 2 }));
    await pass(100);
    expect(watched).toEqual({ seen: ["3 task.completed"], isOver: true });
  });

  test("by id: a missing or foreign task ends at once", async () => {
    const tasks = managerOf();
    const [task] = await startAll(tasks, 1);
    const watches = [
      recordOf(tasks.watch(BOB, { id: task?.id ?? "" })),
      recordOf(tasks.watch(ADA, { id: "missing" })),
    ];
    await pass(100);
    expect(watches).toEqual([
      { seen: [], isOver: true },
      { seen: [], isOver: true },
    ]);
  });

  test("by scope: tells what happens from now on, to one's own tasks only", async () => {
    const tasks = managerOf();
    await startAll(tasks, 1);
    await pass(50);
    const mine = recordOf(tasks.watch(ADA));
    const theirs = recordOf(tasks.watch(BOB));
    const elsewhere = recordOf(tasks.watch({ ...ADA, sessionId: "s2" }));
    const [next] = await startAll(tasks, 1);
    await pass(20);
    next?.gate.resolve("done");
    await pass(200);
    expect(mine.seen).toEqual(["1 task.queued", "2 task.started", "3 task.completed"]);
    expect(theirs.seen).toEqual([]);
    expect(elsewhere.seen).toEqual([]);
  });

  test("by scope: what happened in the same millisecond, but before, is not told", async () => {
    const tasks = managerOf();
    const slow = gate();
    const { id } = await soon(tasks.start(callOf(), () => slow.promise));
    await pass(20);
    vi.setSystemTime((await logOf(tasks, id)).at(-1)?.at ?? 0);
    const watched = recordOf(tasks.watch(ADA));
    slow.resolve("done");
    await pass(200);
    expect(watched.seen).toEqual(["3 task.completed"]);
  });

  test("by scope: who is slow to read still misses nothing of a task that is new", async () => {
    const tasks = managerOf();
    const seen: number[] = [];
    const slow = gate();
    const watched = tasks.watch(ADA);
    const reading = (async () => {
      for await (const { event, task } of watched) {
        if (task.toolName === "first") await slow.promise;
        else seen.push(event.seq);
      }
    })();
    await soon(tasks.start(callOf({ toolName: "first" }), stubborn));
    await pass(20);
    const { id } = await soon(
      tasks.start(callOf({ toolName: "second" }), async (_, { write }) => {
        for (let line = 0; line < 40; line += 1) {
          write(`line ${line}`);
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      }),
    );
    await ended(tasks, id, { withinMs: 20_000 });
    slow.resolve("go on");
    await pass(500);
    const { lastSeq } = await read(tasks, id);
    expect(seen).toEqual(Array.from({ length: lastSeq }, (_, index) => index + 1));
    await soon(tasks.close({ drainMs: 0 }), 5_000);
    await soon(reading);
  });

  test("ends when its signal aborts, and when the manager closes", async () => {
    const tasks = managerOf();
    const stop = new AbortController();
    const aborted = recordOf(tasks.watch(ADA, { signal: stop.signal }));
    const closed = recordOf(tasks.watch(ADA));
    await pass(10);
    stop.abort();
    await pass(10);
    expect([aborted.isOver, closed.isOver]).toEqual([true, false]);
    await soon(tasks.close({ drainMs: 0 }), 5_000);
    await pass(10);
    expect(closed.isOver).toBe(true);
  });

  test("which begins after the manager has closed tells what there is, and ends", async () => {
    const store = makeStore();
    const [here, there] = [managerOf({ store }), managerOf({ store })];
    const [task] = await startAll(there, 1);
    await soon(here.close());
    const one = recordOf(here.watch(ADA, { id: task?.id ?? "" }));
    const all = recordOf(here.watch(ADA));
    await pass(10);
    expect(one).toMatchObject({ seen: ["1 task.queued", "2 task.started"], isOver: true });
    expect(all).toMatchObject({ seen: [], isOver: true });
    task?.gate.resolve("done");
  });

  test("a shutdown is the last thing a watch tells", async () => {
    const tasks = managerOf();
    const [task] = await startAll(tasks, 1);
    await pass(10);
    const watched = recordOf(tasks.watch(ADA, { id: task?.id ?? "" }));
    await pass(10);
    await soon(tasks.close({ drainMs: 0 }), 5_000);
    await pass(100);
    expect(watched.seen.at(-1)).toBe("3 task.failed");
  });

  test("goes on when the store has failed, and misses nothing", async () => {
    const store = faultyStore(makeStore());
    const tasks = new BackgroundTaskManager({ store });
    const [one] = await startAll(tasks, 1);
    await pass(20);
    const byId = recordOf(tasks.watch(ADA, { id: one?.id ?? "", after: 2 }));
    const byScope = recordOf(tasks.watch(ADA));
    await pass(20);
    store.always("get", neverAnswers);
    store.always("events", rejects);
    one?.gate.resolve("done");
    await pass(2_500);
    store.always("events");
    await pass(5_000);
    expect([byId.seen, byScope.seen]).toEqual([[], []]);
    store.always("get");
    await pass(30_000);
    expect(byId).toEqual({ seen: ["3 task.completed"], isOver: true });
    expect(byScope).toEqual({ seen: ["3 task.completed"], isOver: false });
  });

  test("a task that cannot be read keeps back the news of no other", async () => {
    const store = makeStore();
    const sick = new Set<string>();
    const events: TaskStore["events"] = async (scope, id, query) => {
      if (sick.has(id)) throw new Error("The disk is full.");
      return store.events(scope, id, query);
    };
    const tasks = new BackgroundTaskManager({ store: { ...store, events } });
    const started = await startAll(tasks, 2);
    await pass(20);
    const watched = recordOf(tasks.watch(ADA));
    sick.add(started[0]?.id ?? "");
    for (const { gate: end } of started) end.resolve("done");
    await pass(1_000);
    expect(watched.seen).toEqual(["3 task.completed"]);
    sick.clear();
    await pass(1_000);
    expect(watched.seen).toEqual(["3 task.completed", "3 task.completed"]);
  });

  test.each([rejects, neverAnswers])("is let go of while the store fails: $name", async (fault) => {
    const store = faultyStore(makeStore());
    const tasks = new BackgroundTaskManager({ store });
    const iterator = tasks.watch(ADA)[Symbol.asyncIterator]();
    store.always("events", fault);
    const next = iterator.next();
    await startAll(tasks, 1);
    // By then it waits for long before it asks again.
    while (store.asked.filter(({ operation }) => operation === "events").length < 8) await pass(100);
    const left = iterator.return?.();
    await pass(2_000);
    expect([await soon(next), await soon(left ?? next)]).toEqual(Array(2).fill({ done: true }));
  });

  test("a store that fails to the end: the watch says so when the manager closes", async () => {
    const store = faultyStore(makeStore());
    const tasks = new BackgroundTaskManager({ store });
    const [one] = await startAll(tasks, 1);
    await pass(20);
    store.always("events", rejects);
    const iterator = tasks.watch(ADA, { id: one?.id ?? "" })[Symbol.asyncIterator]();
    const next = iterator.next().catch((error: unknown) => error);
    await pass(1_000);
    await soon(tasks.close({ drainMs: 0 }), 5_000);
    await pass(10);
    expect(await soon(next)).toMatchObject({ code: "store_failed" });
  });
});
