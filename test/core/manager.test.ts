import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  BackgroundTaskManager,
  type BackgroundTaskManagerOptions,
  type Clock,
  memoryStore,
  type TaskInfo,
  TaskOffloadError,
  type Watched,
} from "../../src/index.ts";
import { answersAfter, faultyStore } from "../support/faulty-store.ts";
import { restlessStore, seeded } from "../support/restless-store.ts";
import {
  ADA,
  BOB,
  callOf,
  ended,
  type Gate,
  gate,
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
  typesOf,
} from "../support/scene.ts";
import { STORES } from "../support/stores.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("options", () => {
  const bad: [options: object, option: string, shown: string][] = [
    [{ limits: { running: 0 } }, "limits.running", "0"],
    [{ limits: { runningPerUser: 1.5 } }, "limits.runningPerUser", "1.5"],
    [{ limits: { runningPerSession: Number.NaN } }, "limits.runningPerSession", "NaN"],
    [{ limits: { queuedPerUser: -1 } }, "limits.queuedPerUser", "-1"],
    [{ limits: 5 }, "limits", "5"],
    [{ retention: { finishedPerUser: -1 } }, "retention.finishedPerUser", "-1"],
    [{ retention: { finishedTtlMs: "1d" } }, "retention.finishedTtlMs", '"1d"'],
    [{ retention: { followUpTtlMs: -5 } }, "retention.followUpTtlMs", "-5"],
    [{ retention: { followUpsPerUser: 0.5 } }, "retention.followUpsPerUser", "0.5"],
    [{ maxResultBytes: 0 }, "maxResultBytes", "0"],
    [{ cancelGraceMs: Number.NaN }, "cancelGraceMs", "NaN"],
    [{ storeTimeoutMs: -1 }, "storeTimeoutMs", "-1"],
    [{ exclusive: "user" }, "exclusive", '"user"'],
    [{ followUps: "yes" }, "followUps", '"yes"'],
    [{ redact: 5 }, "redact", "5"],
    [{ store: {} }, "store", "an object"],
    [{ clock: {} }, "clock", "an object"],
  ];

  test.each(bad)("%j is refused, naming %s and %s", (options, option, shown) => {
    const build = () => new BackgroundTaskManager(options as BackgroundTaskManagerOptions);
    expect(build).toThrow(expect.objectContaining({ code: "invalid_option" }));
    expect(build).toThrow(option);
    expect(build).toThrow(shown);
  });

  test("an option that is undefined is one that is not given", () => {
    const options: object = { limits: { running: undefined }, cancelGraceMs: undefined };
    expect(() => new BackgroundTaskManager(options)).not.toThrow();
  });

  test("an error is recognized across duplicate installs", () => {
    class Copy extends Error {
      readonly code = "closed";
    }
    const copy = Object.assign(new Copy("closed"), { [Symbol.for("tool-offload.error")]: true });
    expect(TaskOffloadError.isInstance(copy)).toBe(true);
    expect(TaskOffloadError.isInstance(new TaskOffloadError("closed", "closed"))).toBe(true);
    for (const other of [new Error("no"), null, undefined, "closed", { code: "closed" }]) {
      expect(TaskOffloadError.isInstance(other)).toBe(false);
    }
  });
});

describe("a clock of one's own", () => {
  /** As hosts write one: with private state, so that its methods need their `this`. */
  class HostClock implements Clock {
    readonly #real = globalThis;
    now = () => this.#real.Date.now();
    setTimeout(callback: () => void, ms: number) {
      return this.#real.setTimeout(callback, ms);
    }
    clearTimeout(handle: unknown) {
      this.#real.clearTimeout(handle as ReturnType<typeof setTimeout>);
    }
    nextPass(callback: () => void) {
      this.#real.setImmediate(callback);
    }
  }

  test("wait and close work with it", async () => {
    const { offload, tasks } = sceneOf({ clock: new HostClock() });
    const slow = gate();
    const { id } = await offloaded(offload.run(callOf(), () => slow.promise));
    expect(await soon(tasks.wait(ADA, [id], { timeoutMs: 50 }))).toMatchObject([{ status: "running" }]);
    slow.resolve("done");
    expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
    await offloaded(offload.run(callOf(), stubborn));
    await soon(tasks.close({ drainMs: 50 }), 5_000);
  });
});

