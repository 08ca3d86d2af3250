import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { TaskStore } from "../../src/core/model/store.ts";
import {
  BackgroundTaskManager,
  type BackgroundTaskManagerOptions,
  type DurableContext,
  type DurableTool,
  type TaskInfo,
} from "../../src/index.ts";
import { answersAfter, faultyStore, neverAnswers, rejects } from "../support/faulty-store.ts";
import { restlessStore } from "../support/restless-store.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  logOf,
  obedient,
  pass,
  read,
  sceneOf,
  soon,
  stubborn,
  taskOf,
  typesOf,
} from "../support/scene.ts";
import { sharedMemoryStore } from "../support/stores.ts";

const LEASE_MS = 3_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const SHARED: { name: string; makeStore: () => TaskStore }[] = [
  { name: "a shared store", makeStore: sharedMemoryStore },
  { name: "a restless shared store", makeStore: () => restlessStore(sharedMemoryStore()) },
];

describe.each(SHARED)("many processes on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });

  const processOf = (options: BackgroundTaskManagerOptions = {}) =>
    sceneOf({ store, leaseMs: LEASE_MS, ...options });

  /** A process that dies when told to: from then on nothing of it reaches the store. */
  function mortal(options: BackgroundTaskManagerOptions = {}) {
    const line = faultyStore(store);
    const operations = [
      "insert",
      "get",
      "transition",
      "admit",
      "append",
      "renew",
      "lapsed",
      "sweep",
      "checkpoint",
    ] as const;
    const die = () => {
      for (const operation of operations) line.always(operation, neverAnswers);
    };
    return { ...processOf({ ...options, store: line }), die };
  }

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

  describe("tools that may be started again", () => {
    test("rule 18: a resumable tool goes on from its last checkpoint in another process", async () => {
      const starts: unknown[] = [];
      const tools = {
        search: {
          resumable: true,
          async execute(
            input: { query: string },
            { lastCheckpoint, checkpoint, idempotencyKey }: DurableContext,
          ) {
            starts.push([input, lastCheckpoint, idempotencyKey]);
            if (lastCheckpoint !== undefined) return `${input.query} from ${JSON.stringify(lastCheckpoint)}`;
            await checkpoint({ page: 1 });
            await checkpoint({ page: 2 });
            return stubborn();
          },
        },
      };
      const { tasks, die } = mortal({ tools });
      const other = processOf({ tools }).tasks;
      const call = callOf({ metadata: { model: "m1" }, toolCallId: "call-1" });
      const { id } = await soon(tasks.start(call, tools.search.execute as never));
      await pass(100);
      die();
      expect(await ended(other, id)).toMatchObject({ status: "completed", metadata: { model: "m1" } });
      expect(await soon(other.result(ADA, id))).toMatchObject({ value: 'cats from {"page":2}' });
      expect(starts).toEqual([
        [{ query: "cats" }, undefined, id],
        [{ query: "cats" }, { page: 2 }, id],
      ]);
      expect(await typesOf(other, id)).toEqual([
        "task.queued",
        "task.started",
        "task.started",
        "task.completed",
      ]);
    });

    test("rule 18: what a held-up process still writes stays out of the log of a task that was taken over", async () => {
      const contexts: DurableContext[] = [];
      const execute = (_: unknown, context: DurableContext) => {
        contexts.push(context);
        return stubborn();
      };
      const tools = { search: { idempotent: true, execute } };
      const line = faultyStore(store);
      const held = processOf({ store: line, tools }).tasks;
      const other = processOf({ tools }).tasks;
      const { id } = await soon(held.start(callOf(), execute as never));
      await pass(10);
      contexts[0]?.write("in time");
      await pass(200);
      for (const operation of ["renew", "get"] as const) line.always(operation, neverAnswers);
      await pass(2 * LEASE_MS);
      const taken = await read(other, id);
      const asked = line.asked.length;
      contexts[0]?.report({ value: 99 });
      contexts[0]?.write("too late");
      await pass(200);
      expect(line.asked.slice(asked).map(({ operation }) => operation)).toContain("append");
      expect(await read(other, id)).toEqual(taken);
      contexts[1]?.write("from the beginning");
      await pass(200);
      const events = (await logOf(other, id)).slice(2);
      expect(events).toMatchObject([
        { type: "task.output", chunk: "in time" },
        { type: "task.started" },
        { type: "task.output", chunk: "from the beginning" },
      ]);
      expect(events).toHaveLength(3);
    });

    test("a checkpoint of the foreground is kept with the task that the call becomes", async () => {
      const seen: unknown[] = [];
      const tools = {
        search: {
          resumable: true,
          async execute(_: unknown, { lastCheckpoint, checkpoint, taskId }: DurableContext) {
            seen.push([lastCheckpoint, taskId]);
            if (lastCheckpoint !== undefined) return "resumed";
            await checkpoint("early");
            return stubborn();
          },
        },
      };
      const { offload, die } = mortal({ tools });
      const other = processOf({ tools }).tasks;
      const { id } = taskOf(await soon(offload.run(callOf(), tools.search.execute as never)));
      await pass(100);
      die();
      await ended(other, id);
      expect(seen).toEqual([
        [undefined, null],
        ["early", id],
      ]);
    });

    test("rule 18: an idempotent tool is started again with the same key, up to `attempts`", async () => {
      const keys: string[] = [];
      const deadly = () => {
        const tools: Record<string, DurableTool> = {
          search: {
            idempotent: true,
            attempts: 3,
            execute(_, { idempotencyKey }) {
              keys.push(idempotencyKey);
              scene.die();
              return stubborn();
            },
          },
        };
        const scene = mortal({ tools });
        return { ...scene, tools };
      };
      const [first] = [deadly(), deadly(), deadly(), deadly(), deadly()];
      const execute = first?.tools.search?.execute as never;
      const { id } = (await soon(first?.tasks.start(callOf(), execute) as Promise<TaskInfo>)) as TaskInfo;
      await pass(10 * LEASE_MS);
      expect(keys).toEqual([id, id, id]);
      const last = processOf().tasks;
      expect(await read(last, id)).toMatchObject({ status: "failed", error: { code: "lost" } });
    });

    test("a queued task is taken up by another process, and starts there", async () => {
      const tools = {
        search: { idempotent: true, execute: (input: { query: string }) => `found ${input.query}` },
      };
      const { tasks, die } = mortal({ tools, limits: { running: 1 } });
      await soon(tasks.start(callOf({ toolName: "other" }), stubborn));
      const { id } = await soon(tasks.start(callOf(), tools.search.execute as never));
      die();
      const other = processOf({ tools }).tasks;
      await pass(2 * LEASE_MS);
      expect(await ended(other, id)).toMatchObject({ status: "completed" });
      expect(await soon(other.result(ADA, id))).toMatchObject({ value: "found cats" });
      expect(await typesOf(other, id)).toEqual(["task.queued", "task.started", "task.completed"]);
    });

    test("nothing is started again that is not declared to be, or whose input JSON cannot carry", async () => {
      const execute = vi.fn(stubborn);
      const tools = { plain: { execute }, search: { idempotent: true, execute } };
      const { tasks, die } = mortal({ tools });
      const other = processOf({ tools }).tasks;
      const plain = await soon(tasks.start(callOf({ toolName: "plain" }), execute));
      const odd = await soon(tasks.start(callOf({ input: { when: new Date() } }), execute));
      await pass(10);
      die();
      await pass(2 * LEASE_MS);
      for (const { id } of [plain, odd])
        expect(await read(other, id)).toMatchObject({ error: { code: "lost" } });
      expect(execute).toHaveBeenCalledTimes(2);
    });

    test("a checkpoint that JSON cannot carry is refused, naming the place", async () => {
      const refused = gate<unknown>();
      const tools = {
        search: {
          resumable: true,
          execute: (_: unknown, { checkpoint }: DurableContext) =>
            checkpoint({ a: [1n] }).catch(refused.resolve),
        },
      };
      const { tasks } = processOf({ tools });
      await soon(tasks.start(callOf(), tools.search.execute as never));
      expect(await soon(refused.promise)).toMatchObject({ code: "invalid_input", message: /"\/a\/0"/ });
    });

    test("a call that JSON cannot carry runs like any other, checkpoints and all", async () => {
      const tools: Record<string, DurableTool> = {
        search: {
          resumable: true,
          async execute(_, { checkpoint }) {
            await new Promise((resolve) => setTimeout(resolve, 50));
            await checkpoint({ page: 1 });
            return "done";
          },
        },
      };
      const { tasks } = processOf({ tools });
      const { id } = await soon(tasks.start(callOf({ input: new Map() }), tools.search?.execute as never));
      expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
    });

    test("what JSON leaves out keeps no call from being started again", async () => {
      const seen: unknown[] = [];
      const execute = (input: unknown) => {
        seen.push(input);
        return stubborn();
      };
      const tools = { search: { idempotent: true, execute } };
      const { tasks, die } = mortal({ tools });
      processOf({ tools });
      await soon(tasks.start(callOf({ input: { branch: "main", tag: undefined } }), execute));
      await pass(10);
      die();
      await pass(2 * LEASE_MS);
      expect(seen).toEqual([{ branch: "main", tag: undefined }, { branch: "main" }]);
    });

    test("rule 12: the deadline of a queued task goes with it", async () => {
      const tools = { search: { idempotent: true, execute: stubborn } };
      const { tasks, die } = mortal({ tools, limits: { running: 1 } });
      await soon(tasks.start(callOf({ toolName: "other" }), stubborn));
      const { id } = await soon(tasks.start(callOf(), stubborn, { deadlineMs: 500 }));
      die();
      const other = processOf({ tools }).tasks;
      await pass(3 * LEASE_MS);
      expect(await read(other, id)).toMatchObject({ error: { code: "deadline_exceeded" } });
    });

    test("rule 12: one whose deadline has passed is not started again", async () => {
      const execute = vi.fn(stubborn);
      const tools = { search: { idempotent: true, execute } };
      const { tasks, die } = mortal({ tools });
      const other = processOf({ tools }).tasks;
      const { id } = await soon(tasks.start(callOf(), execute, { deadlineMs: 1_000 }));
      await pass(10);
      die();
      await pass(2 * LEASE_MS);
      expect(execute).toHaveBeenCalledOnce();
      expect(await read(other, id)).toMatchObject({ error: { code: "deadline_exceeded" } });
    });

    test("rule 12: no more are taken up than there are places", async () => {
      const tools = { search: { idempotent: true, execute: stubborn } };
      const { tasks, die } = mortal({ tools });
      for (let i = 0; i < 6; i += 1) await soon(tasks.start(callOf({ input: i }), stubborn));
      await pass(10);
      die();
      const other = processOf({ tools, limits: { running: 2 } }).tasks;
      await pass(4 * LEASE_MS);
      expect(await other.stats()).toMatchObject({ running: 2 });
    });

    test("what waits for a place neither hides others that lapsed nor keeps the event loop", async () => {
      const tools = { work: { idempotent: true, execute: stubborn } };
      const many = { running: 1_000, runningPerUser: 1_000, runningPerSession: 1_000 };
      const first = mortal({ tools, limits: many });
      const counted = faultyStore(store);
      const other = processOf({ store: counted, tools, limits: { ...many, running: 10 } }).tasks;
      for (let n = 0; n < 250; n += 1) {
        const call = callOf({ toolName: "work", input: n });
        await soon(first.tasks.start(call, stubborn));
      }
      const { id } = await soon(first.tasks.start(callOf(), stubborn));
      await pass(10);
      first.die();
      await pass(2 * LEASE_MS);
      expect(await read(other, id)).toMatchObject({ status: "failed", error: { code: "lost" } });
      expect((await soon(other.stats())).running).toBe(10);
      const looks = counted.asked.filter(({ operation }) => operation === "lapsed").length;
      expect(looks).toBeLessThan(30);
    });

    test("a streaming tool that is started again gives its last chunk", async () => {
      const tools: Record<string, DurableTool> = {
        search: {
          resumable: true,
          async *execute(_, { lastCheckpoint, checkpoint }) {
            yield "first ";
            await checkpoint(1);
            if (lastCheckpoint === undefined) await stubborn();
            yield "last";
          },
        },
      };
      const { offload, die } = mortal({ tools });
      const other = processOf({ tools }).tasks;
      const stream = offload.stream(callOf(), tools.search?.execute as never);
      const { id } = taskOf(await soon(stream.outcome));
      await pass(100);
      die();
      expect(await ended(other, id)).toMatchObject({ status: "completed" });
      expect(await soon(other.result(ADA, id))).toMatchObject({ value: "last" });
    });

    test("an adopted call is not started again: who started it knows nothing of keys", async () => {
      const execute = vi.fn(stubborn);
      const tools = { search: { idempotent: true, execute } };
      const { tasks, die } = mortal({ tools });
      const other = processOf({ tools }).tasks;
      const outside = { promise: stubborn(), abort: () => undefined, startedAt: Date.now() };
      const { id } = await soon(tasks.adopt(callOf(), outside));
      die();
      await pass(2 * LEASE_MS);
      expect(await read(other, id)).toMatchObject({ error: { code: "lost" } });
      expect(execute).not.toHaveBeenCalled();
    });

    test("a take-over that the store answers too late goes on all the same", async () => {
      const execute = vi.fn(stubborn);
      const tools = { search: { idempotent: true, execute } };
      const { tasks, die } = mortal({ tools });
      const { id } = await soon(tasks.start(callOf(), execute));
      await pass(10);
      die();
      const line = faultyStore(store);
      line.next("transition", answersAfter(2_500));
      const other = processOf({ tools, store: line }).tasks;
      await pass(3 * LEASE_MS);
      expect(execute).toHaveBeenCalledTimes(2);
      expect(await read(other, id)).toMatchObject({ status: "running" });
      expect(await other.stats()).toMatchObject({ running: 1 });
    });

    test("a store that cannot write is not asked without a pause", async () => {
      const tools = { search: { idempotent: true, execute: stubborn } };
      const { tasks, die } = mortal({ tools, limits: { runningPerUser: 200, runningPerSession: 200 } });
      for (let i = 0; i < 100; i += 1) await soon(tasks.start(callOf({ input: i }), stubborn));
      await pass(10);
      die();
      const line = faultyStore(store);
      line.always("transition", rejects);
      const other = processOf({ tools, store: line }).tasks;
      await pass(3 * LEASE_MS);
      const asked = line.asked.filter(({ operation }) => operation === "transition").length;
      expect(asked).toBeLessThan(1_500);
      await soon(other.close({ drainMs: 0 }), 10_000);
      const before = line.asked.length;
      await pass(10_000);
      expect(line.asked.length).toBe(before);
    });

    test("close gives up nothing that was started for the last time: it ends it", async () => {
      const tools = { search: { idempotent: true, attempts: 1, execute: stubborn } };
      const { tasks } = processOf({ tools });
      const other = processOf({ tools }).tasks;
      const { id } = await soon(tasks.start(callOf(), stubborn));
      await pass(10);
      await soon(tasks.close({ drainMs: 0 }), 5_000);
      expect(await read(other, id)).toMatchObject({ error: { code: "shutdown" } });
    });

    test("a process that closes takes nothing up", async () => {
      const execute = vi.fn(stubborn);
      const tools = { search: { idempotent: true, execute } };
      const { tasks, die } = mortal({ tools });
      const closing = processOf({ tools }).tasks;
      await soon(closing.start(callOf({ toolName: "own" }), stubborn));
      await soon(tasks.start(callOf(), execute));
      await pass(10);
      die();
      void closing.close({ drainMs: 4 * LEASE_MS });
      await pass(3 * LEASE_MS);
      expect(execute).toHaveBeenCalledOnce();
    });

    test("what a caller was told is over goes on nowhere", async () => {
      const execute = vi.fn(stubborn);
      const tools = { search: { idempotent: true, execute } };
      const line = faultyStore(store);
      line.next("insert", answersAfter(300));
      const { offload, tasks } = processOf({ tools, store: line });
      processOf({ tools });
      const outcome = offload.run(callOf(), execute);
      outcome.catch(() => undefined);
      await pass(200);
      const closing = tasks.close({ drainMs: 0 });
      await expect(soon(outcome)).rejects.toMatchObject({ code: "closed" });
      await soon(closing, 10_000);
      await pass(3 * LEASE_MS);
      expect(execute).toHaveBeenCalledOnce();
    });

    test("close lets go of them, and another process goes on at once", async () => {
      const tools = {
        search: {
          resumable: true,
          async execute(_: unknown, { lastCheckpoint, checkpoint }: DurableContext) {
            if (lastCheckpoint !== undefined) return "resumed";
            await checkpoint(1);
            return stubborn();
          },
        },
      };
      const { tasks } = processOf({ tools, leaseMs: 60_000 });
      const other = processOf({ tools }).tasks;
      const { id } = await soon(tasks.start(callOf(), tools.search.execute as never));
      await pass(100);
      await soon(tasks.close({ drainMs: 0 }), 5_000);
      expect(await ended(other, id)).toMatchObject({ status: "completed" });
    });
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

test.each([
  [{ leaseMs: 5 }, /leaseMs.*100.*5/],
  [{ leaseMs: Number.POSITIVE_INFINITY }, /leaseMs.*finite/],
  [{ tools: 5 }, /tools.*5/],
  [{ tools: new Map() }, /tools.*object/],
  [{ tools: { a: { name: "b", execute: (): number => 1 } } }, /tools\.a\.name.*"b"/],
  [{ tools: { a: {} } }, /tools\.a\.execute/],
  [{ tools: { a: { execute: (): number => 1, attempts: 0 } } }, /tools\.a\.attempts.*0/],
  [{ tools: { a: { execute: (): number => 1, resumable: "yes" } } }, /tools\.a\.resumable.*"yes"/],
  [{ tools: { a: { execute: (): number => 1, idempotant: true } } }, /idempotant/],
])("%j is refused", (options, message) => {
  expect(() => new BackgroundTaskManager(options as never)).toThrow(
    expect.objectContaining({ code: "invalid_option", message: expect.stringMatching(message) }),
  );
});
