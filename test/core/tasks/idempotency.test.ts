import { describe, expect, test, vi } from "vitest";
import { memoryStore } from "../../../src/index.ts";
import {
  answersAfter,
  arrivesAfter,
  type Fault,
  faultyStore,
  losesAnswer,
  rejects,
} from "../../support/faulty-store.ts";
import {
  ADA,
  BOB,
  callOf,
  ended,
  gate,
  inFakeTime,
  managersOn,
  onlyTask,
  pass,
  sceneOf,
  soon,
  stubborn,
  typesOf,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

const KEYED = { idempotencyKey: "asked-once" };

inFakeTime();

describe.each(STORES)("an idempotency key, on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  test("gives the same task each time, however it stands, and the tool runs once", async () => {
    const tasks = managerOf();
    const tool = vi.fn(async () => "built");
    const start = () => soon(tasks.start(callOf({ toolCallId: "call-1" }), tool, KEYED));
    const { id } = await start();
    expect(await start()).toMatchObject({ id });
    const done = await ended(tasks, id);
    expect(await start()).toEqual(done);
    expect(done.status).toBe("completed");
    expect(tool).toHaveBeenCalledTimes(1);
    expect(await typesOf(tasks, id)).toEqual(["task.queued", "task.started", "task.completed"]);
  });

  test("of many at once, in two processes, one makes the task", async () => {
    const store = makeStore();
    const [one, other] = [managerOf({ store }), managerOf({ store })];
    const tool = vi.fn(stubborn);
    const starts = Array.from({ length: 20 }, (_, n) => (n % 2 ? one : other).start(callOf(), tool, KEYED));
    const ids = new Set((await soon(Promise.all(starts))).map(({ id }) => id));
    await pass(10);
    expect(ids.size).toBe(1);
    expect(tool).toHaveBeenCalledTimes(1);
  });

  test.each([
    ["input", { input: { query: "dogs" } }],
    ["tool", { toolName: "fetch" }],
    ["session", { scope: { userId: "ada" } }],
  ])("is refused for another %s", async (_what, fields) => {
    const tasks = managerOf();
    await soon(tasks.start(callOf(), stubborn, KEYED));
    await expect(soon(tasks.start(callOf(fields), stubborn, KEYED))).rejects.toMatchObject({
      code: "key_reused",
    });
    await onlyTask(tasks);
  });

  test("is the user's own, and another one makes another task", async () => {
    const tasks = managerOf();
    const start = (call: object, idempotencyKey: string) =>
      soon(tasks.start(callOf(call), stubborn, { idempotencyKey })).then(({ id }) => id);
    const ids = [await start({}, "a"), await start({}, "b"), await start({ scope: BOB }, "a")];
    expect(new Set(ids).size).toBe(3);
    const [one, two] = [await start({ toolCallId: "x" }, "c"), await start({ toolCallId: "x" }, "d")];
    expect(one).not.toBe(two);
  });

  test("compares the body instead of the input where one is given", async () => {
    const tasks = managerOf();
    const start = (input: unknown, idempotencyBody: unknown) =>
      soon(tasks.start(callOf({ input }), stubborn, { ...KEYED, idempotencyBody }));
    const { id } = await start({ at: new Date(1) }, { a: 1, b: 2 });
    expect(await start({ at: new Date(2) }, { b: 2, a: 1 })).toMatchObject({ id });
    await expect(start({ at: new Date(1) }, { a: 1 })).rejects.toMatchObject({ code: "key_reused" });
  });
});

