import { describe, expect, test, vi } from "vitest";
import {
  ADA,
  BOB,
  callOf,
  ended,
  gate,
  inFakeTime,
  isPending,
  managersOn,
  obedient,
  offloaded,
  onlyTask,
  pass,
  sceneOf,
  scenesOn,
  soon,
  stubborn,
  TIMEOUT_MS,
  taskOf,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { allowWarnings } from "../../support/warnings.ts";

inFakeTime();

describe.each(STORES)("equal calls on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);
  const scene = scenesOn(makeStore);

  describe("of start", () => {
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

    test("an empty toolCallId is none, in every way in: the task has its own id", async () => {
      const { tasks, offload } = scene();
      const call = callOf({ toolCallId: "" });
      const adopt = () =>
        tasks.adopt(call, { promise: stubborn(), abort: () => undefined, startedAt: Date.now() });
      const stream = () =>
        offloaded(
          offload.stream(call, async function* () {
            yield await stubborn();
          }).outcome,
        );
      for (const begin of [
        () => tasks.start(call, stubborn),
        adopt,
        () => offloaded(offload.run(call, stubborn)),
        stream,
      ]) {
        const [one, two] = [await soon(begin()), await soon(begin())];
        expect([one.toolCallId, two.toolCallId]).toEqual([one.id, two.id]);
        expect(one.id).not.toBe(two.id);
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

  describe("of run", () => {
    const join = { tools: { search: { onDuplicate: "join" } } } as const;

    test("join: an equal call in the foreground waits for the same tool", async () => {
      const { offload } = scene(join);
      const slow = gate();
      const tool = vi.fn(() => slow.promise);
      const both = [offload.run(callOf(), tool), offload.run(callOf(), tool)];
      slow.resolve("done");
      for (const outcome of both) expect(await outcome).toEqual({ status: "completed", value: "done" });
      expect(tool).toHaveBeenCalledOnce();
    });

    test("join: an equal call gets the same task, each at its own timeout", async () => {
      const { offload, tasks } = scene(join);
      const tool = vi.fn(stubborn);
      const one = await offloaded(offload.run(callOf({ toolCallId: "a" }), tool));
      const second = offload.run(callOf({ toolCallId: "b" }), tool);
      await pass(TIMEOUT_MS / 2);
      expect(await isPending(second)).toBe(true);
      expect((await offloaded(second)).id).toBe(one.id);
      expect(tool).toHaveBeenCalledOnce();
      expect(await onlyTask(tasks)).toMatchObject({ id: one.id });
    });

    test("join: another user, session, tool or input is another call", async () => {
      const { offload } = scene({ tools: { ...join.tools, other: { onDuplicate: "join" } } });
      const tool = vi.fn(stubborn);
      const calls = [
        callOf(),
        callOf({ scope: BOB }),
        callOf({ scope: { ...ADA, sessionId: "s2" } }),
        callOf({ toolName: "other" }),
        callOf({ input: { query: "dogs" } }),
      ];
      const all = await soon(Promise.all(calls.map((call) => offload.run(call, tool))));
      expect(new Set(all.map((outcome) => taskOf(outcome).id)).size).toBe(calls.length);
    });

    test("join: a tool that changes its input is still the call that was asked for", async () => {
      const { offload } = scene(join);
      const tool = vi.fn((input: unknown) => {
        (input as { query: string }).query = "changed";
        return stubborn();
      });
      const one = await offloaded(offload.run(callOf(), tool));
      const two = await offloaded(offload.run(callOf(), tool));
      expect(two.id).toBe(one.id);
      expect(tool).toHaveBeenCalledOnce();
    });

    test("join: start makes a task of the equal call that a turn waits for, and gives it", async () => {
      const { offload, tasks } = scene({ tools: { search: { onDuplicate: "join" } } });
      const slow = gate();
      const again = vi.fn(stubborn);
      const outcome = offload.run(callOf(), () => slow.promise);
      const task = await soon(tasks.start(callOf(), again, { onDuplicate: "join" }));
      slow.resolve("done");
      expect(await soon(outcome)).toEqual({ status: "completed", value: "done" });
      expect(again).not.toHaveBeenCalled();
      expect(await ended(tasks, task.id)).toMatchObject({
        status: "completed",
        followUp: { status: "pending" },
      });
    });

    test("join: start is refused where the equal call ends before it could become a task", async () => {
      allowWarnings();
      const { offload, tasks } = scene({ tools: { search: { onDuplicate: "join" } } }, { running: 1 });
      await soon(tasks.start(callOf({ toolName: "other" }), obedient));
      await pass(10);
      const slow = gate();
      const again = vi.fn(() => "second");
      const outcome = offload.run(callOf(), () => slow.promise);
      const starting = tasks.start(callOf(), again, { onDuplicate: "join" });
      await pass(10);
      slow.resolve("first");
      await expect(soon(starting)).rejects.toMatchObject({ code: "duplicate" });
      expect(await soon(outcome)).toEqual({ status: "completed", value: "first" });
      expect(again).not.toHaveBeenCalled();
    });

    test("reject: start is refused while a turn waits for an equal call", async () => {
      const { offload, tasks } = scene();
      void offload.run(callOf({ toolCallId: "call-1" }), stubborn).catch(() => undefined);
      const starting = tasks.start(callOf({ toolCallId: "call-2" }), stubborn, { onDuplicate: "reject" });
      await expect(soon(starting)).rejects.toMatchObject({ code: "duplicate" });
    });

    test("reject: an equal call is refused with code duplicate", async () => {
      const { offload } = scene({ tools: { search: { onDuplicate: "reject" } } });
      void offload.run(callOf(), stubborn);
      await expect(offload.run(callOf(), stubborn)).rejects.toMatchObject({ code: "duplicate" });
      const { id } = await offloaded(offload.run(callOf({ input: "other" }), stubborn));
      expect(id).not.toBe("");
    });

    test("allow: equal calls are calls of their own, but a repeated toolCallId joins", async () => {
      const { offload } = scene();
      const tool = vi.fn(stubborn);
      const call = callOf({ toolCallId: "call-1" });
      const all = await soon(
        Promise.all([call, call, callOf(), callOf()].map((one) => offload.run(one, tool))),
      );
      const [one, two, three, four] = all.map((outcome) => taskOf(outcome).id);
      expect(two).toBe(one);
      expect(new Set([one, three, four]).size).toBe(3);
    });

    test("a reused toolCallId with another input, tool, session or user is a call of its own", async () => {
      const { offload } = scene();
      const call = callOf({ toolCallId: "call-1" });
      const calls = [
        call,
        { ...call, input: "other" },
        { ...call, toolName: "other" },
        { ...call, scope: { ...ADA, sessionId: "s2" } },
        { ...call, scope: BOB },
      ];
      const all = await soon(Promise.all(calls.map((one) => offload.run(one, stubborn))));
      expect(new Set(all.map((outcome) => taskOf(outcome).id)).size).toBe(calls.length);
    });

    test("what joined a task that is then cancelled is not told that it goes on", async () => {
      const { offload, tasks } = sceneOf({ store: makeStore(), cancelGraceMs: 10 }, join);
      const { id } = await offloaded(offload.run(callOf(), stubborn));
      const second = offload.run(callOf(), stubborn);
      second.catch(() => undefined);
      await pass(20);
      await soon(tasks.cancel(ADA, id));
      await ended(tasks, id);
      await pass(TIMEOUT_MS);
      expect(await isPending(second)).toBe(false);
      const outcome = await second.catch(() => undefined);
      expect(outcome?.status).not.toBe("offloaded");
    });
  });

  describe("of inputs that no text can hold", () => {
    class Handle {
      readonly #path: string;
      constructor(path: string) {
        this.#path = path;
      }
      get path() {
        return this.#path;
      }
    }
    const pairs: [string, unknown, unknown][] = [
      ["files", new File(["cats"], "a.txt"), new File(["dogs"], "b.txt")],
      ["queries", new URLSearchParams("a=1"), new URLSearchParams("a=2")],
      ["instances with private fields", new Handle("a"), new Handle("b")],
      ["functions", () => 1, () => 2],
      ["a date and its text", new Date(0), new Date(0).toISOString()],
    ];
    const ways: Record<string, (scene: ReturnType<typeof sceneOf>, input: unknown) => Promise<string>> = {
      "run that joins": async ({ offload }, input) =>
        (await offloaded(offload.run(callOf({ input }), stubborn))).id,
      "run that repeats an id": async ({ offload }, input) =>
        (await offloaded(offload.run(callOf({ input, toolName: "other", toolCallId: "call-1" }), stubborn)))
          .id,
      "start that joins": async ({ tasks }, input) =>
        (await soon(tasks.start(callOf({ input }), stubborn, { onDuplicate: "join" }))).id,
      "start that repeats an id": async ({ tasks }, input) =>
        (await soon(tasks.start(callOf({ input, toolCallId: "call-1" }), stubborn))).id,
      "adopt that joins": async ({ tasks }, input) => {
        const outside = { promise: stubborn(), abort: () => undefined, startedAt: Date.now() };
        return (await soon(tasks.adopt(callOf({ input }), outside, { onDuplicate: "join" }))).id;
      },
    };

    describe.each(Object.entries(ways))("by %s", (_, way) => {
      test.each(pairs)("two %s are two calls, and one of them is one", async (_name, one, other) => {
        const here = scene({ tools: { search: { onDuplicate: "join" } } });
        const first = await way(here, { value: one });
        expect(await way(here, { value: other })).not.toBe(first);
        expect(await way(here, { value: one })).toBe(first);
      });
    });

    test("what waits in the queue is told apart too", async () => {
      const { tasks } = scene({}, { running: 1 });
      await soon(tasks.start(callOf({ toolName: "other" }), stubborn));
      const start = (input: unknown) =>
        soon(tasks.start(callOf({ input }), stubborn, { onDuplicate: "join" }));
      const [file, otherFile] = [new File(["a"], "a"), new File(["b"], "b")];
      const queued = await start(file);
      expect(queued.status).toBe("queued");
      expect((await start(otherFile)).id).not.toBe(queued.id);
      expect((await start(file)).id).toBe(queued.id);
    });
  });
});
