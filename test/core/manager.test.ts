import { describe, expect, test } from "vitest";
import {
  BackgroundTaskManager,
  type BackgroundTaskManagerOptions,
  type Clock,
  memoryStore,
  TaskOffloadError,
} from "../../src/index.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
  managersOn,
  offloaded,
  onlyTask,
  sceneOf,
  soon,
  stubborn,
} from "../support/scene.ts";
import { STORES } from "../support/stores.ts";

inFakeTime();

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

  test.each([
    [
      "a manager",
      () => new BackgroundTaskManager({ cancelGraceMS: 5 } as never),
      /cancelGraceMS is not an option/,
    ],
    [
      "limits",
      () => new BackgroundTaskManager({ limits: { perUser: 5 } as never }),
      /limits\.perUser is not an option/,
    ],
  ])("a misspelt option of %s is refused", (_, create, message) => expect(create).toThrow(message));
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

test("the default store is a memory store of the manager's own", async () => {
  const tasks = new BackgroundTaskManager();
  const { id } = await soon(tasks.start(callOf(), async () => "done"));
  expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
  expect(await soon(new BackgroundTaskManager({ store: memoryStore() }).get(ADA, id))).toBeUndefined();
});

describe.each(STORES)("several managers on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  test("tasks of two managers that share a store are seen, waited for and cancelled from both", async () => {
    const store = makeStore();
    const [one, two] = [managerOf({ store }), managerOf({ store })];
    const { id } = await soon(one.start(callOf(), async () => "done"));
    expect(await soon(two.wait(ADA, [id]), 5_000)).toMatchObject([{ status: "completed" }]);
    expect(await onlyTask(two)).toMatchObject({ id });
  });
});