describe.each(STORES)("the manager on $name", ({ makeStore }) => {
  const managerOf = (options: BackgroundTaskManagerOptions = {}) =>
    new BackgroundTaskManager({ store: makeStore(), ...options });

  /** Starts tasks one after the other, each with its gate. */
  async function startAll(tasks: BackgroundTaskManager, count: number, scope = ADA, options = {}) {
    const started: { id: string; gate: Gate<string> }[] = [];
    for (let index = 0; index < count; index += 1) {
      const slow = gate();
      const call = callOf({ scope, toolName: `tool${index}`, input: index });
      const { id } = await soon(tasks.start(call, () => slow.promise, options));
      await pass(1);
      started.push({ id, gate: slow });
    }
    return started;
  }

  describe("start", () => {
    test("runs a tool from the first moment, in the background", async () => {
      const tasks = managerOf();
      const at = Date.now();
      const call = callOf({
        toolCallId: "call-1",
        metadata: { channel: "c1" },
        scope: { ...ADA, agentId: "a1" },
      });
      const task = await soon(tasks.start(call, async () => "done", { priority: 5 }));
      expect(task).toMatchObject({
        toolName: "search",
        toolCallId: "call-1",
        sessionId: "s1",
        agentId: "a1",
        summary: 'search(query="cats")',
        priority: 5,
        metadata: { channel: "c1" },
        error: null,
        cancel: null,
        completedAt: null,
      });
      expect(task.id).toMatch(/^[\w-]{21}$/);
      expect(task.createdAt).toBeGreaterThanOrEqual(at);
      expect(await ended(tasks, task.id)).toMatchObject({ status: "completed", metadata: { channel: "c1" } });
      expect(await typesOf(tasks, task.id)).toEqual(["task.queued", "task.started", "task.completed"]);
    });

    test("the tool knows its task and its scope", async () => {
      const tasks = managerOf();
      const seen = gate<unknown>();
      const { id } = await soon(
        tasks.start(callOf(), (input, { taskId, scope }) => seen.resolve({ input, taskId, scope })),
      );
      expect(await soon(seen.promise)).toEqual({ input: { query: "cats" }, taskId: id, scope: ADA });
    });

    test.each([
      [{ scope: { userId: "" } }, "scope.userId"],
      [{ scope: { userId: "ada", sessionId: "" } }, "scope.sessionId"],
      [{ scope: { userId: "ada", agentId: "" } }, "scope.agentId"],
      [{ scope: { userId: "ada", session_id: "s1" } }, "scope.session_id is no part of a scope"],
      [{ toolName: "" }, "toolName"],
      [{ toolCallId: "" }, "toolCallId"],
      [{ metadata: { big: "x".repeat(20_000) } }, "metadata"],
      [{ metadata: { one: 1n } }, "metadata"],
    ])("%o is refused as invalid_input", async (fields, field) => {
      const tasks = managerOf();
      await expect(tasks.start(callOf(fields), stubborn)).rejects.toMatchObject({
        code: "invalid_input",
        message: expect.stringContaining(field),
      });
    });

    test.each([0, 11, 1.5, Number.NaN])("priority %s is refused", async (priority) => {
      const start = managerOf().start(callOf(), stubborn, { priority });
      await expect(start).rejects.toMatchObject({ code: "invalid_input", message: /priority.*1 to 10/ });
    });

    test("metadata is a copy: what the host does with its own later is its own", async () => {
      const tasks = managerOf();
      const metadata = { list: [1] };
      const task = await soon(tasks.start(callOf({ metadata }), stubborn));
      metadata.list.push(2);
      Object.assign(task.metadata ?? {}, { list: [3] });
      expect((await read(tasks, task.id)).metadata).toEqual({ list: [1] });
    });
  });

  describe("adopt", () => {
    test("makes a task of what runs already, and counts from its start", async () => {
      const tasks = managerOf();
      const slow = gate();
      const startedAt = Date.now() - 300;
      const abort = vi.fn();
      const task = await soon(tasks.adopt(callOf(), { promise: slow.promise, abort, startedAt }));
      expect(task).toMatchObject({ status: "running", startedAt });
      slow.resolve("done");
      expect(await ended(tasks, task.id)).toMatchObject({ status: "completed" });
      expect(await soon(tasks.result(ADA, task.id))).toMatchObject({ value: "done" });
      expect(abort).not.toHaveBeenCalled();
    });

    test("cancel reaches it, and an abort that throws harms nobody", async () => {
      const tasks = managerOf();
      const abort = vi.fn(() => {
        throw new Error("no");
      });
      const outside = { promise: stubborn(), abort, startedAt: Date.now() };
      const { id } = await soon(tasks.adopt(callOf(), outside));
      await soon(tasks.cancel(ADA, id));
      expect(abort).toHaveBeenCalledOnce();
      expect(await ended(tasks, id)).toMatchObject({ status: "cancelled" });
    });

    test("its deadline counts from its start", async () => {
      const tasks = managerOf();
      const outside = { promise: stubborn(), abort: vi.fn(), startedAt: Date.now() - 800 };
      const { id } = await soon(tasks.adopt(callOf(), outside, { deadlineMs: 1_000 }));
      await pass(250);
      expect(await read(tasks, id)).toMatchObject({ status: "failed", error: { code: "deadline_exceeded" } });
    });

    test("above a running limit it is refused as overloaded", async () => {
      const outside = () => ({ promise: stubborn(), abort: vi.fn(), startedAt: Date.now() });
      for (const limits of [{ running: 1 }, { runningPerUser: 1 }, { runningPerSession: 1 }]) {
        const tasks = managerOf({ limits });
        await soon(tasks.adopt(callOf(), outside()));
        await expect(soon(tasks.adopt(callOf({ toolName: "b" }), outside()))).rejects.toMatchObject({
          code: "overloaded",
        });
      }
    });
  });

  describe("list", () => {
    test("pages through all of a scope, newest first, each once", async () => {
      const tasks = managerOf();
      const ids: string[] = [];
      for (let index = 0; index < 7; index += 1) {
        ids.unshift((await soon(tasks.start(callOf({ input: index }), stubborn))).id);
        await pass(1);
      }
      const seen: string[] = [];
      let cursor: string | null | undefined;
      do {
        const page = await soon(tasks.list(ADA, { limit: 3, ...(cursor ? { cursor } : {}) }));
        expect(page.tasks.length).toBeLessThanOrEqual(3);
        seen.push(...page.tasks.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(seen).toEqual(ids);
    });

    test("pages through tasks of the same instant without loss", async () => {
      const tasks = managerOf();
      const now = Date.now();
      vi.setSystemTime(now);
      const ids = await soon(
        Promise.all([1, 2, 3, 4, 5].map((input) => tasks.start(callOf({ input }), stubborn))),
      );
      const first = await soon(tasks.list(ADA, { limit: 2 }));
      const second = await soon(tasks.list(ADA, { limit: 9, cursor: first.nextCursor ?? "" }));
      const seen = [...first.tasks, ...second.tasks].map(({ id }) => id);
      expect([...seen].sort()).toEqual(ids.map(({ id }) => id).sort());
      expect(second.nextCursor).toBeNull();
    });

    test("a scope with a session sees that session, one without sees all of the user's, nobody another's", async () => {
      const tasks = managerOf();
      const other = { ...ADA, sessionId: "s2" };
      await startAll(tasks, 2);
      await startAll(tasks, 1, other);
      await startAll(tasks, 1, BOB);
      const count = async (scope: { userId: string }) => (await soon(tasks.list(scope))).tasks.length;
      expect(await count(ADA)).toBe(2);
      expect(await count(other)).toBe(1);
      expect(await count({ userId: "ada" })).toBe(3);
      expect(await count(BOB)).toBe(1);
      expect(await count({ userId: "eve" })).toBe(0);
    });

    test("agentId is a label, not a boundary", async () => {
      const tasks = managerOf();
      await soon(tasks.start(callOf({ scope: { ...ADA, agentId: "a1" } }), stubborn));
      expect((await soon(tasks.list({ ...ADA, agentId: "a2" }))).tasks).toHaveLength(1);
    });

    test("by status", async () => {
      const tasks = managerOf({ limits: { runningPerSession: 1 } });
      const [first] = await startAll(tasks, 3);
      first?.gate.resolve("done");
      await ended(tasks, first?.id ?? "");
      await pass(20);
      const names = async (status: TaskInfo["status"] | TaskInfo["status"][]) =>
        (await soon(tasks.list(ADA, { status }))).tasks.map(({ toolName }) => toolName);
      expect(await names("completed")).toEqual(["tool0"]);
      expect(await names("running")).toEqual(["tool1"]);
      expect(await names(["queued", "running"])).toEqual(["tool2", "tool1"]);
    });

    test.each([
      { limit: 0 },
      { limit: 501 },
      { limit: 1.5 },
      { cursor: "" },
      { cursor: "x" },
      { status: "done" },
      { status: ["running", "done"] },
    ])("%o is refused as invalid_input", async (query) => {
      await expect(managerOf().list(ADA, query as object)).rejects.toMatchObject({ code: "invalid_input" });
    });
  });

  test("get, result, events, cancel and wait: foreign and missing are the same answer", async () => {
    const tasks = managerOf();
    const { id } = await soon(tasks.start(callOf(), async () => "done"));
    await ended(tasks, id);
    for (const [scope, known] of [
      [BOB, id],
      [{ ...ADA, sessionId: "s2" }, id],
      [ADA, "missing"],
    ] as const) {
      expect(await soon(tasks.get(scope, known))).toBeUndefined();
      expect(await soon(tasks.result(scope, known))).toBeUndefined();
      expect(await soon(tasks.events(scope, known))).toEqual({ events: [], nextAfter: 0, truncated: false });
      expect(await soon(tasks.cancel(scope, known))).toBeUndefined();
      expect(await soon(tasks.wait(scope, [known]))).toEqual([undefined]);
    }
  });

  describe("result", () => {
    test("is undefined until the task has finished, and says how it ended", async () => {
      const tasks = managerOf();
      const [one, two, three] = await startAll(tasks, 3);
      expect(await soon(tasks.result(ADA, one?.id ?? ""))).toBeUndefined();
      one?.gate.resolve("done");
      two?.gate.reject(new Error("no"));
      await soon(tasks.cancel(ADA, three?.id ?? "", { by: "user", reason: "no need" }));
      const results = [];
      for (const { id } of [one, two, three].map((task) => task ?? { id: "" })) {
        await ended(tasks, id);
        results.push(await soon(tasks.result(ADA, id)));
      }
      expect(results).toEqual([
        { status: "completed", value: "done", truncated: null, lossy: [] },
        { status: "failed", error: { code: "tool_error", message: "no" } },
        { status: "cancelled", by: "user", reason: "no need" },
      ]);
    });

    test("ranges through the kept text", async () => {
      const tasks = managerOf();
      const { id } = await soon(tasks.start(callOf(), async () => "abcdef"));
      await ended(tasks, id);
      expect(await soon(tasks.result(ADA, id, { offset: 2, limit: 3 }))).toMatchObject({ value: "cde" });
      await expect(tasks.result(ADA, id, { offset: -1 })).rejects.toMatchObject({ code: "invalid_input" });
    });

    test("rule 13: what JSON cannot carry becomes a marker, and its path stands in lossy", async () => {
      const tasks = managerOf();
      const { id } = await soon(tasks.start(callOf(), async () => ({ sum: 1n, list: [Number.NaN], ok: 1 })));
      await ended(tasks, id);
      expect(await soon(tasks.result(ADA, id))).toEqual({
        status: "completed",
        value: { sum: "[BigInt 1]", list: ["[NaN]"], ok: 1 },
        truncated: null,
        lossy: ["/sum", "/list/0"],
      });
    });
  });

  describe("events", () => {
    test("rule 11: seq counts from 1 without gaps, and after reads on", async () => {
      const tasks = managerOf();
      const slow = gate();
      const { id } = await soon(
        tasks.start(callOf(), async (_, { report, write }) => {
          for (let value = 1; value <= 5; value += 1) {
            report({ value, total: 5 });
            write(`${value};`);
            await new Promise((resolve) => setTimeout(resolve, 200));
          }
          return slow.promise;
        }),
      );
      await pass(2_000);
      slow.resolve("done");
      const task = await ended(tasks, id);
      const log = await logOf(tasks, id);
      expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
      expect(log.every(({ taskId }) => taskId === id)).toBe(true);
      expect(task).toMatchObject({ lastSeq: log.length, progress: { value: 5, total: 5 } });
      const chunks = log.map((event) => (event.type === "task.output" ? event.chunk : ""));
      expect(chunks.join("")).toBe("1;2;3;4;5;");
      const page = await soon(tasks.events(ADA, id, { after: 3, limit: 2 }));
      expect(page).toEqual({ events: log.slice(3, 5), nextAfter: 5, truncated: false });
    });

    test("rule 11: a flood of progress is coalesced before a seq is assigned", async () => {
      const tasks = managerOf();
      const { id } = await soon(
        tasks.start(callOf(), async (_, { report }) => {
          for (let value = 1; value <= 100_000; value += 1) report({ value });
        }),
      );
      await ended(tasks, id);
      const log = await logOf(tasks, id);
      expect(log.length).toBeLessThan(10);
      expect(log.findLast(({ type }) => type === "task.progress")).toMatchObject({
        progress: { value: 100_000 },
      });
    });

    test("rule 11: the log is a ring, and a reader that asks for what is gone is told so", async () => {
      const tasks = managerOf();
      const { id } = await soon(
        tasks.start(callOf(), async (_, { write }) => {
          for (let chunk = 0; chunk < 12; chunk += 1) {
            write("x".repeat(40 * 1024));
            await new Promise((resolve) => setTimeout(resolve, 200));
          }
        }),
      );
      await ended(tasks, id);
      const page = await soon(tasks.events(ADA, id));
      expect(page.truncated).toBe(true);
      expect(page.events[0]?.seq).toBeGreaterThan(1);
      expect(page.events.at(-1)).toMatchObject({ seq: page.nextAfter, type: "task.completed" });
      expect(JSON.stringify(page.events).length).toBeLessThan(300 * 1024);
      const rest = await soon(tasks.events(ADA, id, { after: (page.events[0]?.seq ?? 0) - 1 }));
      expect(rest).toMatchObject({ truncated: false, events: page.events });
      const watched: Watched[] = [];
      const watch = async () => {
        for await (const one of tasks.watch(ADA, { id })) watched.push(one);
      };
      await soon(watch());
      expect(watched.map(({ event }) => event)).toEqual(page.events);
      expect(watched.map(({ truncated }) => truncated)).toEqual(page.events.map((_, index) => index === 0));
    });

    test("what was reported before the offload is there too, bounded", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore() });
      const { id } = await offloaded(
        offload.run(callOf(), (_, { report, write }) => {
          for (let chunk = 0; chunk < 1_000; chunk += 1) write("x".repeat(1_024));
          write("the end");
          report({ value: 1, message: "on it" });
          return stubborn();
        }),
      );
      const log = await logOf(tasks, id);
      expect(log.map(({ type }) => type)).toEqual(["task.started", "task.output", "task.progress"]);
      expect(JSON.stringify(log).length).toBeLessThan(256 * 1024);
      expect(log[1]).toMatchObject({ chunk: expect.stringMatching(/the end$/) });
      expect(await read(tasks, id)).toMatchObject({ progress: { value: 1, message: "on it" } });
    });

    test("output that is cut holds no half of a code point", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore() });
      const { id } = await offloaded(
        offload.run(callOf(), (_, { write }) => {
          write("😀".repeat(40_000));
          write("!");
          return stubborn();
        }),
      );
      for (const event of await logOf(tasks, id)) {
        if (event.type === "task.output") expect(event.chunk).not.toMatch(/\p{Cs}/u);
      }
    });
  });

  describe("on, once, off", () => {
    test("listeners hear each event once, with its scope, task and event", async () => {
      const tasks = managerOf();
      const heard: string[] = [];
      tasks.on("task.queued", ({ event }) => heard.push(`${event.seq} queued`));
      tasks.on("task.started", ({ task }) => heard.push(task.status));
      tasks.on("task.completed", ({ scope, task, event }) => {
        heard.push(`${scope.userId} ${scope.sessionId} ${task.status} ${event.seq}`);
      });
      const { id } = await soon(tasks.start(callOf(), async () => "done"));
      await ended(tasks, id);
      await pass(10);
      expect(heard).toEqual(["1 queued", "running", "ada s1 completed 3"]);
    });

    test("the result is there before anyone is told of it", async () => {
      const tasks = managerOf();
      const told = gate<unknown>();
      tasks.on("task.completed", async ({ scope, task }) => told.resolve(await tasks.result(scope, task.id)));
      await soon(tasks.start(callOf(), async () => "done"));
      expect(await soon(told.promise)).toMatchObject({ value: "done" });
    });

    test("a listener that throws, now or later, harms nobody", async () => {
      const tasks = managerOf();
      const other = vi.fn();
      tasks.on("task.completed", () => {
        throw new Error("now");
      });
      tasks.on("task.completed", (async () => {
        throw new Error("later");
      }) as () => void);
      tasks.on("task.completed", other);
      const { id } = await soon(tasks.start(callOf(), async () => "done"));
      expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
      expect(other).toHaveBeenCalledOnce();
    });

    test("once hears one, off hears no more", async () => {
      const tasks = managerOf();
      const [once, off, on] = [vi.fn(), vi.fn(), vi.fn()];
      tasks.once("task.completed", once).on("task.completed", off).on("task.completed", on);
      tasks.off("task.completed", off);
      for (const input of [1, 2]) {
        const { id } = await soon(tasks.start(callOf({ input }), async () => "done"));
        await ended(tasks, id);
      }
      expect([once, off, on].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 2]);
    });
  });

  describe("watch", () => {
    /** Everything a watch tells, as it comes. */
    function recordOf(watched: AsyncIterable<Watched>) {
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
  });

  describe("wait", () => {
    test("all: in the order of ids, once every one has finished", async () => {
      const tasks = managerOf();
      const [one, two] = await startAll(tasks, 2);
      const waiting = tasks.wait(ADA, [two?.id ?? "", one?.id ?? "", "missing"]);
      one?.gate.resolve("one");
      await pass(100);
      expect(await isPending(waiting)).toBe(true);
      two?.gate.reject(new Error("two"));
      expect(await soon(waiting)).toMatchObject([
        { id: two?.id, status: "failed" },
        { id: one?.id, status: "completed" },
        undefined,
      ]);
    });

    test("any: once one has finished, with the others as they stand", async () => {
      const tasks = managerOf();
      const [one, two] = await startAll(tasks, 2);
      const waiting = tasks.wait(ADA, [one?.id ?? "", two?.id ?? ""], { mode: "any" });
      await pass(100);
      expect(await isPending(waiting)).toBe(true);
      two?.gate.resolve("two");
      expect(await soon(waiting)).toMatchObject([{ status: "running" }, { status: "completed" }]);
    });

    test("what it answers at its timeout is as new as what get answers", async () => {
      const tasks = managerOf();
      const { id } = await soon(
        tasks.start(callOf(), async (_, { report }) => {
          await new Promise((resolve) => setTimeout(resolve, 100));
          report({ value: 7 });
          return stubborn();
        }),
      );
      const waiting = tasks.wait(ADA, [id], { timeoutMs: 500 });
      await pass(550);
      expect(await soon(waiting)).toMatchObject([{ progress: { value: 7 } }]);
    });

    test("timeoutMs resolves with things as they stand", async () => {
      const tasks = managerOf();
      const [one] = await startAll(tasks, 1);
      const waiting = tasks.wait(ADA, [one?.id ?? ""], { timeoutMs: 500 });
      await pass(490);
      expect(await isPending(waiting)).toBe(true);
      expect(await soon(waiting)).toMatchObject([{ status: "running" }]);
      expect(await soon(tasks.wait(ADA, [one?.id ?? ""], { timeoutMs: 0 }))).toMatchObject([
        { status: "running" },
      ]);
    });

    test("signal rejects with its reason and leaves nothing behind", async () => {
      const tasks = managerOf();
      const [one] = await startAll(tasks, 1);
      await pass(10);
      const timers = vi.getTimerCount();
      const stop = new AbortController();
      const waiting = tasks.wait(ADA, [one?.id ?? ""], { signal: stop.signal, timeoutMs: 60_000 });
      waiting.catch(() => undefined);
      await pass(50);
      stop.abort("stop");
      await expect(waiting).rejects.toBe("stop");
      await pass(10);
      expect(vi.getTimerCount()).toBe(timers);
      await expect(tasks.wait(ADA, ["x"], { signal: stop.signal })).rejects.toBe("stop");
    });

    test("no ids are no wait; bad options are refused", async () => {
      const tasks = managerOf();
      expect(await tasks.wait(ADA, [])).toEqual([]);
      expect(await tasks.wait(ADA, [], { mode: "any" })).toEqual([]);
      for (const options of [{ timeoutMs: -1 }, { timeoutMs: Number.NaN }, { mode: "some" as "any" }]) {
        await expect(tasks.wait(ADA, ["x"], options)).rejects.toMatchObject({ code: "invalid_input" });
      }
      await expect(tasks.wait(ADA, ["x", { id: "y" }] as never)).rejects.toThrow(
        "ids[1] must be the id of a task",
      );
    });
  });

  describe("rule 8", () => {
    test("rule 8: a task that settles, is cancelled, expires and is shut down at once ends once", async () => {
      const tasks = managerOf();
      const slow = gate();
      const { id } = await soon(tasks.start(callOf(), () => slow.promise, { deadlineMs: 1_000 }));
      await pass(985);
      const all = Promise.all([tasks.cancel(ADA, id), tasks.cancel(ADA, id, { by: "user" })]);
      slow.resolve("done");
      await pass(20);
      await soon(all);
      await soon(tasks.close({ drainMs: 0 }), 5_000);
      await pass(5_000);
      const log = await typesOf(tasks, id);
      expect(log.filter((type) => /completed|failed|cancelled/.test(type))).toHaveLength(1);
      expect(log.filter((type) => type === "task.cancel_requested").length).toBeLessThanOrEqual(1);
    });

    test.each([
      ["tool_error", () => Promise.reject(new Error("no")), {}],
      ["deadline_exceeded", stubborn, { deadlineMs: 100 }],
      ["shutdown", stubborn, {}],
    ] as const)("rule 8: failed always says why: %s", async (code, tool, options) => {
      const tasks = managerOf();
      const { id } = await soon(tasks.start(callOf(), tool, options));
      await pass(200);
      await soon(tasks.close({ drainMs: 0 }), 5_000);
      const task = await read(tasks, id);
      expect(task).toMatchObject({ status: "failed", error: { code } });
      expect(task.error?.message).not.toBe("");
    });
  });

  describe("rule 9", () => {
    test("rule 9: cancel is cooperative: a tool that stops is cancelled before its grace is over", async () => {
      const tasks = managerOf();
      const { id } = await soon(tasks.start(callOf(), obedient));
      await pass(10);
      const asked = await soon(tasks.cancel(ADA, id, { by: "model", reason: "no\nneed" }));
      expect(asked).toMatchObject({ id, cancel: { by: "model", reason: "no need" } });
      const task = await ended(tasks, id, { withinMs: 100 });
      expect(task).toMatchObject({ status: "cancelled", error: null });
      const log = await logOf(tasks, id);
      expect(log.at(-1)).toMatchObject({ type: "task.cancelled", by: "model", mayStillRun: false });
    });

    test("rule 9: after cancelGraceMs it is final, and the event says that the tool may still be running", async () => {
      const tasks = managerOf({ cancelGraceMs: 700 });
      const slow = gate();
      const { id } = await soon(tasks.start(callOf(), () => slow.promise));
      await pass(10);
      const at = Date.now();
      expect(await soon(tasks.cancel(ADA, id))).toMatchObject({ status: "running", cancel: { by: "host" } });
      const task = await ended(tasks, id);
      expect((task.completedAt ?? 0) - at).toBeGreaterThanOrEqual(700);
      expect((task.completedAt ?? 0) - at).toBeLessThan(720);
      expect((await logOf(tasks, id)).at(-1)).toMatchObject({ type: "task.cancelled", mayStillRun: true });
      slow.resolve("late");
      await pass(100);
      expect(await read(tasks, id)).toEqual(await read(tasks, id));
      expect(await read(tasks, id)).toMatchObject({ status: "cancelled", lastSeq: task.lastSeq });
      expect(await soon(tasks.result(ADA, id))).toEqual({ status: "cancelled", by: "host", reason: null });
    });

    test("rule 9: a tool that completes although it was cancelled is cancelled", async () => {
      const tasks = managerOf();
      const slow = gate();
      const { id } = await soon(tasks.start(callOf(), () => slow.promise));
      await pass(10);
      await soon(tasks.cancel(ADA, id));
      slow.resolve("done");
      expect(await ended(tasks, id)).toMatchObject({ status: "cancelled" });
      expect(await soon(tasks.result(ADA, id))).toMatchObject({ status: "cancelled" });
    });

    test.each(["completed", "failed"])(
      "rule 9: cancelling a %s task returns it unchanged",
      async (status) => {
        const tasks = managerOf();
        const { id } = await soon(
          tasks.start(callOf(), () =>
            status === "failed" ? Promise.reject(new Error("no")) : Promise.resolve(1),
          ),
        );
        const before = await ended(tasks, id);
        await pass(50);
        expect(await soon(tasks.cancel(ADA, id))).toEqual(before);
        expect(await read(tasks, id)).toEqual(before);
      },
    );

    test("rule 9: cancelling again changes nothing", async () => {
      const tasks = managerOf();
      const { id } = await soon(tasks.start(callOf(), stubborn));
      await pass(10);
      const first = await soon(tasks.cancel(ADA, id, { by: "user", reason: "one" }));
      await pass(100);
      expect(await soon(tasks.cancel(ADA, id, { by: "model", reason: "two" }))).toEqual(first);
      const [at] = [first?.cancel?.at ?? 0];
      const end = await ended(tasks, id);
      expect((end.completedAt ?? 0) - at).toBeLessThan(2_050);
    });

    test("rule 9: a queued task is cancelled at once, and its tool never runs", async () => {
      const tasks = managerOf({ limits: { running: 1 } });
      const [first] = await startAll(tasks, 1);
      const tool = vi.fn(async () => "done");
      const { id } = await soon(tasks.start(callOf(), tool));
      await pass(10);
      expect(await soon(tasks.cancel(ADA, id))).toMatchObject({ status: "cancelled" });
      first?.gate.resolve("done");
      await pass(3_000);
      expect(tool).not.toHaveBeenCalled();
      expect(await tasks.stats()).toMatchObject({ running: 0, queued: 0 });
    });

    test("rule 9: a task that is cancelled frees its place", async () => {
      const tasks = managerOf({ limits: { running: 1, runningPerUser: 1, runningPerSession: 1 } });
      const { id } = await soon(tasks.start(callOf(), stubborn));
      const next = await soon(tasks.start(callOf({ toolName: "next" }), async () => "done"));
      await pass(10);
      await soon(tasks.cancel(ADA, id));
      expect(await ended(tasks, next.id)).toMatchObject({ status: "completed" });
    });

    test("cancelSession cancels what is unfinished in that session only", async () => {
      const tasks = managerOf({ limits: { runningPerSession: 1 } });
      await startAll(tasks, 3);
      const [elsewhere] = await startAll(tasks, 1, { ...ADA, sessionId: "s2" });
      const [bobs] = await startAll(tasks, 1, BOB);
      await pass(20);
      const cancelled = await soon(tasks.cancelSession(ADA, { by: "user" }));
      expect(cancelled).toHaveLength(3);
      expect(cancelled.every(({ cancel }) => cancel?.by === "user")).toBe(true);
      await pass(3_000);
      expect((await soon(tasks.list(ADA, { status: "cancelled" }))).tasks).toHaveLength(3);
      expect(await read(tasks, elsewhere?.id ?? "", { ...ADA, sessionId: "s2" })).toMatchObject({
        cancel: null,
      });
      expect(await read(tasks, bobs?.id ?? "", BOB)).toMatchObject({ cancel: null });
      const noSession = { userId: "ada" } as typeof ADA;
      await expect(tasks.cancelSession(noSession)).rejects.toMatchObject({ code: "invalid_input" });
    });
  });

  describe("rule 10", () => {
    async function finishAll(tasks: BackgroundTaskManager, count: number, scope = ADA) {
      const ids: string[] = [];
      for (let input = 0; input < count; input += 1) {
        const { id } = await soon(tasks.start(callOf({ scope, input }), async () => input));
        await ended(tasks, id, { scope });
        await pass(1);
        ids.push(id);
      }
      await pass(50);
      return ids;
    }
    const idsOf = async (tasks: BackgroundTaskManager, scope = ADA) =>
      (await soon(tasks.list(scope, { limit: 500 }))).tasks.map(({ id }) => id);

    test("rule 10: finished tasks are kept per user, newest by completion, and never push out another's", async () => {
      const tasks = managerOf({ followUps: false, retention: { finishedPerUser: 3 } });
      const bobs = await finishAll(tasks, 2, BOB);
      const mine = await finishAll(tasks, 6);
      expect(await idsOf(tasks)).toEqual(mine.slice(-3).reverse());
      expect((await idsOf(tasks, BOB)).sort()).toEqual(bobs.sort());
    });

    test("rule 10: a running task is never evicted, and a long one not as it finishes", async () => {
      const tasks = managerOf({ followUps: false, retention: { finishedPerUser: 2 } });
      const [long] = await startAll(tasks, 1);
      const { id } = long ?? { id: "" };
      const others = await finishAll(tasks, 4);
      expect(await idsOf(tasks)).toContain(id);
      long?.gate.resolve("done");
      await ended(tasks, id);
      await pass(50);
      expect((await idsOf(tasks)).sort()).toEqual([id, others[3]].sort());
    });

    test("rule 10: finished tasks go after finishedTtlMs, also when nothing else happens", async () => {
      const tasks = managerOf({ followUps: false, retention: { finishedTtlMs: 100_000 } });
      await finishAll(tasks, 2);
      await pass(90_000);
      expect(await idsOf(tasks)).toHaveLength(2);
      await pass(90_000);
      expect(await idsOf(tasks)).toEqual([]);
    });

    test("rule 10: one whose follow-up is outstanding is kept beside the count", async () => {
      const tasks = managerOf({ retention: { finishedPerUser: 0 } });
      await finishAll(tasks, 3);
      expect(await idsOf(tasks)).toHaveLength(3);
    });

    test("rule 10: above followUpsPerUser the oldest is dropped as expired, with an event", async () => {
      const tasks = managerOf({ retention: { followUpsPerUser: 2 } });
      const dropped = vi.fn();
      tasks.on("follow_up.dropped", dropped);
      const [first = ""] = await finishAll(tasks, 3);
      expect(await read(tasks, first)).toMatchObject({ followUp: { status: "dropped", reason: "expired" } });
      expect((await logOf(tasks, first)).at(-1)).toMatchObject({
        type: "follow_up.dropped",
        reason: "expired",
      });
      expect(dropped).toHaveBeenCalledOnce();
      expect(dropped.mock.calls[0]?.[0]).toMatchObject({ task: { id: first }, event: { reason: "expired" } });
    });

    test("rule 10: after followUpTtlMs it is dropped as expired", async () => {
      const tasks = managerOf({ retention: { followUpTtlMs: 200_000 } });
      const [id = ""] = await finishAll(tasks, 1);
      await pass(150_000);
      expect(await read(tasks, id)).toMatchObject({ followUp: { status: "pending" } });
      await pass(150_000);
      expect(await read(tasks, id)).toMatchObject({ followUp: { status: "dropped", reason: "expired" } });
    });
  });

  describe("rule 12", () => {
    test.each([{ running: 1 }, { runningPerUser: 1 }, { runningPerSession: 1 }])(
      "rule 12: a call that meets %o at its timeout stays in the foreground until it ends",
      async (limits) => {
        const { offload, tasks } = sceneOf({ store: makeStore(), limits });
        const refused = vi.fn();
        tasks.on("offload.refused", refused);
        await offloaded(offload.run(callOf(), stubborn));
        const slow = gate();
        const outcome = offload.run(callOf({ toolName: "second", toolCallId: "c2" }), () => slow.promise);
        await pass(5_000);
        expect(await isPending(outcome)).toBe(true);
        const [limit] = Object.keys(limits);
        const snake = limit?.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
        expect(refused.mock.calls).toEqual([
          [{ scope: ADA, toolName: "second", toolCallId: "c2", limit: snake }],
        ]);
        slow.resolve("done");
        expect(await soon(outcome)).toEqual({ status: "completed", value: "done" });
        expect((await soon(tasks.list(ADA))).tasks).toHaveLength(1);
      },
    );

    test.each([{ running: 1 }, { runningPerUser: 1 }, { runningPerSession: 1 }])(
      "rule 12: a call that meets %o at its timeout is offloaded when a place frees",
      async (limits) => {
        const { offload, tasks } = sceneOf({ store: makeStore(), limits });
        const first = gate();
        await offloaded(offload.run(callOf(), () => first.promise));
        const outcome = offload.run(callOf({ toolName: "second" }), stubborn);
        await pass(500);
        first.resolve("done");
        await pass(50);
        expect(await isPending(outcome)).toBe(false);
        expect(await outcome).toMatchObject({ status: "offloaded", task: { toolName: "second" } });
        expect((await tasks.stats()).running).toBe(1);
      },
    );

    test("rule 12: a place that frees while the store still says no is not overlooked", async () => {
      const store = faultyStore(makeStore());
      const { offload } = sceneOf({ store, limits: { runningPerUser: 1 } });
      const first = gate();
      await offloaded(offload.run(callOf(), () => first.promise));
      store.next("insert", answersAfter(200));
      const outcome = offload.run(callOf({ toolName: "second" }), stubborn);
      await pass(TIMEOUT_MS + 50);
      first.resolve("done");
      await pass(250);
      expect(await isPending(outcome)).toBe(false);
    });

    test("rule 12: start queues at a running limit, and above the queue limit is refused as overloaded", async () => {
      const tasks = managerOf({ limits: { runningPerUser: 1, queuedPerUser: 2 } });
      const [first] = await startAll(tasks, 3);
      await pass(10);
      await expect(soon(tasks.start(callOf(), stubborn))).rejects.toMatchObject({
        name: "TaskOffloadError",
        code: "overloaded",
      });
      expect(await tasks.stats()).toMatchObject({ running: 1, queued: 2 });
      await startAll(tasks, 1, BOB);
      first?.gate.resolve("done");
      await pass(50);
      expect(await tasks.stats()).toMatchObject({ running: 2, queued: 1 });
    });

    test.each([{ running: 1 }, { runningPerUser: 1 }, { runningPerSession: 1 }])(
      "rule 12: priority 10 goes first, first come first served within one priority (%o)",
      async (limits) => {
        const tasks = managerOf({ limits });
        const order: string[] = [];
        const [first] = await startAll(tasks, 1);
        await pass(10);
        for (const [toolName, priority] of [
          ["low1", 1],
          ["mid", 5],
          ["top1", 10],
          ["low2", 1],
          ["top2", 10],
        ] as const) {
          await soon(tasks.start(callOf({ toolName }), async () => order.push(toolName), { priority }));
        }
        first?.gate.resolve("done");
        await pass(1_000);
        expect(order).toEqual(["top1", "top2", "mid", "low1", "low2"]);
      },
    );

    test("rule 12: priority goes before sessions: one place of a user goes to the first in line", async () => {
      const orders: string[] = [];
      for (let seed = 1; seed <= 8; seed += 1) {
        const store = restlessStore(makeStore(), { random: seeded(seed) });
        const tasks = managerOf({ store, limits: { runningPerUser: 1 } });
        const order: string[] = [];
        const [first] = await startAll(tasks, 1, { userId: "ada", sessionId: "s0" });
        await pass(20);
        for (const priority of [1, 3, 5, 7, 10]) {
          const call = callOf({ scope: { userId: "ada", sessionId: `s${priority}` } });
          await soon(tasks.start(call, async () => order.push(`${priority}`), { priority }));
        }
        await pass(50);
        first?.gate.resolve("done");
        await pass(5_000);
        orders.push(order.join(" "));
      }
      expect(orders).toEqual(orders.map(() => "10 7 5 3 1"));
    });

    test("rule 12: one user's full queue does not hold up another", async () => {
      const tasks = managerOf({ limits: { runningPerUser: 1 } });
      await startAll(tasks, 5);
      const { id } = await soon(tasks.start(callOf({ scope: BOB }), async () => "done"));
      expect(await ended(tasks, id, { scope: BOB, withinMs: 100 })).toMatchObject({ status: "completed" });
    });

    test("rule 12: slow calls that block a turn go before the queue", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore(), limits: { running: 1 } });
      const first = gate();
      await offloaded(offload.run(callOf(), () => first.promise));
      await soon(tasks.start(callOf({ toolName: "queued" }), stubborn, { priority: 10 }));
      const outcome = offload.run(callOf({ toolName: "slow" }), stubborn);
      await pass(TIMEOUT_MS + 50);
      first.resolve("done");
      expect(await soon(outcome)).toMatchObject({ status: "offloaded" });
    });

    test("rule 12: deadlines count from startedAt, the foreground included", async () => {
      const { offload, tasks } = sceneOf(
        { store: makeStore() },
        { tools: { search: { deadlineMs: 1_000 } } },
      );
      const startedAt = Date.now();
      const { id } = await offloaded(offload.run(callOf(), stubborn));
      expect(await read(tasks, id)).toMatchObject({ startedAt, deadlineAt: startedAt + 1_000 });
      const task = await ended(tasks, id);
      expect(task).toMatchObject({ status: "failed", error: { code: "deadline_exceeded" } });
      expect((task.completedAt ?? 0) - startedAt).toBeLessThan(1_020);
    });

    test("rule 12: a queued task's deadline counts from its start, not from its queueing", async () => {
      const tasks = managerOf({ limits: { running: 1 } });
      const [first] = await startAll(tasks, 1);
      const slow = gate();
      const { id } = await soon(tasks.start(callOf(), () => slow.promise, { deadlineMs: 500 }));
      await pass(2_000);
      expect(await read(tasks, id)).toMatchObject({ status: "queued", deadlineAt: null });
      first?.gate.resolve("done");
      await pass(100);
      slow.resolve("done");
      expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
    });
  });

  describe("exclusive sessions", () => {
    test('exclusive: "session" allows one task at a time: a second is refused with code conflict', async () => {
      const tasks = managerOf({ exclusive: "session" });
      const [first] = await startAll(tasks, 1);
      await expect(soon(tasks.start(callOf(), stubborn))).rejects.toMatchObject({ code: "conflict" });
      const outside = { promise: stubborn(), abort: vi.fn(), startedAt: Date.now() };
      await expect(soon(tasks.adopt(callOf(), outside))).rejects.toMatchObject({ code: "conflict" });
      await startAll(tasks, 1, { ...ADA, sessionId: "s2" });
      await startAll(tasks, 1, BOB);
      first?.gate.resolve("done");
      await ended(tasks, first?.id ?? "");
      await startAll(tasks, 1);
    });

    test("of two that are started at once, one is refused", async () => {
      const tasks = managerOf({ exclusive: "session" });
      const both = Promise.allSettled([1, 2].map((input) => tasks.start(callOf({ input }), stubborn)));
      const statuses = (await soon(both)).map(({ status }) => status).sort();
      expect(statuses).toEqual(["fulfilled", "rejected"]);
    });

    test("a slow call waits in the foreground until the session is free", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore(), exclusive: "session" });
      const [first] = await startAll(tasks, 1);
      const outcome = offload.run(callOf(), stubborn);
      await pass(500);
      expect(await isPending(outcome)).toBe(true);
      first?.gate.resolve("done");
      await pass(50);
      expect(await isPending(outcome)).toBe(false);
    });
  });

  describe("duplicates", () => {
    const input = (query: string) => ({ query, limit: 5 });

    test("start joins: the same tool and canonical input in the session is the same task", async () => {
      const tasks = managerOf();
      const tool = vi.fn(stubborn);
      const options = { onDuplicate: "join" } as const;
      const one = await soon(tasks.start(callOf({ input: input("cats") }), tool, options));
      const two = await soon(tasks.start(callOf({ input: { limit: 5, query: "cats" } }), tool, options));
      expect(two.id).toBe(one.id);
      const others = [
        callOf({ input: input("dogs") }),
        callOf({ input: input("cats"), toolName: "other" }),
        callOf({ input: input("cats"), scope: { ...ADA, sessionId: "s2" } }),
        callOf({ input: input("cats"), scope: BOB }),
      ];
      for (const call of others) expect((await soon(tasks.start(call, tool, options))).id).not.toBe(one.id);
      await pass(10);
      expect(tool).toHaveBeenCalledTimes(5);
    });

    test("start rejects with code duplicate where told so, and allows by default", async () => {
      const tasks = managerOf();
      const reject = { onDuplicate: "reject" } as const;
      await soon(tasks.start(callOf(), stubborn, reject));
      await expect(soon(tasks.start(callOf(), stubborn, reject))).rejects.toMatchObject({
        code: "duplicate",
      });
      const one = await soon(tasks.start(callOf(), stubborn));
      const two = await soon(tasks.start(callOf(), stubborn));
      expect(one.id).not.toBe(two.id);
    });

    test("a repeated toolCallId joins if user, session, tool and input are the same too", async () => {
      const tasks = managerOf();
      const call = callOf({ toolCallId: "call-1" });
      const { id } = await soon(tasks.start(call, stubborn));
      expect((await soon(tasks.start(call, stubborn))).id).toBe(id);
      const others = [
        { input: "other" },
        { toolName: "other" },
        { scope: BOB },
        { scope: { ...ADA, sessionId: "s2" } },
      ];
      for (const fields of others) {
        const other = await soon(tasks.start({ ...call, ...fields }, stubborn));
        expect(other.id).not.toBe(id);
      }
    });

    test("once the first has ended, or is cancelled, an equal call is a task of its own", async () => {
      const tasks = managerOf();
      const options = { onDuplicate: "join" } as const;
      const slow = gate();
      const one = await soon(tasks.start(callOf(), () => slow.promise, options));
      slow.resolve("done");
      await ended(tasks, one.id);
      const two = await soon(tasks.start(callOf(), stubborn, options));
      await soon(tasks.cancel(ADA, two.id));
      const three = await soon(tasks.start(callOf(), stubborn, options));
      expect(new Set([one.id, two.id, three.id]).size).toBe(3);
    });
  });

  describe("rule 13", () => {
    test("rule 13: summaries and error messages carry no secrets, no control characters, no half code points", async () => {
      const tasks = managerOf();
      const input = {
        auth: { password: "hunter2", apiKey: "key-1" },
        text: "a\nb\u0007c",
        long: "😀".repeat(500),
      };
      const fail = () =>
        Promise.reject(new Error(`token=abc123\nAuthorization: Bearer xyz ${"😀".repeat(2_000)}`));
      const { id } = await soon(tasks.start(callOf({ input }), fail));
      const { summary, error } = await ended(tasks, id);
      for (const text of [summary, error?.message ?? ""]) {
        expect(text).not.toMatch(/hunter2|key-1|abc123|xyz|[\p{Cc}\p{Cs}]/u);
      }
      expect([...summary].length).toBeLessThanOrEqual(128);
      expect([...(error?.message ?? "")].length).toBeLessThanOrEqual(512);
    });

    test("rule 13: the message of a deadline is clean too, whatever the tool is called", async () => {
      const tasks = managerOf();
      const call = callOf({ toolName: `evil\n\u0007${"x".repeat(2_000)}` });
      const { id } = await soon(tasks.start(call, stubborn, { deadlineMs: 100 }));
      const message = (await ended(tasks, id)).error?.message ?? "";
      expect([...message].length).toBeLessThanOrEqual(512);
      expect(message).not.toMatch(/\p{Cc}/u);
    });

    test.each([
      ["summarize throws", { summarize: () => Promise.reject(new Error("no")) as unknown as string }],
      ["summarize answers nonsense", { summarize: () => 5 as unknown as string }],
      ["summarize answers much", { summarize: () => `password=hunter2\n${"x".repeat(9_999)}` }],
    ])("rule 13: %s, and the call does not break", async (_, options) => {
      const tasks = managerOf();
      const { id } = await soon(tasks.start(callOf(), async () => "done", options));
      const { summary, status } = await ended(tasks, id);
      expect(status).toBe("completed");
      expect([...summary].length).toBeLessThanOrEqual(128);
      expect(summary).not.toContain("hunter2");
    });

    test("rule 13: a redact of one's own masks beside the built-in one, and may throw", async () => {
      const redact = (key: string, value: unknown) => (key === "name" ? "someone" : value);
      const tasks = managerOf({ redact });
      const call = callOf({ input: { name: "Ada", token: "abc" } });
      expect(await soon(tasks.start(call, stubborn))).toMatchObject({
        summary: 'search(name="someone", token=***)',
      });
      const throwing = managerOf({
        redact: () => {
          throw new Error("no");
        },
      });
      const { summary } = await soon(throwing.start(callOf({ input: { name: "Ada" } }), stubborn));
      expect(summary).not.toContain("Ada");
    });
  });

  describe("stats and close", () => {
    test("stats tell what this process does", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore(), limits: { running: 2 } });
      await startAll(tasks, 3);
      void offload.run(callOf(), stubborn).catch(() => undefined);
      await pass(10);
      expect(await tasks.stats()).toEqual({ running: 2, queued: 1, foreground: 1, accepting: true });
      await soon(tasks.close({ drainMs: 0 }), 5_000);
      expect(await tasks.stats()).toEqual({ running: 0, queued: 0, foreground: 0, accepting: false });
    });

    test("close stops accepting, drains, and then ends what is left as failed / shutdown", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore() });
      const [quick, never] = await startAll(tasks, 2);
      await pass(10);
      const closing = tasks.close({ drainMs: 1_000 });
      for (const refused of [
        tasks.start(callOf(), stubborn),
        offload.run(callOf(), stubborn),
        tasks.adopt(callOf(), { promise: stubborn(), abort: vi.fn(), startedAt: Date.now() }),
      ]) {
        await expect(refused).rejects.toMatchObject({ code: "closed" });
      }
      await pass(500);
      quick?.gate.resolve("done");
      await pass(400);
      expect(await isPending(closing)).toBe(true);
      await soon(closing, 5_000);
      expect(await read(tasks, quick?.id ?? "")).toMatchObject({ status: "completed" });
      expect(await read(tasks, never?.id ?? "")).toMatchObject({
        status: "failed",
        error: { code: "shutdown" },
      });
    });

    test("close ends as soon as nothing is going on", async () => {
      const tasks = managerOf();
      const [task] = await startAll(tasks, 1);
      await pass(10);
      const closing = tasks.close({ drainMs: 60_000 });
      await pass(100);
      task?.gate.resolve("done");
      await pass(50);
      expect(await isPending(closing)).toBe(false);
    });

    test("queued tasks run while it drains, and end as failed / shutdown after", async () => {
      const tasks = managerOf({ limits: { running: 1 } });
      const [first, second, third] = await startAll(tasks, 3);
      await pass(10);
      const closing = tasks.close({ drainMs: 500 });
      first?.gate.resolve("done");
      await pass(100);
      second?.gate.resolve("done");
      await soon(closing, 5_000);
      const statuses = [];
      for (const task of [first, second, third]) statuses.push((await read(tasks, task?.id ?? "")).status);
      expect(statuses).toEqual(["completed", "completed", "failed"]);
    });

    test("a call in the foreground rejects with code closed, and its tool is told to stop", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore() }, { timeoutMs: 60_000 });
      const aborted = vi.fn();
      const outcome = offload.run(callOf(), (_, { signal }) => {
        signal.addEventListener("abort", aborted);
        return stubborn();
      });
      outcome.catch(() => undefined);
      await soon(tasks.close({ drainMs: 100 }), 5_000);
      await expect(outcome).rejects.toMatchObject({ code: "closed" });
      expect(aborted).toHaveBeenCalledOnce();
      expect(vi.getTimerCount()).toBe(0);
    });

    test("a call that has joined a task rejects with code closed too", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore() });
      const call = callOf({ toolCallId: "call-1" });
      await offloaded(offload.run(call, stubborn));
      const outcome = offload.run(call, stubborn);
      outcome.catch(() => undefined);
      await soon(tasks.close({ drainMs: 10 }), 5_000);
      expect(await isPending(outcome)).toBe(false);
      await expect(outcome).rejects.toMatchObject({ code: "closed" });
      expect(vi.getTimerCount()).toBe(0);
    });

    test("close never leaves a timer behind", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore(), limits: { running: 2 } }, { timeoutMs: 10 });
      const options = { deadlineMs: 90_000 };
      await startAll(tasks, 4, ADA, options);
      const quick = await soon(tasks.start(callOf({ scope: BOB }), async () => "done"));
      void quick;
      offload.run(callOf({ toolName: "parked" }), stubborn).catch(() => undefined);
      await pass(200);
      const [task] = (await soon(tasks.list(ADA, { status: "running" }))).tasks;
      await soon(tasks.cancel(ADA, task?.id ?? ""));
      await soon(tasks.close({ drainMs: 100 }), 5_000);
      // A restless store is still answering a last question.
      await pass(10);
      expect(vi.getTimerCount()).toBe(0);
    });

    test("closing again answers the first close; reading works on", async () => {
      const tasks = managerOf();
      const { id } = await soon(tasks.start(callOf(), async () => "done"));
      await ended(tasks, id);
      await soon(Promise.all([tasks.close(), tasks.close({ drainMs: 0 })]));
      expect(await read(tasks, id)).toMatchObject({ status: "completed" });
      await expect(tasks.close({ drainMs: -1 })).rejects.toMatchObject({ code: "invalid_input" });
    });

    test("it is async disposable", async () => {
      const tasks = managerOf();
      await soon(tasks[Symbol.asyncDispose]());
      expect((await tasks.stats()).accepting).toBe(false);
    });
  });

  test("tasks of two managers that share a store are seen, waited for and cancelled from both", async () => {
    const store = makeStore();
    const [one, two] = [managerOf({ store }), managerOf({ store })];
    const { id } = await soon(one.start(callOf(), async () => "done"));
    expect(await soon(two.wait(ADA, [id]), 5_000)).toMatchObject([{ status: "completed" }]);
    expect(await onlyTask(two)).toMatchObject({ id });
  });
});

test("the default store is a memory store of the manager's own", async () => {
  const tasks = new BackgroundTaskManager();
  const { id } = await soon(tasks.start(callOf(), async () => "done"));
  expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
  expect(await soon(new BackgroundTaskManager({ store: memoryStore() }).get(ADA, id))).toBeUndefined();
});
