import fc from "fast-check";
import { expect, test } from "vitest";
import type { StoreHint } from "../../../src/core/model/store.ts";
import { BackgroundTaskManager, type TaskStore, type TaskUpdate } from "../../../src/index.ts";
import { answersAfter, faultyStore, rejects } from "../../support/faulty-store.ts";
import { ADA, callOf, ended, gate, inFakeTime, logOf, pass, soon, startAll } from "../../support/scene.ts";
import { sharedMemoryStore } from "../../support/stores.ts";

inFakeTime();

/** A store that two processes share; the hints that reach `here` are lost where the test says so. */
function twoProcesses(isLost: (hint: StoreHint) => boolean = () => true) {
  const inner = sharedMemoryStore();
  const channel = { isLost };
  const missed = new Set<() => void>();
  const watch: NonNullable<TaskStore["watch"]> = (listener, tellMissed = () => undefined) => {
    missed.add(tellMissed);
    const stop = inner.watch?.((hint) => void (channel.isLost(hint) || listener(hint)));
    return () => {
      missed.delete(tellMissed);
      stop?.();
    };
  };
  const store = faultyStore({ ...inner, watch });
  store.watch = watch;
  const here = new BackgroundTaskManager({ store });
  const there = new BackgroundTaskManager({ store: inner });
  const subscribedAgain = () => {
    for (const tell of missed) tell();
  };
  return { here, there, store, channel, subscribedAgain };
}

function recordOf(watched: AsyncIterable<TaskUpdate>) {
  const state = { seen: [] as string[], isOver: false };
  void (async () => {
    for await (const { task, event } of watched) state.seen.push(`${task.toolName} ${event.seq}`);
    state.isOver = true;
  })();
  return state;
}

test("a change whose hint was lost is told within 2 s to who watches the task", async () => {
  const { here, there } = twoProcesses();
  const [task] = await startAll(there, 1);
  await pass(20);
  const watched = recordOf(here.watch(ADA, { id: task?.id ?? "" }));
  await pass(5_500);
  expect(watched.seen).toEqual(["tool0 1", "tool0 2"]);
  task?.gate.resolve("done");
  await pass(2_000);
  expect(watched).toEqual({ seen: ["tool0 1", "tool0 2", "tool0 3"], isOver: true });
});

test("changes whose hints were lost are told within 10 s to who watches all tasks of a user", async () => {
  const { here, there } = twoProcesses();
  const [old] = await startAll(there, 1);
  await pass(20);
  const watched = recordOf(here.watch(ADA));
  const elsewhere = recordOf(here.watch({ userId: "ada", sessionId: "s2" }));
  await pass(100);
  const { id } = await soon(there.start(callOf({ toolName: "short" }), async () => "done"));
  await ended(there, id);
  old?.gate.resolve("done");
  await pass(10_000);
  expect(watched.seen.sort()).toEqual(["short 1", "short 2", "short 3", "tool0 3"]);
  expect(elsewhere.seen).toEqual([]);
});

test("a hint after one that was lost skips nothing", async () => {
  const { here, there, channel } = twoProcesses(() => false);
  const lines = [gate(), gate(), gate()];
  await soon(
    there.start(callOf(), async (_, { write }) => {
      for (const line of lines) write(await line.promise);
    }),
  );
  await pass(20);
  const watched = recordOf(here.watch(ADA));
  await pass(100);
  channel.isLost = () => true;
  lines[0]?.resolve("one");
  await pass(500);
  channel.isLost = () => false;
  lines[1]?.resolve("two");
  await pass(500);
  expect(watched.seen).toEqual(["search 3", "search 4"]);
  lines[2]?.resolve("three");
  await pass(500);
});

test("who has subscribed again looks at once", async () => {
  const { here, there, subscribedAgain } = twoProcesses();
  const started = await startAll(there, 2);
  await pass(20);
  const one = recordOf(here.watch(ADA, { id: started[0]?.id ?? "", after: 2 }));
  const all = recordOf(here.watch(ADA));
  await pass(1_050);
  for (const { gate: end } of started) end.resolve("done");
  await pass(20);
  expect([one.seen, all.seen]).toEqual([[], []]);
  subscribedAgain();
  await pass(20);
  expect([one.seen, all.seen.sort()]).toEqual([["tool0 3"], ["tool0 3", "tool1 3"]]);
});

test("of a task that began and ended while hints were lost, the last hint alone tells all of it", async () => {
  const { here, there, channel } = twoProcesses(() => false);
  const watched = recordOf(here.watch(ADA));
  await pass(100);
  channel.isLost = (hint) => !("status" in hint) || hint.status !== "completed";
  const { id } = await soon(there.start(callOf({ toolName: "short" }), async () => "done"));
  await ended(there, id);
  await pass(500);
  expect(watched.seen).toEqual(["short 1", "short 2", "short 3"]);
});

