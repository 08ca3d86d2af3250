import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  BackgroundTaskManager,
  type BackgroundTaskManagerOptions,
  type MiddlewareOptions,
  type OffloadOutcome,
  type TimeoutPolicy,
  ToolOffloadMiddleware,
} from "../../../src/index.ts";
import { ADA, BOB, callOf, forbidUnhandledRejections, gate, obedient, taskOf } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { until } from "../../support/until.ts";

forbidUnhandledRejections();

const context = new AsyncLocalStorage<string>();
const as = <T>(who: string, work: () => T): T => context.run(who, work);
const who = () => context.getStore() ?? "nobody";

/** Says in which async context it is called, under a name. */
function witness() {
  const seen: [what: string, who: string][] = [];
  const sees = (what: string) => seen.push([what, who()]);
  return { seen, sees };
}

/** A manager of the host's, and a middleware that waits 10 ms. */
function sceneAs(options: BackgroundTaskManagerOptions = {}, middleware: Partial<MiddlewareOptions> = {}) {
  return as("host", () => {
    const tasks = new BackgroundTaskManager(options);
    return { tasks, offload: new ToolOffloadMiddleware({ tasks, timeoutMs: 10, ...middleware }) };
  });
}

const never = () => new Promise<string>(() => undefined);

describe.each(STORES)(
  "on $name, rule 24: a tool that waits for a slot runs in the context of its caller",
  ({ makeStore }) => {
    const ways: [string, (scene: ReturnType<typeof sceneAs>, tool: () => unknown) => Promise<unknown>][] = [
      ["start", ({ tasks }, tool) => tasks.start(callOf({ scope: BOB }), tool)],
      [
        "run in the background",
        ({ offload }, tool) => offload.run(callOf({ scope: BOB, background: true }), tool),
      ],
      [
        "stream in the background",
        async ({ offload }, tool) =>
          offload.stream(callOf({ scope: BOB, background: true }), async function* () {
            yield tool();
          }).outcome,
      ],
    ];
    const limits = [{ running: 1 }, { runningPerUser: 1 }, { runningPerSession: 1 }];

    test.each(ways.flatMap(([name, way]) => limits.map((limit) => [name, limit, way] as const)))(
      "%s, with %o",
      async (_, limits, way) => {
        const scene = sceneAs({ store: makeStore(), limits });
        const { seen, sees } = witness();
        const first = gate();
        await as("ada", () => scene.tasks.start(callOf({ scope: BOB }), () => first.promise));
        const tool = async () => {
          sees("begins");
          await new Promise((resolve) => setTimeout(resolve, 1));
          sees("goes on");
        };
        await as("bob", () => way(scene, tool));
        as("ada", () => first.resolve("done"));
        await until(() =>
          expect(seen).toEqual([
            ["begins", "bob"],
            ["goes on", "bob"],
          ]),
        );
        await scene.tasks.close();
      },
    );
  },
);

describe("rule 24: a listener is called in the context of who began to listen", () => {
  test("on, once, and to what has failed", async () => {
    const { tasks } = sceneAs();
    const { seen, sees } = witness();
    as("one", () => tasks.on("task.completed", () => sees("on")));
    as("two", () => tasks.once("task.completed", () => sees("once")));
    as("three", () => tasks.on("listener.failed", () => sees("failed")));
    as("four", () =>
      tasks.on("task.completed", () => {
        throw new Error("no");
      }),
    );
    const { id } = await as("ada", () => tasks.start(callOf(), () => 1));
    await tasks.wait(ADA, [id]);
    await until(() => expect(seen).toContainEqual(["failed", "three"]));
    expect(seen).toEqual([
      ["on", "one"],
      ["once", "two"],
      ["failed", "three"],
    ]);
  });

  test("one that two have added hears in both, and off takes it away for both", async () => {
    const { tasks } = sceneAs();
    const { seen, sees } = witness();
    const listener = () => void sees("heard");
    for (const one of ["one", "two"]) as(one, () => tasks.on("task.completed", listener));
    const { id } = await tasks.start(callOf(), () => 1);
    await tasks.wait(ADA, [id]);
    expect(seen).toEqual([
      ["heard", "one"],
      ["heard", "two"],
    ]);
    tasks.off("task.completed", listener);
    const second = await tasks.start(callOf(), () => 1);
    await tasks.wait(ADA, [second.id]);
    expect(seen).toHaveLength(2);
  });
});

