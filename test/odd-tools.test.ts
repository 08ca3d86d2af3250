import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { OffloadOutcome, ToolExecuteFunction } from "../src/index.ts";
import {
  ADA,
  callOf,
  ended,
  fakeTime,
  isPending,
  logOf,
  offloaded,
  pass,
  read,
  realTime,
  type Scene,
  sceneOf,
  soon,
  TIMEOUT_MS,
  watchRejections,
} from "./support/scene.ts";
import { STORES } from "./support/stores.ts";

const FAST_MS = 10;
const SLOW_MS = 1_000;

let rejections: ReturnType<typeof watchRejections>;

beforeEach(() => {
  fakeTime();
  rejections = watchRejections();
});

afterEach(async () => {
  realTime();
  await new Promise((resolve) => setTimeout(resolve, 5));
  rejections.stop();
  expect(rejections.seen).toEqual([]);
});

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A thenable that is no promise. */
class Query {
  readonly #settle: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void;

  constructor(settle: Query["then"]) {
    this.#settle = settle;
  }

  // biome-ignore lint/suspicious/noThenProperty: being a thenable is what it is for
  then(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    this.#settle(resolve, reject);
  }
}

interface OddTool {
  name: string;
  /** Settles after so long. */
  tool: (ms: number) => ToolExecuteFunction<unknown, unknown>;
  /** What the call comes to in the foreground. */
  value?: unknown;
  error?: { thrown: unknown; message: string | RegExp };
}

const unreadable = Object.defineProperty(new Error("x"), "message", {
  get: () => {
    throw new Error("The message is unreadable.");
  },
});

const SETTLING: OddTool[] = [
  {
    name: "a thenable",
    tool: (ms) => () => new Query((resolve) => void sleep(ms).then(() => resolve("done"))),
    value: "done",
  },
  {
    name: "a thenable that rejects",
    tool: (ms) => () => new Query((_, reject) => void sleep(ms).then(() => reject("no"))),
    error: { thrown: "no", message: "no" },
  },
  {
    name: "a thenable that settles twice",
    tool: (ms) => () =>
      new Query((resolve, reject) => {
        void sleep(ms).then(() => {
          resolve("first");
          resolve("second");
          reject(new Error("third"));
        });
      }),
    value: "first",
  },
  {
    name: "a thenable that settles and then throws",
    tool: (ms) => () =>
      new Query((resolve) => {
        void sleep(ms).then(() => resolve("done"));
      }),
    value: "done",
  },
  {
    name: "a promise of a thenable of a promise",
    tool: (ms) => async () => {
      await sleep(ms);
      return new Query((resolve) => resolve(Promise.resolve("done")));
    },
    value: "done",
  },
  {
    name: "throw null",
    tool: (ms) => async () => {
      await sleep(ms);
      throw null;
    },
    error: { thrown: null, message: "null" },
  },
  {
    name: "throw undefined",
    tool: (ms) => async () => {
      await sleep(ms);
      throw undefined;
    },
    error: { thrown: undefined, message: "undefined" },
  },
  {
    name: 'Promise.reject("text")',
    tool: (ms) => () => sleep(ms).then(() => Promise.reject("text")),
    error: { thrown: "text", message: "text" },
  },
  {
    name: "an error whose message getter throws",
    tool: (ms) => async () => {
      await sleep(ms);
      throw unreadable;
    },
    error: { thrown: unreadable, message: /./ },
  },
  {
    name: "a tool that returns nothing",
    tool: (ms) => () => sleep(ms),
    value: undefined,
  },
  {
    name: "a tool that returns a function",
    tool: (ms) => () => sleep(ms).then(() => Math.max),
    value: Math.max,
  },
];

