import { expect, test, vi } from "vitest";
import { BackgroundTaskManager, type TasksUpdate } from "../../../src/index.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { answersAfter, faultyStore, rejects } from "../../support/faulty-store.ts";
import {
  BOB,
  callOf,
  ended,
  gate,
  inFakeTime,
  pass,
  read,
  soon,
  startAll,
  stubborn,
} from "../../support/scene.ts";
import { sharedMemoryStore } from "../../support/stores.ts";

inFakeTime();

const EVERYBODY = { userId: "ada" };

function open() {
  const store = faultyStore(sharedMemoryStore());
  return { store, tasks: new BackgroundTaskManager({ store }) };
}

/** What a reader is told, as it comes, in words. */
function recordOf(watched: AsyncIterable<TasksUpdate>) {
  const state = { seen: [] as string[], isOver: false };
  void (async () => {
    for await (const update of watched) state.seen.push(inWords(update));
    state.isOver = true;
  })();
  return state;
}

function inWords(update: TasksUpdate): string {
  const of = ({ toolName, status, lastSeq }: { toolName: string; status: string; lastSeq: number }) =>
    `${toolName} ${status} ${lastSeq}`;
  if (update.type === "task") return of(update.task);
  return `[${update.tasks.map(of).join(", ")}]${update.more ? " and more" : ""}`;
}

test("first how everything stands, and then each task that has changed", async () => {
  const { tasks } = open();
  const [one] = await startAll(tasks, 1);
  await startAll(tasks, 1, BOB);
  await pass(20);
  const watched = recordOf(tasks.watchAll(EVERYBODY));
  await pass(20);
  expect(watched.seen).toEqual(["[tool0 running 2]"]);
  await startAll(tasks, 2);
  one?.gate.resolve("done");
  await pass(1_000);
  expect(watched.seen.at(1)).toMatch(/^tool0 (queued|running)/);
  expect(
    watched.seen
      .slice(1)
      .sort()
      .filter((state, at, all) => state !== all[at - 1]),
  ).toEqual(expect.arrayContaining(["tool0 completed 3", "tool0 running 2", "tool1 running 2"]));
});

test("a scope with a session sees that session only", async () => {
  const { tasks } = open();
  await startAll(tasks, 1);
  const watched = recordOf(tasks.watchAll({ userId: "ada", sessionId: "s2" }));
  await pass(20);
  const [other] = await startAll(tasks, 1, { userId: "ada", sessionId: "s2" });
  await startAll(tasks, 1);
  other?.gate.resolve("done");
  await pass(1_000);
  expect(watched.seen[0]).toBe("[]");
  expect(watched.seen.at(-1)).toBe("tool0 completed 3");
});