describe("rule 24: what a call needs of its host is asked in the context of its caller", () => {
  const { seen, sees } = witness();
  beforeEach(() => void seen.splice(0));
  const policy: TimeoutPolicy = {
    timeoutMs: () => {
      sees("timeoutMs");
      return 10;
    },
    observe: () => void sees("observe"),
  };
  const redact = (_key: string, value: unknown) => {
    sees("redact");
    return value;
  };
  const summarize = () => {
    sees("summarize");
    return "a summary";
  };
  const placeholder = () => {
    sees("placeholder");
    return "wait";
  };
  const hooks = { timeoutMs: policy, placeholder, tools: { search: { summarize } } };
  const whos = (what: string) => [...new Set(seen.flatMap(([name, one]) => (name === what ? [one] : [])))];

  const open: BackgroundTaskManager[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((tasks) => tasks.close({ drainMs: 0 })));
  });
  const scene = (
    options: BackgroundTaskManagerOptions = {},
    middleware: Partial<MiddlewareOptions> = hooks,
  ) => {
    const made = sceneAs({ redact, ...options }, middleware);
    open.push(made.tasks);
    return made;
  };

  test("where it is handed over in time", async () => {
    const { offload, tasks } = scene();
    const slow = gate();
    const outcome = await as("ada", () => offload.run(callOf(), () => slow.promise));
    const { id } = taskOf(outcome);
    as("other", () => slow.reject(new Error("broken")));
    await tasks.wait(ADA, [id]);
    for (const what of ["timeoutMs", "summarize", "placeholder", "observe", "redact"]) {
      expect([what, whos(what)]).toEqual([what, ["ada"]]);
    }
  });

  test("where it ends in the foreground", async () => {
    const { offload } = scene();
    const slow = gate();
    const outcome = as("ada", () => offload.run(callOf(), () => slow.promise));
    as("other", () => slow.resolve("done"));
    await outcome;
    expect(seen).toEqual([
      ["timeoutMs", "ada"],
      ["observe", "ada"],
    ]);
  });

  test("where it waits for the end of another's task to be handed over", async () => {
    const { offload, tasks } = scene({ limits: { running: 1 } });
    const refused = vi.fn();
    tasks.on("offload.refused", refused);
    const first = gate();
    await as("other", () => tasks.start(callOf({ toolName: "first" }), () => first.promise));
    const outcome = as("ada", () => offload.run(callOf(), never));
    await until(() => expect(refused).toHaveBeenCalled());
    seen.splice(0);
    as("other", () => first.resolve("done"));
    await outcome;
    expect(whos("summarize")).toEqual(["ada"]);
    expect(whos("placeholder")).toEqual(["ada"]);
  });

  test("where somebody else stops it", async () => {
    const { offload, tasks } = scene({ cancelGraceMs: 1 });
    const tool = (_: unknown, { signal }: { signal: AbortSignal }) => {
      signal.addEventListener("abort", () => sees("abort"));
      return never();
    };
    const { id } = taskOf(await as("ada", () => offload.run(callOf(), tool)));
    await as("admin", () => tasks.cancel(ADA, id));
    await tasks.wait(ADA, [id]);
    expect(whos("abort")).toEqual(["ada"]);
    expect(whos("observe")).toEqual(["ada"]);
  });

  test("where it reaches its deadline", async () => {
    const tools = { search: { deadlineMs: 5 } };
    const { offload, tasks } = scene({}, { ...hooks, tools });
    const { id } = taskOf(await as("ada", () => offload.run(callOf({ background: true }), obedient)));
    await tasks.wait(ADA, [id]);
    expect(whos("observe")).toEqual(["ada"]);
    expect(whos("redact")).toEqual(["ada"]);
  });

  test("where it has joined another's", async () => {
    const { offload } = scene({}, { ...hooks, tools: { search: { onDuplicate: "join" } } });
    const both: Promise<OffloadOutcome<string>>[] = ["ada", "bob"].map((one) =>
      as(one, () => offload.run(callOf(), never)),
    );
    await Promise.all(both);
    expect(seen.filter(([what]) => what === "placeholder")).toEqual([
      ["placeholder", "ada"],
      ["placeholder", "bob"],
    ]);
  });

  test("where its result is kept", async () => {
    const { offload, tasks } = scene();
    const slow = gate<object>();
    const { id } = taskOf(await as("ada", () => offload.run(callOf(), () => slow.promise)));
    const result = { toJSON: () => void sees("toJSON") };
    as("other", () => slow.resolve(result));
    await tasks.wait(ADA, [id]);
    expect(whos("toJSON")).toEqual(["ada"]);
  });

  test("where it is adopted", async () => {
    const { tasks } = scene();
    const outside = { promise: never(), abort: () => void sees("abort"), startedAt: Date.now() };
    const { id } = await as("ada", () => tasks.adopt(callOf(), outside));
    await as("admin", () => tasks.cancel(ADA, id));
    expect(whos("abort")).toEqual(["ada"]);
  });
});

describe("rule 24: the fast path stays free of it", () => {
  let kept = 0;
  const hook = createHook({
    init: (_, type) => {
      if (type === "tool-offload") kept += 1;
    },
  });
  beforeEach(() => void hook.enable());
  afterEach(() => void hook.disable());

  test("a call that ends in time keeps no context", async () => {
    const { offload } = sceneAs({}, { timeoutMs: 60_000 });
    kept = 0;
    const { signal } = new AbortController();
    for (const more of [{}, { toolCallId: "one" }, { signal }])
      await offload.run(callOf(more), async () => 1);
    expect(kept).toBe(0);
  });

  test("a call that is handed over keeps one", async () => {
    const { offload } = sceneAs();
    kept = 0;
    await offload.run(callOf(), never);
    expect(kept).toBe(1);
  });
});
