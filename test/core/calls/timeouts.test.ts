import { describe, expect, test, vi } from "vitest";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "../../../src/index.ts";
import {
  ADA,
  callOf,
  gate,
  inFakeTime,
  isPending,
  obedient,
  pass,
  sceneOf,
  scenesOn,
  soon,
  stubborn,
  TIMEOUT_MS,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

describe.each(STORES)("timeouts on $name", ({ makeStore }) => {
  const scene = scenesOn(makeStore);

  describe("timeoutMs", () => {
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

  describe("TimeoutPolicy", () => {
    test("decides for each call; a tool's own timeout goes before it", async () => {
      const timeoutMs = vi.fn(({ toolName }: { toolName: string }) => (toolName === "slow" ? 500 : 20));
      const { offload } = scene({ timeoutMs: { timeoutMs }, tools: { own: { timeoutMs: 200 } } });
      const outcomes = ["slow", "fast", "own"].map((toolName) => offload.run(callOf({ toolName }), stubborn));
      await pass(50);
      expect(await Promise.all(outcomes.map(isPending))).toEqual([true, false, true]);
      await pass(200);
      expect(await Promise.all(outcomes.map(isPending))).toEqual([true, false, false]);
      expect(timeoutMs.mock.calls.map(([call]) => call)).toEqual([
        { toolName: "slow", input: { query: "cats" }, scope: ADA },
        { toolName: "fast", input: { query: "cats" }, scope: ADA },
      ]);
    });

    test("one that throws falls back to the default, with an event", async () => {
      const timeoutMs = () => {
        throw new Error("no");
      };
      const { offload, tasks } = scene({ timeoutMs: { timeoutMs } });
      const failed = vi.fn();
      tasks.on("policy.failed", failed);
      expect(await offload.run(callOf(), async () => "done")).toEqual({ status: "completed", value: "done" });
      expect(failed).toHaveBeenCalledOnce();
    });

    test("observe sees the duration of every call: fast, failed, offloaded, in the background, aborted", async () => {
      const observe = vi.fn();
      const { offload } = scene({
        timeoutMs: { timeoutMs: () => TIMEOUT_MS, observe },
        tools: { always: { mode: "always" } },
      });
      const lasts = (ms: number) => () => new Promise((resolve) => setTimeout(resolve, ms));
      await soon(offload.run(callOf({ toolName: "fast" }), lasts(30)));
      await soon(offload.run(callOf({ toolName: "failed" }), () => Promise.reject(new Error("no")))).catch(
        () => 0,
      );
      await soon(offload.run(callOf({ toolName: "offloaded" }), lasts(300)));
      await pass(300);
      await soon(offload.run(callOf({ toolName: "always" }), lasts(50)));
      await pass(100);
      const turn = new AbortController();
      const aborted = offload.run(callOf({ toolName: "aborted", signal: turn.signal }), obedient);
      await pass(20);
      turn.abort();
      await aborted.catch(() => undefined);
      await pass(10);
      // A restless store may take a few milliseconds to let a background call start.
      const calls = observe.mock.calls.map(([name, ms]) => [name, 10 * Math.floor(ms / 10)]);
      expect(calls).toEqual([
        ["fast", 30],
        ["failed", 0],
        ["offloaded", 300],
        ["always", 50],
        ["aborted", 20],
      ]);
    });

    test("an observe that throws fails no call, and is told of", async () => {
      const observe = () => {
        throw new Error("no");
      };
      const { offload, tasks } = scene({ timeoutMs: { timeoutMs: () => 10, observe } });
      const failed = vi.fn();
      tasks.on("policy.failed", failed);
      expect(await offload.run(callOf(), async () => "done")).toEqual({ status: "completed", value: "done" });
      expect(failed).toHaveBeenCalledOnce();
    });
  });
});