test("1,000 idle watches of tasks cost at most 10 reads of the store a second", async () => {
  const { here, there, store } = twoProcesses();
  const started = await startAll(there, 10);
  await pass(20);
  for (let count = 0; count < 1_000; count += 1) {
    recordOf(here.watch(ADA, { id: started[count % 10]?.id ?? "" }));
  }
  recordOf(here.watch(ADA));
  await pass(3_000);
  store.asked.length = 0;
  await pass(10_000);
  const read = store.asked.filter(({ operation }) => operation !== "sweep" && operation !== "renew");
  expect(read.length).toBeGreaterThan(0);
  expect(read.length).toBeLessThanOrEqual(100);
  for (const { gate: end } of started) end.resolve("done");
  await pass(2_000);
});

test("nothing is looked at for watches that are over, or after close", async () => {
  const { here, there, store } = twoProcesses();
  const [task] = await startAll(there, 1);
  const iterators = [here.watch(ADA), here.watch(ADA, { id: task?.id ?? "" })].map((watched) =>
    watched[Symbol.asyncIterator](),
  );
  await pass(2_000);
  for (const iterator of iterators) await soon(Promise.resolve(iterator.return?.()));
  store.asked.length = 0;
  await pass(20_000);
  expect(store.asked.filter(({ operation }) => operation === "changes")).toEqual([]);
  here.watch(ADA)[Symbol.asyncIterator]();
  await soon(here.close({ drainMs: 0 }), 5_000);
  store.asked.length = 0;
  await pass(20_000);
  expect(store.asked).toEqual([]);
});

test("who leaves while a look is under way is looked for no more, once the others have left too", async () => {
  const { here, store } = twoProcesses();
  const other = here.watch(ADA)[Symbol.asyncIterator]();
  await pass(100);
  store.next("changes", answersAfter(500));
  const one = here.watch(ADA)[Symbol.asyncIterator]();
  await pass(100);
  await soon(Promise.resolve(one.return?.()));
  await pass(1_000);
  await soon(Promise.resolve(other.return?.()));
  store.asked.length = 0;
  await pass(20_000);
  expect(store.asked.filter(({ operation }) => operation === "changes")).toEqual([]);
});

test("a watch of a scope that begins after close ends", async () => {
  const { here } = twoProcesses();
  const before = here.watch(ADA);
  await soon(here.close({ drainMs: 0 }), 5_000);
  const watches = [recordOf(before), recordOf(here.watch(ADA, { from: { missing: 1 } }))];
  await pass(20);
  expect(watches).toEqual(Array(2).fill({ seen: [], isOver: true }));
});

test("while the store fails nothing is told, and afterwards everything that has happened since it began", async () => {
  const { here, there, store } = twoProcesses();
  const [task] = await startAll(there, 1);
  await pass(20);
  const watched = recordOf(here.watch(ADA));
  await pass(100);
  store.always("changes", rejects);
  task?.gate.resolve("done");
  await pass(20_000);
  expect(watched.seen).toEqual([]);
  store.always("changes");
  await pass(10_000);
  expect(watched.seen).toEqual(["tool0 3"]);
});

test("a watch whose reads fail asks less and less often, although looks go on, and goes on within 5 s", async () => {
  const { here, there, store } = twoProcesses();
  const [task] = await startAll(there, 1);
  await pass(20);
  store.always("events", rejects);
  const watched = recordOf(here.watch(ADA, { id: task?.id ?? "" }));
  await pass(60_000);
  expect(store.asked.filter(({ operation }) => operation === "events").length).toBeLessThanOrEqual(20);
  store.always("events");
  await pass(5_000);
  expect(watched.seen).toEqual(["tool0 1", "tool0 2"]);
});

test("whatever hints are lost, and however looks and writes interleave, each event is told once and in order", {
  timeout: 60_000,
}, async () => {
  const step = fc.record({
    what: fc.constantFrom("start", "write", "end", "pass", "again"),
    at: fc.nat({ max: 5 }),
    isLost: fc.boolean(),
  });
  const isExact = async (steps: { what: string; at: number; isLost: boolean }[]) => {
    const { here, there, channel, subscribedAgain } = twoProcesses(() => false);
    const told = new Map<string, number[]>();
    void (async () => {
      for await (const { task, event } of here.watch(ADA)) {
        told.set(task.id, [...(told.get(task.id) ?? []), event.seq]);
      }
    })();
    await pass(10);
    const running: { id: string; write(line: string): void; end(): void }[] = [];
    for (const { what, at, isLost } of steps) {
      channel.isLost = () => isLost;
      const one = running[at % running.length];
      if (what === "pass") await pass(at * 2_000);
      else if (what === "again") subscribedAgain();
      else if (what === "start" || one === undefined) {
        const done = gate();
        let write = (_line: string) => {};
        const { id } = await soon(
          there.start(callOf(), (_, context) => {
            write = (line) => context.write(line);
            return done.promise;
          }),
        );
        running.push({ id, write: (line) => write(line), end: () => done.resolve("done") });
      } else if (what === "write") one.write("line");
      else one.end();
      await pass(at);
    }
    for (const { end } of running) end();
    await pass(15_000);
    for (const { id } of running)
      expect(told.get(id)).toEqual((await logOf(there, id)).map(({ seq }) => seq));
    await soon(here.close({ drainMs: 0 }), 5_000);
    await soon(there.close({ drainMs: 0 }), 5_000);
  };
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), isExact), { numRuns: 40 });
});