describe("an idempotency key", () => {
  test.each([[""], ["x".repeat(257)], [7], [null]])(
    "that is %j is refused by name",
    async (idempotencyKey) => {
      const { tasks } = sceneOf();
      const start = tasks.start(callOf(), stubborn, { idempotencyKey: idempotencyKey as string });
      await expect(start).rejects.toMatchObject({
        code: "invalid_input",
        message: expect.stringContaining("options.idempotencyKey must be a text of 1 to 256 characters"),
      });
    },
  );

  test.each(["join", "reject"] as const)("does not go along with onDuplicate: %j", async (onDuplicate) => {
    const { tasks } = sceneOf();
    await expect(tasks.start(callOf(), stubborn, { ...KEYED, onDuplicate })).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringContaining("options.onDuplicate"),
    });
  });

  test("is no option of adopt, whose tool runs already", async () => {
    const { tasks } = sceneOf();
    const outside = { promise: Promise.resolve(1), abort: () => undefined, startedAt: 0 };
    const adopting = tasks.adopt(callOf(), outside, { ...KEYED } as object);
    await expect(adopting).rejects.toMatchObject({ message: expect.stringContaining("idempotencyKey") });
  });

  test("is found however much has met a limit since", async () => {
    const { tasks } = sceneOf({ exclusive: "session", limits: { queuedPerUser: 1 } });
    const { id } = await soon(tasks.start(callOf(), stubborn, KEYED));
    expect(await soon(tasks.start(callOf(), stubborn, KEYED))).toMatchObject({ id });
    await expect(soon(tasks.start(callOf(), stubborn))).rejects.toMatchObject({ code: "conflict" });
  });

  test("is free again where the task was refused", async () => {
    const { tasks } = sceneOf({ exclusive: "session" });
    const first = gate();
    const { id } = await soon(tasks.start(callOf({ toolName: "other" }), () => first.promise));
    await expect(soon(tasks.start(callOf(), stubborn, KEYED))).rejects.toMatchObject({ code: "conflict" });
    first.resolve("done");
    await ended(tasks, id);
    expect(await soon(tasks.start(callOf(), stubborn, KEYED))).toMatchObject({ toolName: "search" });
  });

  test("never shows: neither it nor its digest is part of a task", async () => {
    const { tasks } = sceneOf();
    const task = await soon(tasks.start(callOf(), stubborn, { idempotencyKey: "s3cret" }));
    expect(JSON.stringify(task)).not.toMatch(/s3cret|idempotency/);
  });

  describe("where the store fails", () => {
    const faults: [what: string, fault: Fault][] = [
      ["loses its answer", losesAnswer],
      ["answers too late", answersAfter(2_500)],
      ["is reached too late", arrivesAfter(2_500)],
    ];

    test.each(faults)(
      "and %s, asking again gives the task that was written, and it runs",
      async (_what, fault) => {
        const store = faultyStore(memoryStore());
        const { tasks } = sceneOf({ store });
        const tool = vi.fn(async () => "built");
        store.next("insert", fault);
        const first = soon(tasks.start(callOf(), tool, KEYED), 3_000);
        await expect(first).rejects.toMatchObject({ code: "store_failed" });
        await pass(1_000);
        const again = await soon(tasks.start(callOf(), tool, KEYED));
        expect(await ended(tasks, again.id)).toMatchObject({ status: "completed", cancel: null });
        await onlyTask(tasks);
        expect(tool).toHaveBeenCalledTimes(1);
        expect(await typesOf(tasks, again.id)).toEqual(["task.queued", "task.started", "task.completed"]);
      },
    );

    test("and has written nothing, asking again makes the task", async () => {
      const store = faultyStore(memoryStore());
      const { tasks } = sceneOf({ store });
      store.next("insert", rejects);
      await expect(soon(tasks.start(callOf(), stubborn, KEYED))).rejects.toMatchObject({
        code: "store_failed",
      });
      expect(await soon(tasks.start(callOf(), stubborn, KEYED))).toMatchObject({ status: "queued" });
    });

    test("a task that was cancelled meanwhile is not started", async () => {
      const inner = memoryStore();
      const store = faultyStore(inner);
      const [{ tasks }, { tasks: others }] = [
        sceneOf({ store, limits: { running: 1 } }),
        sceneOf({ store: inner }),
      ];
      await soon(tasks.start(callOf({ scope: BOB }), stubborn));
      const tool = vi.fn(stubborn);
      store.next("insert", losesAnswer);
      store.always("get", rejects);
      await expect(soon(tasks.start(callOf(), tool, KEYED))).rejects.toMatchObject({ code: "store_failed" });
      const { id } = await onlyTask(others);
      await soon(others.cancel(ADA, id));
      store.always("get");
      await pass(60_000);
      expect(tool).not.toHaveBeenCalled();
      expect(await tasks.stats()).toMatchObject({ running: 1, queued: 0 });
      expect(await onlyTask(tasks)).toMatchObject({ status: "cancelled" });
    });
  });
});
