import { stat } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { memoryStore } from "../../../src/index.ts";
import { answersAfter, arrivesAfter, faultyStore, rejects } from "../../support/faulty-store.ts";
import {
  ADA,
  callOf,
  ended,
  fakeTime,
  gate,
  isPending,
  offloaded,
  onlyTask,
  pass,
  realTime,
  sceneOf,
  soon,
  TIMEOUT_MS,
  typesOf,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

const ids = vi.hoisted(() => ({ made: 0 }));

vi.mock("nanoid", async (load) => {
  const { nanoid } = await load<typeof import("nanoid")>();
  const counted: typeof nanoid = (size) => {
    ids.made += 1;
    return nanoid(size);
  };
  return { nanoid: counted };
});

/** Counts the AbortControllers made from now on. */
function countControllers(): { made: number } {
  const count = { made: 0 };
  class Counted extends AbortController {
    constructor() {
      super();
      count.made += 1;
    }
  }
  vi.stubGlobal("AbortController", Counted);
  return count;
}

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Others than ours may end while a test looks. */
const timersAlive = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

afterEach(() => {
  vi.unstubAllGlobals();
  realTime();
});

describe("rule 1", () => {
  test("rule 1: a call that finishes in time touches no store, makes no id and logs no event", async () => {
    const store = faultyStore(memoryStore());
    const { offload } = sceneOf({ store });
    ids.made = 0;
    const outcome = await offload.run(callOf({ toolCallId: "call-1" }), async (_, { report, write }) => {
      report({ value: 1 });
      write("one");
      return "done";
    });
    expect(outcome).toEqual({ status: "completed", value: "done" });
    expect(store.asked).toEqual([]);
    expect(ids.made).toBe(0);
  });

  test("rule 1: a call that finishes in time creates no AbortController", async () => {
    const { offload } = sceneOf();
    const turn = new AbortController();
    const controllers = countControllers();
    await offload.run(callOf({ signal: turn.signal }), async () => "done");
    expect(controllers.made).toBe(0);
  });

  test("rule 1: a stream that ends in time creates no AbortController", async () => {
    const { offload } = sceneOf();
    const controllers = countControllers();
    const stream = offload.stream(callOf(), async function* () {
      yield "one";
    });
    for await (const chunk of stream) expect(chunk).toBe("one");
    expect(await stream.outcome).toEqual({ status: "completed", value: "one" });
    expect(controllers.made).toBe(0);
  });

  test("rule 1: reading context.signal creates the one AbortController", async () => {
    const { offload } = sceneOf();
    const controllers = countControllers();
    await offload.run(callOf(), (_, context) => expect(context.signal).toBe(context.signal));
    expect(controllers.made).toBe(1);
  });

  test("rule 1: spreading the context counts as reading, and the copy works", async () => {
    const { offload } = sceneOf();
    const controllers = countControllers();
    const outcome = await offload.run(callOf(), (_, context) => {
      const { signal, scope, taskId, report, write } = { ...context };
      report({ value: 1 });
      write("text");
      return { isSignal: signal instanceof AbortSignal, scope, taskId };
    });
    expect(outcome).toMatchObject({ value: { isSignal: true, scope: ADA, taskId: null } });
    expect(controllers.made).toBe(1);
  });

  test("rule 1: handing the signal on as a getter does not count as reading", async () => {
    const { offload } = sceneOf();
    const controllers = countControllers();
    await offload.run(
      callOf(),
      (_, context) =>
        ({
          get abortSignal() {
            return context.signal;
          },
        }).constructor.name,
    );
    expect(controllers.made).toBe(0);
  });
});

describe("rule 2, in real time", () => {
  test("rule 2: a tool that is done when the blocked event loop comes back returns its value", async () => {
    const { offload, tasks } = sceneOf({}, { timeoutMs: 10 });
    const slow = () => new Promise((resolve) => setTimeout(() => resolve("done"), 30));
    const outcome = offload.run(callOf(), slow);
    block(60);
    expect(await outcome).toEqual({ status: "completed", value: "done" });
    expect((await tasks.list(ADA)).tasks).toEqual([]);
  });

  test("rule 2: I/O that is ready when the timer fires counts", async () => {
    const { offload } = sceneOf({}, { timeoutMs: 5 });
    const outcome = offload.run(callOf(), async () => (await stat(".")).isDirectory());
    // Another thread looks, and must get its turn meanwhile.
    block(500);
    expect(await outcome).toEqual({ status: "completed", value: true });
  });

  test("rule 2: nothing keeps the process alive after a fast call", async () => {
    const before = timersAlive();
    const { offload } = sceneOf({}, { timeoutMs: 60_000, tools: { search: { deadlineMs: 60_000 } } });
    await offload.run(callOf(), async () => "done");
    await expect(offload.run(callOf(), () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(timersAlive()).toBeLessThanOrEqual(before);
  });

  test("rule 2: nothing keeps the process alive after a task", async () => {
    const before = timersAlive();
    const { offload, tasks } = sceneOf({}, { timeoutMs: 0, tools: { search: { deadlineMs: 60_000 } } });
    const slow = gate();
    const outcome = await offload.run(callOf(), (_, { report }) => {
      report({ value: 1 });
      return slow.promise;
    });
    slow.resolve("done");
    if (outcome.status === "offloaded") await tasks.wait(ADA, [outcome.task.id]);
    expect(timersAlive()).toBeLessThanOrEqual(before);
  });
});

describe.each(STORES)("the race on $name", ({ makeStore }) => {
  beforeEach(fakeTime);

  test("a slow call is offloaded: the tool goes on, and its result is kept", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore() });
    const slow = gate();
    const outcome = offload.run(callOf(), () => slow.promise);
    await pass(TIMEOUT_MS - 1);
    expect(await isPending(outcome)).toBe(true);
    const task = await offloaded(outcome);
    expect(task).toMatchObject({ status: "running", toolName: "search", sessionId: "s1" });
    slow.resolve("done");
    expect(await ended(tasks, task.id)).toMatchObject({ status: "completed" });
    expect(await soon(tasks.result(ADA, task.id))).toMatchObject({ status: "completed", value: "done" });
  });

  test("rule 2: timers are cleared when the call ends in the foreground", async () => {
    const { offload } = sceneOf({ store: makeStore() }, { tools: { search: { deadlineMs: 5_000 } } });
    await offload.run(callOf(), async () => "done");
    await expect(offload.run(callOf(), () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("rule 2: a call that has finished by the moment the placeholder would go out returns its value", async () => {
    const store = faultyStore(makeStore());
    store.next("insert", answersAfter(50));
    const { offload, tasks } = sceneOf({ store });
    const slow = gate();
    const outcome = offload.run(callOf(), () => slow.promise);
    await pass(TIMEOUT_MS + 20);
    slow.resolve("done");
    expect(await soon(outcome)).toEqual({ status: "completed", value: "done" });
    const { id } = await soon(tasks.list(ADA)).then(({ tasks: [task] }) => task ?? { id: "" });
    const task = await ended(tasks, id);
    expect(task).toMatchObject({ status: "completed", followUp: { status: "dropped", reason: "returned" } });
    expect(await typesOf(tasks, id)).toEqual(["task.started", "task.completed", "follow_up.dropped"]);
  });

  test("rule 2: an error by the moment the placeholder would go out is thrown, and its follow-up dropped", async () => {
    const store = faultyStore(makeStore());
    store.next("insert", arrivesAfter(50));
    const { offload, tasks } = sceneOf({ store });
    const slow = gate();
    const outcome = offload.run(callOf(), () => slow.promise);
    outcome.catch(() => undefined);
    await pass(TIMEOUT_MS + 20);
    slow.reject(new Error("no"));
    await expect(soon(outcome)).rejects.toThrow("no");
    await pass(200);
    expect(await onlyTask(tasks)).toMatchObject({
      status: "failed",
      error: { code: "tool_error", message: "no" },
      followUp: { status: "dropped", reason: "returned" },
    });
  });

  test("rule 7: a store that fails at the moment of offload leaves the call in the foreground", async () => {
    const store = faultyStore(makeStore());
    store.always("insert", rejects);
    const { offload, tasks } = sceneOf({ store });
    const failed = vi.fn();
    tasks.on("store.failed", failed);
    const slow = gate();
    const outcome = offload.run(callOf(), () => slow.promise);
    await pass(TIMEOUT_MS + 50);
    expect(failed.mock.calls[0]?.[0]).toMatchObject({ operation: "insert", error: { code: "store_failed" } });
    slow.resolve("done");
    expect(await soon(outcome)).toEqual({ status: "completed", value: "done" });
  });
});
