import { getEventListeners } from "node:events";
import { describe, expect, test, vi } from "vitest";
import { answersAfter, arrivesAfter, faultyStore, neverAnswers } from "../../support/faulty-store.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
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
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { allowWarnings } from "../../support/warnings.ts";

inFakeTime();

describe.each(STORES)("the turn's signal on $name", ({ makeStore }) => {
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
      allowWarnings();
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
});