test("of one task at most four states a second are told, the newest of which wins", async () => {
  const { tasks } = open();
  const { id } = await soon(
    tasks.start(callOf(), async (_, { write }) => {
      for (let line = 0; line < 200; line += 1) {
        write(`line ${line}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }),
  );
  const at: number[] = [];
  let last: TasksUpdate | undefined;
  void (async () => {
    for await (const update of tasks.watchAll(EVERYBODY)) {
      if (update.type === "task") at.push(Date.now());
      last = update;
    }
  })();
  await pass(6_000);
  expect(at.length).toBeGreaterThan(8);
  for (const [index, moment] of at.entries()) {
    expect((at[index + 4] ?? Number.POSITIVE_INFINITY) - moment).toBeGreaterThanOrEqual(1_000);
  }
  expect(last).toEqual({ type: "task", task: await read(tasks, id) });
});

test("claims and settlements of follow-ups are seen, although no event is theirs", async () => {
  const { store, tasks } = open();
  const { id } = await soon(tasks.start(callOf(), async () => "done"));
  await ended(tasks, id);
  await pass(1_000);
  const followUps: string[] = [];
  void (async () => {
    for await (const update of tasks.watchAll(EVERYBODY)) {
      const [task] = update.type === "task" ? [update.task] : update.tasks;
      followUps.push(task?.followUp.status ?? "");
    }
  })();
  await pass(1_000);
  const claim = await soon(store.claim("me", 60_000, {}));
  await pass(1_000);
  if (claim) await soon(store.settle(claim, { [id]: { type: "acknowledge" } } as never));
  await pass(1_000);
  expect(followUps.slice(0, 2)).toEqual(["pending", "claimed"]);
  expect(followUps.length).toBeGreaterThan(2);
});

test("however many read it, the store is watched and read once for a user", async () => {
  const { store, tasks } = open();
  const watch = vi.fn(store.watch);
  store.watch = watch;
  const [one] = await startAll(tasks, 1);
  await pass(20);
  const readers = Array.from({ length: 200 }, () => recordOf(tasks.watchAll(EVERYBODY)));
  await pass(1_000);
  expect(store.asked.filter(({ operation }) => operation === "list")).toHaveLength(1);
  store.asked.length = 0;
  one?.gate.resolve("done");
  await pass(1_000);
  const count = (name: string) => store.asked.filter(({ operation }) => operation === name).length;
  expect(count("get")).toBeLessThanOrEqual(4);
  expect(count("list")).toBe(0);
  expect(watch.mock.calls.length).toBeLessThanOrEqual(1);
  for (const { seen } of readers) expect(seen).toEqual(["[tool0 running 2]", "tool0 completed 3"]);
});

test("everything is freed when the last has left, by leaving the loop or by its signal, and with close", async () => {
  const { store, tasks } = open();
  const stop = new AbortController();
  const one = tasks.watchAll(EVERYBODY)[Symbol.asyncIterator]();
  const two = recordOf(tasks.watchAll(EVERYBODY, { signal: stop.signal }));
  tasks.watchAll(EVERYBODY, { signal: stop.signal })[Symbol.asyncIterator]();
  await soon(one.next());
  await soon(Promise.resolve(one.return?.()));
  stop.abort();
  await pass(20);
  expect(two.isOver).toBe(true);
  store.asked.length = 0;
  await pass(120_000);
  expect(store.asked.filter(({ operation }) => ["list", "changes", "get"].includes(operation))).toEqual([]);
  const last = recordOf(tasks.watchAll(EVERYBODY));
  tasks.watchAll(EVERYBODY)[Symbol.asyncIterator]();
  await pass(20);
  await soon(tasks.close({ drainMs: 0 }), 5_000);
  const late = recordOf(tasks.watchAll(EVERYBODY));
  await pass(20);
  expect([last.isOver, late.isOver]).toEqual([true, true]);
  store.asked.length = 0;
  await pass(120_000);
  expect(store.asked).toEqual([]);
});

test("all unfinished tasks and the newest 500: more says that there are others", async () => {
  const { store, tasks } = open();
  const insert = async (createdAt: number, fields: object) => {
    const { record } = makeTask({ userId: "ada", createdAt, ...fields });
    const limits = { runningPerUser: null, runningPerSession: null, queuedPerUser: null, exclusive: false };
    await soon(store.insert({ record, events: [{ at: 1, type: "task.queued" }] }, limits, 3_600_000));
  };
  const first = async (): Promise<TasksUpdate> => {
    const iterator = tasks.watchAll(EVERYBODY)[Symbol.asyncIterator]();
    const { value } = await soon(iterator.next());
    await iterator.return?.();
    return value as TasksUpdate;
  };
  await insert(1, { status: "queued", toolName: "oldest" });
  for (let at = 2; at <= 501; at += 1) await insert(at, { status: "completed", completedAt: at });
  const whole = await first();
  expect(whole).toMatchObject({ type: "snapshot", more: false });
  expect(whole.type === "snapshot" && whole.tasks.length).toBe(501);
  await insert(502, { status: "completed", completedAt: 502 });
  const cut = await first();
  expect(cut).toMatchObject({ more: true });
  expect(cut.type === "snapshot" && cut.tasks.length).toBe(501);
  expect(cut.type === "snapshot" && cut.tasks.at(-1)?.toolName).toBe("oldest");
});

test("when a task has gone there is a snapshot within 60 s, and otherwise none", async () => {
  const { store, tasks } = open();
  const { id } = await soon(tasks.start(callOf(), async () => "done"));
  await ended(tasks, id);
  await startAll(tasks, 1);
  const watched = recordOf(tasks.watchAll(EVERYBODY));
  await pass(130_000);
  const before = watched.seen.filter((update) => update.startsWith("["));
  expect(before).toHaveLength(1);
  const limits = { finishedPerUser: 0, finishedTtlMs: null, followUpTtlMs: 1, followUpsPerUser: 0 };
  await soon(store.sweep(limits, 9));
  await soon(store.sweep(limits, 9));
  await pass(61_000);
  expect(watched.seen.at(-1)).toBe("[tool0 running 2]");
});

test("one who does not read keeps one state of a task, and one who falls far behind is given a snapshot", {
  timeout: 60_000,
}, async () => {
  const { store, tasks } = open();
  const iterator = tasks.watchAll(EVERYBODY)[Symbol.asyncIterator]();
  expect(inWords((await soon(iterator.next())).value as TasksUpdate)).toBe("[]");
  const done = gate();
  const { id } = await soon(
    tasks.start(callOf(), async (_, { write }) => {
      for (let line = 0; line < 20; line += 1) {
        write("line");
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      return done.promise;
    }),
  );
  await pass(10_000);
  expect((await soon(iterator.next())).value).toEqual({ type: "task", task: await read(tasks, id) });
  const limits = { runningPerUser: null, runningPerSession: null, queuedPerUser: null, exclusive: false };
  for (let count = 0; count < 1_100; count += 1) {
    const { record } = makeTask({ userId: "ada", status: "completed", createdAt: count, completedAt: count });
    await store.insert({ record, events: [{ at: 1, type: "task.completed" }] }, limits, 60_000);
    // Fake timers are the slower the more there are.
    if (count % 50 === 49) await pass(300);
  }
  await pass(1_000);
  const { value } = await soon(iterator.next());
  expect(value).toMatchObject({ type: "snapshot", more: true });
  done.resolve("done");
  await pass(1_000);
  expect((await soon(iterator.next())).value).toMatchObject({
    type: "task",
    task: { id, status: "completed" },
  });
  await iterator.return?.();
});

test("a state whose read was overtaken by a snapshot is not told after it", async () => {
  const { store, tasks } = open();
  const [line, end] = [gate(), gate()];
  const call = callOf();
  await soon(
    tasks.start(call, async (_, { write }) => {
      write(await line.promise);
      return end.promise;
    }),
  );
  await pass(1_000);
  const first = recordOf(tasks.watchAll(EVERYBODY));
  await pass(10);
  store.next("get", answersAfter(500));
  line.resolve("line");
  await pass(300);
  end.resolve("done");
  await pass(10);
  const second = recordOf(tasks.watchAll(EVERYBODY));
  await pass(5_000);
  expect(first.seen).toEqual(["[search running 2]", "search completed 4"]);
  expect(second.seen).toEqual(["[search completed 4]", "search completed 4"]);
});

test("a store that fails is asked again until it answers", async () => {
  const { store, tasks } = open();
  await startAll(tasks, 1);
  store.always("list", rejects);
  const watched = recordOf(tasks.watchAll(EVERYBODY));
  await pass(2_000);
  expect(watched.seen).toEqual([]);
  store.always("list");
  await pass(5_000);
  expect(watched.seen).toEqual(["[tool0 running 2]"]);
  store.always("get", rejects);
  await soon(tasks.start(callOf({ toolName: "next" }), stubborn));
  await pass(2_000);
  store.always("get");
  await pass(5_000);
  expect(watched.seen.at(-1)).toBe("next running 2");
});

test("what is no scope or option is refused", () => {
  const { tasks } = open();
  expect(() => tasks.watchAll({ userId: "" })).toThrow("userId");
  expect(() => tasks.watchAll(EVERYBODY, { id: "x" } as never)).toThrow("id is not an option");
});