describe.each(STORES)("odd tools on $name", ({ makeStore }) => {
  const scene = (): Scene => sceneOf({ store: makeStore() });

  describe.each(SETTLING)("$name", ({ tool, value, error }) => {
    test("in the foreground", async () => {
      const outcome = scene().offload.run(callOf(), tool(FAST_MS));
      if (error === undefined) expect(await soon(outcome)).toEqual({ status: "completed", value });
      else await expect(soon(outcome)).rejects.toBe(error.thrown);
    });

    test("after the hand-over", async () => {
      const { offload, tasks } = scene();
      const { id } = await offloaded(offload.run(callOf(), tool(SLOW_MS)));
      const task = await ended(tasks, id);
      if (error === undefined) expect(task).toMatchObject({ status: "completed", error: null });
      else {
        expect(task).toMatchObject({ status: "failed", error: { code: "tool_error" } });
        expect(task.error?.message).toMatch(error.message);
      }
    });
  });

  describe("synchronous throws", () => {
    test.each([new Error("now"), null, undefined, "text"])(
      "throw %s is what run rejects with",
      async (thrown) => {
        const { offload } = scene();
        const throwing = () => {
          throw thrown;
        };
        await expect(offload.run(callOf(), throwing)).rejects.toBe(thrown);
      },
    );

    test("in the background it is the task's failure", async () => {
      const { offload, tasks } = scene();
      const throwing = () => {
        throw new Error("now");
      };
      const { id } = await offloaded(offload.run(callOf({ background: true }), throwing));
      expect(await ended(tasks, id)).toMatchObject({ status: "failed", error: { message: "now" } });
    });

    test("a then that throws is a rejection", async () => {
      const { offload } = scene();
      const tool = () =>
        new Query(() => {
          throw new Error("then");
        });
      await expect(soon(offload.run(callOf(), tool))).rejects.toThrow("then");
    });
  });

  describe("promises with .cancel", () => {
    /** As p-cancelable and execa make them. */
    const cancellable = () => {
      const cancel = vi.fn(() => {
        throw new Error("cancel");
      });
      const promise: Promise<string> & { cancel(): void } = Object.assign(
        sleep(SLOW_MS).then(() => "done"),
        { cancel },
      );
      return { promise, cancel };
    };

    test("the hand-over does not cancel them", async () => {
      const { offload, tasks } = scene();
      const { promise, cancel } = cancellable();
      const { id } = await offloaded(offload.run(callOf(), () => promise));
      expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
      expect(cancel).not.toHaveBeenCalled();
    });

    test("the turn's abort and a task's cancel are told by the signal; nobody waits for .cancel", async () => {
      const { offload, tasks } = scene();
      const { promise } = cancellable();
      const { id } = await offloaded(offload.run(callOf(), () => promise));
      await soon(tasks.cancel(ADA, id));
      expect(await ended(tasks, id)).toMatchObject({ status: "cancelled" });
    });
  });

  test("never settling: it is offloaded, and goes on until it is cancelled", async () => {
    const { offload, tasks } = scene();
    const { id } = await offloaded(offload.run(callOf(), () => new Promise(() => undefined)));
    await pass(100_000);
    expect(await read(tasks, id)).toMatchObject({ status: "running" });
    await soon(tasks.cancel(ADA, id));
    expect(await ended(tasks, id)).toMatchObject({ status: "cancelled" });
  });

  test.each([
    ["resolves", () => Promise.resolve("late")],
    ["rejects", () => Promise.reject(new Error("late"))],
  ])("settling after cancel: a tool that %s once its task is over changes nothing", async (_, settle) => {
    const { offload, tasks } = scene();
    const { id } = await offloaded(
      offload.run(callOf(), async () => {
        await sleep(10_000);
        return settle();
      }),
    );
    await soon(tasks.cancel(ADA, id));
    const task = await ended(tasks, id);
    await pass(20_000);
    expect(await read(tasks, id)).toMatchObject({ status: "cancelled", lastSeq: task.lastSeq });
  });

  test("ignoring abort in the foreground: the turn goes on, and the rejection that follows is nobody's", async () => {
    const { offload } = scene();
    const turn = new AbortController();
    const outcome = offload.run(callOf({ signal: turn.signal }), async () => {
      await sleep(50);
      throw new Error("late");
    });
    turn.abort("stop");
    await expect(outcome).rejects.toBe("stop");
    await pass(10_000);
  });

  test("a tool whose deadline has passed in the foreground may reject later", async () => {
    const { offload } = sceneOf({ store: makeStore() }, { tools: { search: { deadlineMs: 50 } } });
    const outcome = offload.run(callOf(), async () => {
      await sleep(500);
      throw new Error("late");
    });
    await expect(soon(outcome)).rejects.toMatchObject({ code: "deadline_exceeded" });
    await pass(1_000);
  });

  describe("async generators", () => {
    async function drain<C>(stream: AsyncIterable<C>): Promise<void> {
      for await (const _ of stream);
    }

    test.each([FAST_MS, SLOW_MS])("that throw half-way, after %i ms", async (ms) => {
      const { offload, tasks } = scene();
      const stream = offload.stream(callOf(), async function* () {
        yield "one";
        await sleep(ms);
        throw null;
      });
      const reading = drain(stream).then(
        () => "read",
        (error: unknown) => error,
      );
      const outcome = stream.outcome.catch((error: unknown) => error);
      if (ms === FAST_MS) {
        expect(await soon(reading)).toBeNull();
        expect(await outcome).toBeNull();
      } else {
        expect(await soon(reading)).toBe("read");
        const { id } = await offloaded(outcome as Promise<OffloadOutcome<unknown>>);
        expect(await ended(tasks, id)).toMatchObject({ status: "failed", error: { message: "null" } });
      }
    });

    test("that never return and hear nothing: cancelled, with the event that says so", async () => {
      const { offload, tasks } = scene();
      const stream = offload.stream(callOf(), async function* () {
        yield "one";
        try {
          await new Promise(() => undefined);
        } finally {
          await new Promise(() => undefined);
        }
      });
      const reading = drain(stream);
      const { id } = await offloaded(stream.outcome);
      await reading;
      await soon(tasks.cancel(ADA, id));
      expect(await ended(tasks, id)).toMatchObject({ status: "cancelled" });
      expect((await logOf(tasks, id)).at(-1)).toMatchObject({ type: "task.cancelled", mayStillRun: true });
    });

    test("that nobody reads", async () => {
      const { offload } = scene();
      const stream = offload.stream(callOf(), async function* () {
        yield "one";
        throw new Error("half-way");
      });
      await pass(10 * TIMEOUT_MS);
      expect(await isPending(stream.outcome)).toBe(false);
    });
  });

  describe("tools that report", () => {
    test("ten million times", async () => {
      const { offload, tasks } = scene();
      const { id } = await offloaded(
        offload.run(callOf(), async (_, { report }) => {
          const progress = { value: 0 };
          for (; progress.value < 5_000_000; progress.value += 1) report(progress);
          await sleep(SLOW_MS);
          for (; progress.value < 10_000_000; progress.value += 1) report(progress);
          report(progress);
        }),
      );
      const task = await ended(tasks, id);
      expect(task).toMatchObject({ status: "completed", progress: { value: 10_000_000 } });
      expect(task.lastSeq).toBeLessThan(10);
    });

    test("a hundred thousand little chunks", async () => {
      const { offload, tasks } = scene();
      const { id } = await offloaded(
        offload.run(callOf(), async (_, { write }) => {
          for (let chunk = 0; chunk < 100_000; chunk += 1) write("x");
          await sleep(SLOW_MS);
        }),
      );
      expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
    });

    test("nonsense", async () => {
      const nonsense: unknown[] = [
        undefined,
        null,
        5,
        "half",
        [],
        {},
        { value: Number.NaN, total: Number.POSITIVE_INFINITY },
        { value: "5", total: 1n, message: { toString: 5 } },
        { message: "\u0000\n" },
        Symbol("s"),
        () => 5,
        Object.defineProperty({}, "value", {
          get: () => {
            throw new Error("no");
          },
        }),
        new Proxy(
          {},
          {
            get: () => {
              throw new Error("no");
            },
          },
        ),
      ];
      const { offload, tasks } = scene();
      const { id } = await offloaded(
        offload.run(callOf(), async (_, context) => {
          const { report, write } = context as { report(value: unknown): void; write(value: unknown): void };
          for (const value of nonsense) {
            report(value);
            if (typeof value !== "string") write(value);
          }
          await sleep(SLOW_MS);
          for (const value of nonsense) report(value);
          report({ value: 1, message: `two\nlines ${"x".repeat(9_999)}`, extra: {} });
        }),
      );
      const { status, progress, lastSeq } = await ended(tasks, id);
      expect(status).toBe("completed");
      expect(progress).toEqual({ value: 1, message: expect.stringMatching(/^two lines x+…$/) });
      expect([...(progress?.message ?? "")].length).toBeLessThanOrEqual(512);
      expect((await logOf(tasks, id)).length).toBe(lastSeq);
    });

    test.each(["settled", "cancelled"])("after they have %s", async (how) => {
      const { offload, tasks } = scene();
      const late = vi.fn();
      const { id } = await offloaded(
        offload.run(callOf(), async (_, { report, write }) => {
          setTimeout(() => {
            report({ value: 99 });
            write("late");
            late();
          }, 5_000);
          await sleep(how === "settled" ? SLOW_MS : 100_000);
        }),
      );
      if (how === "cancelled") await soon(tasks.cancel(ADA, id));
      const { lastSeq } = await ended(tasks, id);
      await pass(10_000);
      expect(late).toHaveBeenCalledOnce();
      expect(await read(tasks, id)).toMatchObject({ lastSeq, progress: null });
      expect(await logOf(tasks, id)).toHaveLength(lastSeq);
    });

    test("after they have settled in the foreground", async () => {
      const { offload, tasks } = scene();
      let late: (() => void) | undefined;
      await offload.run(callOf(), async (_, { report, write }) => {
        late = () => {
          report({ value: 1 });
          write("late");
        };
      });
      expect(late).not.toThrow();
      await pass(1_000);
      expect((await soon(tasks.list(ADA))).tasks).toEqual([]);
    });
  });

  test("metadata that has become unusable when the call is offloaded breaks nothing", async () => {
    const { offload } = scene();
    const metadata: Record<string, unknown> = {};
    const outcome = offload.run(callOf({ metadata }), () => sleep(SLOW_MS).then(() => "done"));
    metadata.self = metadata;
    expect(await soon(outcome)).toMatchObject({ status: expect.any(String) });
  });

  test("a revoked proxy and other unreadable values are kept as what they are", async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const { offload, tasks } = scene();
    const { id } = await offloaded(
      offload.run(callOf(), () => sleep(SLOW_MS).then(() => ({ inside: proxy }))),
    );
    expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
    expect(await soon(tasks.result(ADA, id))).toMatchObject({ lossy: ["/inside"] });
  });
});
