import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TaskUpdate } from "../../../src/index.ts";
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
  soon,
  startAll,
} from "../../support/scene.ts";
import { STORES, sharedMemoryStore } from "../../support/stores.ts";

inFakeTime();

/** Everything a watch tells, as it comes. */
function recordOf(watched: AsyncIterable<TaskUpdate>) {
  const state = { seen: [] as string[], isOver: false };
  void (async () => {
    for await (const { event, truncated } of watched) {
      state.seen.push(`${event.seq} ${event.type}${truncated ? ", truncated" : ""}`);
    }
    state.isOver = true;
  })();
  return state;
}

describe.each(STORES)("a watch on $name resumes", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  test("after is beyond the newest event, the task has ended: its terminal event is told", async () => {
    const tasks = managerOf();
    const { id } = await soon(tasks.start(callOf(), async () => "done"));
    await ended(tasks, id);
    const watched = recordOf(tasks.watch(ADA, { id, after: 7_000 }));
    const named = recordOf(tasks.watch(ADA, { from: { [id]: 7_000 } }));
    await pass(100);
    expect(watched).toEqual({ seen: ["3 task.completed, truncated"], isOver: true });
    expect(named).toEqual({ seen: ["3 task.completed, truncated"], isOver: false });
  });

  test("after is the newest event of a task that has ended: nothing is told", async () => {
    const tasks = managerOf();
    const { id } = await soon(tasks.start(callOf(), async () => "done"));
    await ended(tasks, id);
    const watched = recordOf(tasks.watch(ADA, { id, after: 3 }));
    await pass(100);
    expect(watched).toEqual({ seen: [], isOver: true });
  });

  test("after is beyond the newest event, the task runs: its next is told as truncated", async () => {
    const tasks = managerOf();
    const lines = [gate(), gate()];
    const { id } = await soon(
      tasks.start(callOf(), async (_, { write }) => {
        for (const line of lines) write(await line.promise);
      }),
    );
    await pass(20);
    const watched = recordOf(tasks.watch(ADA, { id, after: 7_000 }));
    const named = recordOf(tasks.watch(ADA, { from: { [id]: 7_000 } }));
    await pass(100);
    for (const line of lines) {
      line.resolve("line");
      await pass(1_000);
    }
    const seen = ["3 task.output, truncated", "4 task.output", "5 task.completed"];
    expect(watched).toEqual({ seen, isOver: true });
    expect(named).toEqual({ seen, isOver: false });
  });

  test("from: several tasks are told from where each was, and others from now on", async () => {
    const tasks = managerOf();
    const [one, two, three] = await startAll(tasks, 3);
    const [foreign] = await startAll(tasks, 1, BOB);
    await pass(20);
    const from = { [one?.id ?? ""]: 0, [two?.id ?? ""]: 1, [foreign?.id ?? ""]: 0, missing: 5 };
    const seen: string[] = [];
    const ids = [one?.id, two?.id, three?.id];
    void (async () => {
      for await (const { task, event } of tasks.watch(ADA, { from })) {
        seen.push(`${ids.indexOf(task.id)}: ${event.seq}`);
      }
    })();
    await pass(20);
    expect(seen).toEqual(["0: 1", "0: 2", "1: 2"]);
    three?.gate.resolve("done");
    await pass(20);
    two?.gate.resolve("done");
    await pass(200);
    expect(seen).toEqual(["0: 1", "0: 2", "1: 2", "2: 3", "1: 3"]);
  });

  test("a watch that is cut again and again, and resumed, tells each event once and in order", {
    timeout: 60_000,
  }, async () => {
    const cuts = fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 6 });
    const isResumedExactly = async (steps: number[]) => {
      const tasks = managerOf();
      const started = await startAll(tasks, 3);
      const known: Record<string, number> = Object.fromEntries(started.map(({ id }) => [id, 0]));
      const told: Record<string, number[]> = Object.fromEntries(started.map(({ id }) => [id, []]));
      const readOn = async (most: number) => {
        const iterator = tasks.watch(ADA, { from: { ...known } })[Symbol.asyncIterator]();
        for (let count = 0; count < most; count += 1) {
          const step = await Promise.race([iterator.next(), pass(50)]);
          if (step === undefined || step.done) break;
          const { id } = step.value.task;
          known[id] = step.value.event.seq;
          told[id]?.push(step.value.event.seq);
        }
        await iterator.return?.();
      };
      for (const [at, most] of steps.entries()) {
        await readOn(most);
        started[at]?.gate.resolve("done");
        await pass(20);
      }
      await readOn(100);
      for (const { id } of started) expect(told[id]).toEqual((await logOf(tasks, id)).map(({ seq }) => seq));
      await soon(tasks.close({ drainMs: 0 }), 5_000);
    };
    await fc.assert(fc.asyncProperty(cuts, isResumedExactly), { numRuns: 20 });
  });
});

test.each([
  [{ from: { one: -1 } }, "from.one must be a whole number from 0 on; got -1."],
  [{ from: { one: "1" } }, 'from.one must be a whole number from 0 on; got "1".'],
  [{ from: 5 }, "from must be an object with a seq for each id; got 5."],
  [{ id: "one", from: { one: 1 } }, "from must be left out with an id; got an object."],
  [{ id: undefined, after: 3 }, "after must be left out without an id; got 3."],
  [{ after: 0 }, "after must be left out without an id; got 0."],
])("what is no place is refused: %j", (options, message) => {
  const tasks = managersOn(sharedMemoryStore)();
  expect(() => tasks.watch(ADA, options as never)).toThrow(message);
});
