import { getEventListeners } from "node:events";
import { stat } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BackgroundTaskManager, memoryStore, ToolOffloadMiddleware } from "../../src/index.ts";
import { answersAfter, arrivesAfter, faultyStore, neverAnswers, rejects } from "../support/faulty-store.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  isPending,
  obedient,
  offloaded,
  onlyTask,
  pass,
  read,
  sceneOf,
  soon,
  stubborn,
  TIMEOUT_MS,
  typesOf,
} from "../support/scene.ts";
import { STORES } from "../support/stores.ts";

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
  vi.useRealTimers();
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
  beforeEach(() => void vi.useFakeTimers());

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

  describe("rule 3", () => {
    test("rule 3: the tool never gets the turn's own signal", async () => {
      const { offload } = sceneOf({ store: makeStore() });
      const turn = new AbortController();
      await offload.run(callOf({ signal: turn.signal }), (_, { signal }) => {
        expect(signal).not.toBe(turn.signal);
      });
    });

    test("rule 3: aborting the turn in the foreground aborts the tool, with the turn's reason", async () => {
      const { offload } = sceneOf({ store: makeStore() });
      const turn = new AbortController();
      let reason: unknown;
      const outcome = offload.run(callOf({ signal: turn.signal }), (_, { signal }) => {
        signal.addEventListener("abort", () => {
          reason = signal.reason;
        });
        return stubborn();
      });
      const stop = new Error("The user pressed stop.");
      turn.abort(stop);
      await expect(outcome).rejects.toBe(stop);
      expect(reason).toBe(stop);
    });

    test("rule 3: a signal that is read for the first time after the abort is aborted", async () => {
      const { offload } = sceneOf({ store: makeStore() });
      const turn = new AbortController();
      const slow = gate();
      let isAborted: boolean | undefined;
      const outcome = offload.run(callOf({ signal: turn.signal }), async (_, context) => {
        await slow.promise;
        isAborted = context.signal.aborted;
      });
      turn.abort();
      await expect(outcome).rejects.toMatchObject({ name: "AbortError" });
      slow.resolve("go");
      await pass(10);
      expect(isAborted).toBe(true);
    });

    test("rule 3: once offloaded, the turn's abort does not touch the tool", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore() });
      const turn = new AbortController();
      const slow = gate();
      let seen: AbortSignal | undefined;
      const task = await offloaded(
        offload.run(callOf({ signal: turn.signal }), (_, { signal }) => {
          seen = signal;
          return slow.promise;
        }),
      );
      turn.abort();
      await pass(5_000);
      expect(seen?.aborted).toBe(false);
      expect(await read(tasks, task.id)).toMatchObject({ status: "running", cancel: null });
      slow.resolve("done");
      expect(await ended(tasks, task.id)).toMatchObject({ status: "completed" });
    });

    test("rule 3: once offloaded, a cancel aborts the tool", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore() });
      const task = await offloaded(offload.run(callOf(), obedient));
      await soon(tasks.cancel(ADA, task.id));
      expect(await ended(tasks, task.id, { withinMs: 200 })).toMatchObject({ status: "cancelled" });
    });

    test("rule 3: once offloaded, the deadline aborts the tool", async () => {
      const { offload } = sceneOf({ store: makeStore() }, { tools: { search: { deadlineMs: 500 } } });
      const aborted = vi.fn();
      await offloaded(
        offload.run(callOf(), (_, { signal }) => {
          signal.addEventListener("abort", aborted);
          return stubborn();
        }),
      );
      expect(aborted).not.toHaveBeenCalled();
      await pass(500);
      expect(aborted).toHaveBeenCalledOnce();
    });

    test("rule 3: once offloaded, shutdown aborts the tool", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore() });
      const aborted = vi.fn();
      await offloaded(
        offload.run(callOf(), (_, { signal }) => {
          signal.addEventListener("abort", aborted);
          return stubborn();
        }),
      );
      await soon(tasks.close({ drainMs: 0 }), 10_000);
      expect(aborted).toHaveBeenCalledOnce();
    });

    test("rule 3: no listener stays on a long-lived turn signal", async () => {
      const { offload } = sceneOf({ store: makeStore() });
      const turn = new AbortController();
      const call = callOf({ signal: turn.signal });
      await offload.run(call, async () => "done");
      await expect(offload.run(call, () => Promise.reject(new Error("no")))).rejects.toThrow();
      await offloaded(offload.run(call, stubborn));
      await offloaded(offload.run({ ...call, background: true }, stubborn));
      expect(getEventListeners(turn.signal, "abort")).toEqual([]);
    });
  });

  describe("rule 4", () => {
    test("rule 4: aborting the turn in the foreground rejects the call at once", async () => {
      const { offload } = sceneOf({ store: makeStore() });
      const turn = new AbortController();
      const outcome = offload.run(callOf({ signal: turn.signal }), stubborn);
      turn.abort("stop");
      await expect(outcome).rejects.toBe("stop");
    });

    test("rule 4: a turn that is over already starts nothing", async () => {
      const { offload } = sceneOf({ store: makeStore() });
      const tool = vi.fn(async () => "done");
      const call = callOf({ signal: AbortSignal.abort("over") });
      await expect(offload.run(call, tool)).rejects.toBe("over");
      await expect(offload.run({ ...call, background: true }, tool)).rejects.toBe("over");
      expect(tool).not.toHaveBeenCalled();
    });

    test("rule 4: a tool that stops within one pass of the loop leaves no task", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore() });
      const turn = new AbortController();
      const outcome = offload.run(callOf({ signal: turn.signal }), obedient);
      turn.abort();
      await expect(outcome).rejects.toMatchObject({ name: "AbortError" });
      await pass(10_000);
      expect((await soon(tasks.list(ADA))).tasks).toEqual([]);
    });

    test("rule 4: a tool that does not stop becomes a task, cancelled by the turn", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore() });
      const turn = new AbortController();
      const outcome = offload.run(callOf({ signal: turn.signal }), stubborn);
      outcome.catch(() => undefined);
      await pass(50);
      const at = Date.now();
      turn.abort();
      await pass(20);
      const task = await onlyTask(tasks);
      expect(task).toMatchObject({ status: "running", startedAt: at - 50, cancel: { at, by: "turn" } });
      expect(await typesOf(tasks, task.id)).toEqual(["task.started", "task.cancel_requested"]);
      const end = await ended(tasks, task.id);
      expect(end).toMatchObject({
        status: "cancelled",
        cancel: { by: "turn" },
        followUp: { status: "pending" },
      });
    });

    test("rule 4: its grace counts from the abort, however long the store takes", async () => {
      const store = faultyStore(makeStore());
      store.next("insert", arrivesAfter(1_500));
      const { offload, tasks } = sceneOf({ store });
      const turn = new AbortController();
      const outcome = offload.run(callOf({ signal: turn.signal }), stubborn);
      outcome.catch(() => undefined);
      turn.abort();
      const at = Date.now();
      await pass(1_600);
      const { id } = await onlyTask(tasks);
      const { completedAt } = await ended(tasks, id);
      expect((completedAt ?? 0) - at).toBeGreaterThanOrEqual(2_000);
      expect((completedAt ?? 0) - at).toBeLessThan(2_050);
    });

    test("rule 4: it is exempt from limits", async () => {
      const limits = { running: 1, runningPerUser: 1, runningPerSession: 1 };
      const { offload, tasks } = sceneOf({ store: makeStore(), limits, exclusive: "session" });
      await offloaded(offload.run(callOf(), stubborn));
      const turn = new AbortController();
      const outcome = offload.run(callOf({ signal: turn.signal, toolName: "other" }), stubborn);
      outcome.catch(() => undefined);
      await pass(300);
      turn.abort();
      await pass(50);
      const { tasks: all } = await soon(tasks.list(ADA));
      expect(all.map(({ toolName, cancel }) => [toolName, cancel?.by])).toEqual([
        ["other", "turn"],
        ["search", undefined],
      ]);
    });

    test("rule 4: a turn that is aborted while its task is being written cancels it too", async () => {
      const store = faultyStore(makeStore());
      store.next("insert", answersAfter(200));
      const { offload, tasks } = sceneOf({ store });
      const turn = new AbortController();
      const outcome = offload.run(callOf({ signal: turn.signal }), stubborn);
      outcome.catch(() => undefined);
      await pass(TIMEOUT_MS + 50);
      turn.abort("stop");
      await expect(outcome).rejects.toBe("stop");
      await pass(300);
      const { id } = await onlyTask(tasks);
      expect(await ended(tasks, id)).toMatchObject({ status: "cancelled", cancel: { by: "turn" } });
    });

    test('rule 4: onTurnAbort: "offload" keeps the tool running as a task', async () => {
      const { offload, tasks } = sceneOf({ store: makeStore() }, { onTurnAbort: "offload" });
      const turn = new AbortController();
      const slow = gate();
      let seen: AbortSignal | undefined;
      const outcome = offload.run(callOf({ signal: turn.signal }), (_, { signal }) => {
        seen = signal;
        return slow.promise;
      });
      turn.abort("stop");
      await expect(outcome).rejects.toBe("stop");
      await pass(5_000);
      expect(seen?.aborted).toBe(false);
      const { id } = await onlyTask(tasks);
      slow.resolve("done");
      expect(await ended(tasks, id)).toMatchObject({
        status: "completed",
        cancel: null,
        followUp: { status: "pending" },
      });
    });

    test("rule 4: a turn that is aborted before its background task is written starts no tool later", async () => {
      const store = faultyStore(makeStore());
      store.next("insert", neverAnswers);
      const { offload } = sceneOf({ store });
      const turn = new AbortController();
      const tool = vi.fn(async () => "done");
      const outcome = offload.run(callOf({ signal: turn.signal, background: true }), tool);
      outcome.catch(() => undefined);
      await pass(500);
      turn.abort("stop");
      await pass(10_000);
      await expect(soon(outcome)).rejects.toBe("stop");
      expect(tool).not.toHaveBeenCalled();
    });

    test("rule 4: a second turn that waits for the same call is not aborted with the first", async () => {
      const { offload } = sceneOf({ store: makeStore() });
      const turn = new AbortController();
      const slow = gate();
      const call = callOf({ toolCallId: "call-1" });
      const first = offload.run({ ...call, signal: turn.signal }, () => slow.promise);
      const second = offload.run(call, () => Promise.reject(new Error("It must join.")));
      turn.abort("stop");
      await expect(first).rejects.toBe("stop");
      slow.resolve("done");
      expect(await soon(second)).toEqual({ status: "completed", value: "done" });
    });
  });

  describe("rule 6", () => {
    test("rule 6: timeoutMs 0 offloads at once", async () => {
      const { offload } = sceneOf({ store: makeStore() }, { timeoutMs: 0 });
      const outcome = offload.run(callOf(), stubborn);
      await pass(20);
      expect(await isPending(outcome)).toBe(false);
      expect(await outcome).toMatchObject({ status: "offloaded" });
    });

    test("rule 6: timeoutMs Infinity never offloads", async () => {
      const { offload } = sceneOf({ store: makeStore() }, { timeoutMs: Number.POSITIVE_INFINITY });
      const slow = gate();
      const outcome = offload.run(callOf(), () => slow.promise);
      expect(vi.getTimerCount()).toBe(0);
      await pass(2 ** 33);
      slow.resolve("done");
      expect(await outcome).toEqual({ status: "completed", value: "done" });
    });

    test("rule 6: timeoutMs above 2^31-1 waits that long", async () => {
      const { offload } = sceneOf({ store: makeStore() }, { timeoutMs: 2 ** 32 });
      const outcome = offload.run(callOf(), stubborn);
      await pass(2 ** 32 - 1);
      expect(await isPending(outcome)).toBe(true);
      expect(await soon(outcome)).toMatchObject({ status: "offloaded" });
    });

    test.each([Number.NaN, -1, Number.NEGATIVE_INFINITY])(
      "rule 6: timeoutMs %s throws at construction",
      (bad) => {
        const tasks = new BackgroundTaskManager({ store: makeStore() });
        const build = (options: object) => () => new ToolOffloadMiddleware({ tasks, ...options });
        expect(build({ timeoutMs: bad })).toThrow(expect.objectContaining({ code: "invalid_option" }));
        expect(build({ timeoutMs: bad })).toThrow(new RegExp(`timeoutMs.*${bad}`));
        expect(build({ tools: { search: { timeoutMs: bad } } })).toThrow(
          new RegExp(`tools\\.search\\.timeoutMs.*${bad}`),
        );
      },
    );

    test.each([Number.NaN, -1, "5", undefined])(
      "rule 6: %s from a policy falls back to the default, with an event",
      async (bad) => {
        const policy = { timeoutMs: () => bad as number };
        const { offload, tasks } = sceneOf({ store: makeStore() }, { timeoutMs: policy });
        const failed = vi.fn();
        tasks.on("policy.failed", failed);
        const outcome = offload.run(callOf(), stubborn);
        await pass(9_999);
        expect(await isPending(outcome)).toBe(true);
        expect(failed).toHaveBeenCalledOnce();
        expect(failed.mock.calls[0]?.[0]).toMatchObject({ toolName: "search" });
        expect(await soon(outcome)).toMatchObject({ status: "offloaded" });
      },
    );
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
