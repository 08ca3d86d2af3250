import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { observe } from "../../src/core/ledger/observe.ts";
import { roomsOf } from "../../src/core/manager.ts";
import { type DispatcherOptions, FollowUpDispatcher } from "../../src/follow-up/index.ts";
import { BackgroundTaskManager, memoryStore, type TaskStore } from "../../src/index.ts";
import {
  answersAfter,
  type Fault,
  faultyStore,
  losesAnswer,
  neverAnswers,
  rejects,
} from "../support/faulty-store.ts";
import {
  ADA,
  BOB,
  callOf,
  ended,
  gate,
  isPending,
  logOf,
  obedient,
  pass,
  read,
  soon,
  stubborn,
  watchRejections,
} from "../support/scene.ts";
import { STORES } from "../support/stores.ts";
import {
  allIds,
  COALESCE_MS,
  complete,
  completeAll,
  countOf,
  cutOff,
  deliveredIds,
  fails,
  gapsOf,
  type Host,
  hangs,
  hostOf,
  inboxOf,
  LEASE_MS,
  lose,
  MOMENT_MS,
  obeys,
  type Process,
  type ProcessOptions,
  processOf,
  RETRY_MS,
  type Script,
  says,
  sorted,
  startedProcess,
  takesMs,
  timersLeft,
} from "./support.ts";

const ADA_2 = { ...ADA, sessionId: "s2" };
const ADA_3 = { ...ADA, sessionId: "s3" };
const STORE_TIMEOUT_MS = 2_000;
const LONG_MS = 10 * 60_000;

let rejections: ReturnType<typeof watchRejections>;
beforeEach(() => {
  vi.useFakeTimers();
  rejections = watchRejections();
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await new Promise((resolve) => setImmediate(resolve));
  rejections.stop();
  expect(rejections.seen).toEqual([]);
});

/** Where the way back of a task stands. */
async function followUpOf({ tasks }: Pick<Process, "tasks">, id: string, scope = ADA) {
  return (await read(tasks, id, scope)).followUp;
}

function typesIn({ events }: Process): string[] {
  return events.map(({ type }) => type);
}

describe.each(STORES)("push, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });
  const start = (options: Partial<ProcessOptions> = {}) => startedProcess({ store, ...options });

  describe("turns", () => {
    test("rule 16: three completions of one session within coalesceMs make one turn", async () => {
      const { tasks, host } = start();
      const three = await completeAll(tasks, [{}, {}, {}]);
      await pass(10_000);
      expect(host.turns).toHaveLength(1);
      expect(sorted(deliveredIds(host))).toEqual(sorted(allIds(three)));
    });

    test("rule 16: a completion waits for others for coalesceMs, and no longer than for a moment more", async () => {
      const { tasks, host } = start({ dispatcher: { coalesceMs: 400 } });
      const { completedAt } = await complete(tasks);
      await pass(500);
      expect(host.turns).toHaveLength(1);
      const waited = (host.turns[0]?.at ?? 0) - (completedAt ?? 0);
      expect(waited).toBeGreaterThanOrEqual(400);
    });

    test("rule 16: it waits no longer because something else has completed just before", async () => {
      const { tasks, host } = start();
      await complete(tasks, { scope: ADA_2 });
      await pass(10);
      const { id, completedAt } = await complete(tasks);
      await pass(2 * COALESCE_MS);
      const waited = (host.turns.find(({ ids }) => ids.includes(id))?.at ?? Infinity) - (completedAt ?? 0);
      expect(waited).toBeGreaterThanOrEqual(COALESCE_MS);
      expect(waited).toBeLessThan(1.25 * COALESCE_MS + 20);
    });

    test("rule 16: completions that go on and on do not put the first one's turn off", async () => {
      const { tasks, host } = start({ dispatcher: { maxConsecutiveTurns: 99 } });
      for (let n = 0; n < 40; n += 1) {
        await complete(tasks);
        await pass(40);
      }
      expect(host.turns.length).toBeGreaterThan(3);
      await pass(MOMENT_MS);
      expect(deliveredIds(host)).toHaveLength(40);
    });

    test("with coalesceMs 0 a completion waits for nobody", async () => {
      const { tasks, host } = start({ dispatcher: { coalesceMs: 0 } });
      await complete(tasks);
      await pass(30);
      expect(host.turns).toHaveLength(1);
    });

    test("rule 16: sessions are delivered side by side, each in a turn of its own, up to the concurrency", async () => {
      const { tasks, host } = start({ host: hostOf(takesMs(500)), dispatcher: { concurrency: 2 } });
      const scopes = [ADA, ADA_2, ADA_3, BOB, { userId: "ada" }];
      await completeAll(
        tasks,
        scopes.map((scope) => ({ scope })),
      );
      await pass(MOMENT_MS);
      expect([host.running.size, host.turns.length]).toEqual([2, 2]);
      await pass(5_000);
      expect([host.most, host.overlaps]).toEqual([2, []]);
      expect(host.turns.map(({ ids }) => ids.length)).toEqual([1, 1, 1, 1, 1]);
      const delivered = host.turns.map(({ scope }) => scope);
      expect(delivered).toHaveLength(5);
      expect(delivered).toEqual(expect.arrayContaining(scopes));
    });

    test("a place that frees is taken at once", async () => {
      const { tasks, host } = start({
        host: hostOf(takesMs(500)),
        dispatcher: { concurrency: 1, pollMs: LONG_MS },
      });
      await completeAll(tasks, [{ scope: ADA }, { scope: ADA_2 }, { scope: ADA_3 }]);
      await pass(MOMENT_MS + 3 * 530);
      expect(host.turns).toHaveLength(3);
    });

    test("however fast tasks finish, the store is asked for follow-ups a few times", async () => {
      const faulty = faultyStore(store);
      const { tasks, host } = start({ store: faulty, dispatcher: { pollMs: LONG_MS } });
      await pass(10);
      const before = countOf(faulty, "claim");
      for (let n = 0; n < 100; n += 1) {
        void tasks.start(callOf({ scope: { userId: `u${n}` } }), () => n);
        await pass(2);
      }
      await pass(2_000);
      expect(host.turns).toHaveLength(100);
      const looks = countOf(faulty, "claim") - before - host.turns.length;
      // Each turn that ends looks, too.
      expect(looks).toBeLessThan(host.turns.length + 20);
      const { id } = await complete(tasks);
      await pass(MOMENT_MS);
      expect(host.turns.at(-1)?.ids).toEqual([id]);
    });

    test("a task that only runs has nobody look for follow-ups", async () => {
      const faulty = faultyStore(store);
      const { tasks } = start({ store: faulty, dispatcher: { pollMs: LONG_MS } });
      await pass(MOMENT_MS);
      const before = countOf(faulty, "claim");
      await soon(
        tasks.start(callOf(), async (_, { report }) => {
          for (let value = 0; value < 50; value += 1) {
            report({ value });
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
        }),
      );
      await pass(4_000);
      expect(countOf(faulty, "append")).toBeGreaterThan(10);
      expect(countOf(faulty, "claim")).toBe(before);
    });

    test("rule 16: no completion makes no turn", async () => {
      const { tasks, host } = start();
      await soon(tasks.start(callOf(), stubborn));
      await pass(60_000);
      expect(host.turns).toEqual([]);
    });

    test("rule 16: what completes during a delivery is delivered in the next turn, and never beside it", async () => {
      const { tasks, host } = start({ host: hostOf(takesMs(3_000), says(undefined)) });
      const first = await complete(tasks);
      await pass(MOMENT_MS);
      const second = await complete(tasks);
      const third = await complete(tasks);
      await pass(2_000);
      expect(host.turns.map(({ ids }) => ids)).toEqual([[first.id]]);
      await pass(2_000);
      expect(host.turns.map(({ ids }) => sorted(ids))).toEqual([[first.id], sorted([second.id, third.id])]);
      expect(host.overlaps).toEqual([]);
    });

    test("a dispatcher that is started after the tasks have ended delivers what is there", async () => {
      const process = processOf({ store });
      const task = await complete(process.tasks);
      await pass(60_000);
      expect(process.host.turns).toEqual([]);
      process.dispatcher.start();
      await pass(20);
      expect(deliveredIds(process.host)).toEqual([task.id]);
    });

    test("a process finds what others have left without a hint within pollMs", async () => {
      const other = new BackgroundTaskManager({ store });
      const deaf = { ...store };
      delete deaf.watch;
      const { host } = start({ store: deaf, dispatcher: { pollMs: 700 } });
      await pass(100);
      const task = await complete(other);
      await pass(620);
      expect(deliveredIds(host)).toEqual([task.id]);
    });
  });

  test("a turn does not run in the async context of the tool whose end woke it", async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const host = hostOf(async () => void seen.push(context.getStore()));
    const { tasks } = context.run("the host's", () => start({ host }));
    await context.run("the tool's", () => complete(tasks));
    await pass(MOMENT_MS);
    expect(seen).toEqual(["the host's"]);
  });

  describe("what a delivery holds", () => {
    test("rule 14: the scope, the task as it ended, its result, a message and a live signal", async () => {
      const { tasks, host } = start();
      const { id } = await complete(tasks, { value: { cats: 3 } });
      await pass(MOMENT_MS);
      const { scope, followUps, message, signal } = host.turns[0]?.delivery ?? {};
      expect(scope).toEqual({ userId: "ada", sessionId: "s1" });
      expect(followUps).toMatchObject([
        { id, attempt: 1, task: { id, status: "completed" }, result: { value: { cats: 3 } } },
      ]);
      expect(message?.text).toContain('{"cats":3}');
      expect(message?.marker).toMatchObject({ type: "tool-offload.follow-up", tasks: [{ id }] });
      expect(signal?.aborted).toBe(false);
    });

    test("the scope of tasks without a session has none, and no other session's comes along", async () => {
      const { tasks, host } = start();
      const [alone, other] = await completeAll(tasks, [{ scope: { userId: "ada" } }, { scope: ADA }]);
      await pass(MOMENT_MS);
      const turn = host.turns.find(({ ids }) => ids[0] === alone?.id);
      expect(turn).toMatchObject({ scope: { userId: "ada" }, ids: [alone?.id] });
      expect(Object.keys(turn?.scope ?? {})).toEqual(["userId"]);
      expect(deliveredIds(host)).toContain(other?.id);
    });

    test("the metadata of the call comes back", async () => {
      const { tasks, host } = start();
      const metadata = { workspace: "/home/ada", model: { name: "fast", thinking: true } };
      await complete(tasks, { metadata });
      await pass(MOMENT_MS);
      expect(host.turns[0]?.delivery.followUps[0]?.task.metadata).toEqual(metadata);
    });

    test("rule 17: the message can be had for some of them, as it is for all", async () => {
      const { tasks, host } = start();
      const two = await completeAll(tasks, [{ value: "mice" }, { value: "dogs" }]);
      await pass(MOMENT_MS);
      const { followUps, messageFor } = host.turns[0]?.delivery ?? {};
      const dogs = followUps?.filter(({ id }) => id === two[1]?.id) ?? [];
      const message = messageFor?.(dogs);
      expect(message?.text).toContain("dogs");
      expect(message?.text).not.toContain("mice");
      expect(message?.marker.tasks).toMatchObject([{ id: two[1]?.id }]);
    });

    test("what a host does with its lists harms no follow-up", async () => {
      const emptied: Script = ({ followUps }) => void (followUps as unknown[]).splice(0);
      const { tasks, host } = start({
        host: hostOf(emptied),
        dispatcher: {
          message: (followUps) => {
            (followUps as unknown[]).splice(0);
            return "all of them";
          },
        },
      });
      const two = await completeAll(tasks, [{}, {}]);
      await pass(MOMENT_MS);
      expect(host.turns).toMatchObject([{ ids: expect.any(Array) }]);
      expect(sorted(deliveredIds(host))).toEqual(sorted(allIds(two)));
      for (const { id } of two)
        expect(await followUpOf({ tasks }, id)).toMatchObject({ status: "delivered" });
    });
  });

  describe("an end of any kind", () => {
    test("rule 15: a failure is told too", async () => {
      const { tasks, host } = start();
      const { id } = await soon(tasks.start(callOf(), () => Promise.reject(new Error("no disk"))));
      await ended(tasks, id);
      await pass(MOMENT_MS);
      expect(host.turns[0]?.delivery.followUps).toMatchObject([
        { id, result: { status: "failed", error: { code: "tool_error", message: "no disk" } } },
      ]);
    });

    test("rule 15: a task whose process is lost is told", async () => {
      const { tasks, host } = start();
      const { id } = await soon(tasks.start(callOf(), stubborn));
      await pass(10);
      await lose(store, id);
      await pass(1_000 + MOMENT_MS);
      expect(host.turns[0]?.delivery.followUps).toMatchObject([{ id, result: { error: { code: "lost" } } }]);
    });

    test("rule 15: a task that shutdown has ended is told, by a process that comes later", async () => {
      const first = new BackgroundTaskManager({ store });
      const { id } = await soon(first.start(callOf(), stubborn));
      await pass(10);
      await soon(first.close({ drainMs: 0 }), 10_000);
      const { host } = start();
      await pass(MOMENT_MS);
      expect(host.turns[0]?.delivery.followUps).toMatchObject([
        { id, result: { error: { code: "shutdown" } } },
      ]);
    });

    test("rule 15: a task that the host has cancelled is told", async () => {
      const { tasks, host } = start();
      const { id } = await soon(tasks.start(callOf(), obedient));
      await pass(10);
      await soon(tasks.cancel(ADA, id, { by: "host", reason: "too expensive" }));
      await ended(tasks, id);
      await pass(MOMENT_MS);
      expect(host.turns[0]?.delivery.followUps).toMatchObject([
        { id, result: { status: "cancelled", by: "host", reason: "too expensive" } },
      ]);
    });

    test("rule 15: a task that the user has cancelled wakes nobody, and the next turn learns of it", async () => {
      const { tasks, host } = start();
      const { id } = await soon(tasks.start(callOf(), obedient));
      await pass(10);
      await soon(tasks.cancel(ADA, id, { by: "user" }));
      await ended(tasks, id);
      await pass(60_000);
      expect(host.turns).toEqual([]);
      expect(await followUpOf({ tasks }, id)).toMatchObject({ status: "pending" });
      const next = await complete(tasks);
      await pass(MOMENT_MS);
      expect(host.turns.map(({ ids }) => ids)).toEqual([[id, next.id]]);
    });

    test("rule 15: a task that the model itself has stopped gives none", async () => {
      const { tasks, host } = start();
      const { id } = await soon(tasks.start(callOf(), obedient));
      await pass(10);
      await soon(tasks.cancel(ADA, id, { by: "model" }));
      await ended(tasks, id);
      const next = await complete(tasks);
      await pass(60_000);
      expect(deliveredIds(host)).toEqual([next.id]);
      expect(await followUpOf({ tasks }, id)).toMatchObject({ status: "none" });
    });

    test("a silent one wakes nobody, and comes along with the next that does", async () => {
      const { tasks, host } = start();
      const silent = await complete(tasks, { followUp: "silent" });
      await complete(tasks, { followUp: "silent", scope: ADA_2 });
      await pass(60_000);
      expect(host.turns).toEqual([]);
      const loud = await complete(tasks);
      await pass(MOMENT_MS);
      expect(host.turns.map(({ ids }) => ids)).toEqual([[silent.id, loud.id]]);
    });

    test("an interrupt wakes an idle session", async () => {
      const { tasks, host } = start();
      const { id } = await complete(tasks, { followUp: "interrupt" });
      await pass(MOMENT_MS);
      expect(deliveredIds(host)).toEqual([id]);
    });
  });

  describe("acknowledgement", () => {
    test("rule 14: returning acknowledges: delivered, on the task and as an event, and never again", async () => {
      const process = start({ host: hostOf(takesMs(500)) });
      const { tasks, host, events } = process;
      const { id } = await complete(tasks);
      await pass(MOMENT_MS);
      expect(await followUpOf(process, id)).toEqual({ status: "claimed", attempts: 1, reason: null });
      expect(events).toEqual([]);
      await pass(550);
      const task = await read(tasks, id);
      expect(task.followUp).toEqual({ status: "delivered", attempts: 1, reason: null });
      const log = await logOf(tasks, id);
      expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
      expect(log.at(-1)).toMatchObject({ type: "follow_up.delivered", seq: task.lastSeq });
      expect(events).toMatchObject([
        { type: "follow_up.delivered", taskIds: [id], notice: { seq: task.lastSeq } },
      ]);
      await pass(LONG_MS);
      expect(host.turns).toHaveLength(1);
    });

    test.each([[undefined], [null], [false], [0], [""], ["done"], ["BUSY"], [["busy"]], [{ gone: true }]])(
      "rule 14: whatever else a delivery answers acknowledges it, now or later: %j",
      async (answer) => {
        const process = start({ host: hostOf(() => answer, says(answer)) });
        const { id } = await complete(process.tasks);
        await pass(MOMENT_MS);
        const later = await complete(process.tasks);
        await pass(5_000);
        expect(process.host.turns).toHaveLength(2);
        expect(await followUpOf(process, id)).toMatchObject({ status: "delivered", attempts: 1 });
        expect(await followUpOf(process, later.id)).toMatchObject({ status: "delivered", attempts: 1 });
      },
    );

    test("rule 14: the result is on record before anyone is told of it", async () => {
      const seen: unknown[] = [];
      const process: Process = start({
        host: hostOf(async ({ followUps }) => {
          for (const { id } of followUps) seen.push(await process.tasks.result(ADA, id));
        }),
      });
      await complete(process.tasks, { value: "the answer" });
      await pass(MOMENT_MS + 50);
      expect(seen).toMatchObject([{ status: "completed", value: "the answer" }]);
    });
  });

  describe("failures", () => {
    test.each([1, 2, 4])(
      "rule 16: a delivery that fails %i times comes again, with the same ids and an attempt more",
      async (times) => {
        const process = start({ host: hostOf(...Array(times).fill(fails), says("done")) });
        const { tasks, host, events } = process;
        const { id } = await complete(tasks);
        await pass(60_000);
        expect(host.turns.map(({ ids }) => ids)).toEqual(Array(times + 1).fill([id]));
        expect(host.turns.map(({ attempts }) => attempts[0])).toEqual([1, 2, 3, 4, 5].slice(0, times + 1));
        expect(await followUpOf(process, id)).toEqual({
          status: "delivered",
          attempts: times + 1,
          reason: null,
        });
        expect(typesIn(process)).toEqual([...Array(times).fill("delivery.failed"), "follow_up.delivered"]);
        expect(events[0]).toMatchObject({
          taskIds: [id],
          notice: { scope: { userId: "ada", sessionId: "s1" }, error: new Error("The model is down.") },
        });
      },
    );

    test("rule 16: a delivery that always fails ends as exhausted, with an event", async () => {
      const process = start({ host: hostOf(fails), dispatcher: { maxAttempts: 5 } });
      const { tasks, host, events } = process;
      const { id } = await complete(tasks);
      await pass(LONG_MS);
      expect(host.turns.map(({ attempts }) => attempts)).toEqual([[1], [2], [3], [4], [5]]);
      const task = await read(tasks, id);
      expect(task.followUp).toEqual({ status: "dropped", attempts: 5, reason: "exhausted" });
      expect(typesIn(process)).toEqual([...Array(5).fill("delivery.failed"), "follow_up.dropped"]);
      expect(events.at(-1)).toMatchObject({ taskIds: [id], notice: { reason: "exhausted" } });
      expect((await logOf(tasks, id)).at(-1)).toMatchObject({
        type: "follow_up.dropped",
        reason: "exhausted",
        seq: task.lastSeq,
      });
    });

    test("the first that fails prints a warning, if nobody listens", async () => {
      const emitWarning = vi.spyOn(globalThis.process, "emitWarning").mockImplementation(() => undefined);
      const tasks = new BackgroundTaskManager({ store });
      const dispatcher = new FollowUpDispatcher({ tasks, deliver: fails, maxAttempts: 3 }).start();
      await complete(tasks);
      await pass(LONG_MS);
      expect(emitWarning.mock.calls).toEqual([
        [
          expect.stringContaining("A delivery has failed"),
          expect.objectContaining({ type: "ToolOffloadWarning" }),
        ],
      ]);
      emitWarning.mockClear();
      tasks.on("delivery.failed", () => undefined);
      const other = new FollowUpDispatcher({ tasks, deliver: fails, maxAttempts: 3 }).start();
      await complete(tasks);
      await pass(LONG_MS);
      expect(emitWarning).not.toHaveBeenCalled();
      emitWarning.mockRestore();
      await Promise.all([dispatcher.stop(), other.stop()]);
    });

    test("maxAttempts is how often it is tried", async () => {
      const process = start({ host: hostOf(fails), dispatcher: { maxAttempts: 1 } });
      const { id } = await complete(process.tasks);
      await pass(60_000);
      expect(process.host.turns).toHaveLength(1);
      expect(await followUpOf(process, id)).toMatchObject({ status: "dropped", reason: "exhausted" });
    });

    test("a synchronous throw is a failure like any other", async () => {
      const process = start({
        host: hostOf(() => {
          throw new Error("no such agent");
        }, says("done")),
      });
      const { id } = await complete(process.tasks);
      await pass(5_000);
      expect(process.host.turns.map(({ attempts }) => attempts)).toEqual([[1], [2]]);
      expect(process.events[0]?.notice).toMatchObject({ error: new Error("no such agent") });
      expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
    });

    test.each([[undefined], [null], ["busy"], ["gone"]])(
      "a failure need not be an error: %j",
      async (error) => {
        const process = start({ host: hostOf(() => Promise.reject(error), says("done")) });
        const { id } = await complete(process.tasks);
        await pass(5_000);
        expect(process.host.turns.map(({ attempts }) => attempts)).toEqual([[1], [2]]);
        expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
      },
    );

    test("a delivery that hangs is broken off after deliverTimeoutMs, and comes again", async () => {
      const process = start({ host: hostOf(hangs, says("done")), dispatcher: { deliverTimeoutMs: 3_000 } });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS + 2_800);
      const signal = process.host.turns[0]?.delivery.signal;
      expect(signal?.aborted).toBe(false);
      await pass(300);
      expect(signal?.aborted).toBe(true);
      expect(process.events).toMatchObject([{ type: "delivery.failed", taskIds: [id] }]);
      expect(String(process.events[0]?.notice.error)).toContain("3000 ms");
      await pass(3_000);
      expect(process.host.turns.map(({ attempts }) => attempts)).toEqual([[1], [2]]);
      expect(await followUpOf(process, id)).toMatchObject({ status: "delivered", attempts: 2 });
    });

    test("what a delivery answers after it was broken off changes nothing", async () => {
      const late = gate<unknown>();
      const process = start({
        host: hostOf(() => late.promise, takesMs(5_000)),
        dispatcher: { deliverTimeoutMs: 1_000 },
      });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS + 1_100);
      late.reject(new Error("too late"));
      await pass(MOMENT_MS);
      expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 1 });
    });

    test("a poisonous follow-up holds up what completes later only while it is being delivered itself", async () => {
      const poison = await complete(new BackgroundTaskManager({ store }), { value: "poison" });
      const script: Script = async ({ followUps }) => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        if (followUps.some(({ id }) => id === poison.id)) throw new Error("It is poison.");
      };
      const { tasks, host } = start({
        host: hostOf(script),
        dispatcher: { retryMs: 20_000, maxAttempts: 5 },
      });
      await pass(MOMENT_MS + 1_000);
      expect(deliveredIds(host)).toEqual([poison.id]);
      const later = await complete(tasks);
      await pass(MOMENT_MS + 250);
      expect(host.turns.at(-1)?.ids).toEqual([later.id]);
      expect(await followUpOf({ tasks }, later.id)).toMatchObject({ status: "delivered", attempts: 1 });
      await pass(LONG_MS);
      expect(await followUpOf({ tasks }, poison.id)).toMatchObject({ reason: "exhausted", attempts: 5 });
    });

    test("a follow-up that comes again together with a younger one does not use its attempts up", async () => {
      const process = start({
        host: hostOf(
          ...Array(4).fill(fails),
          async ({ followUps }) => {
            if (followUps.some(({ attempt }) => attempt === 5)) throw new Error("It is poison.");
          },
          says("done"),
        ),
        dispatcher: { maxAttempts: 5 },
      });
      const poison = await complete(process.tasks);
      await pass(MOMENT_MS);
      const younger = await complete(process.tasks, { followUp: "silent" });
      await pass(60_000);
      expect(await followUpOf(process, poison.id)).toMatchObject({ reason: "exhausted", attempts: 5 });
      const next = await complete(process.tasks);
      await pass(5_000);
      expect(process.host.turns.at(-1)?.ids).toEqual([younger.id, next.id]);
      expect(await followUpOf(process, younger.id)).toMatchObject({ status: "delivered", attempts: 5 });
    });
  });

  describe("busy and gone", () => {
    test("rule 16: a busy session is deferred without spending an attempt", async () => {
      const process = start({ host: hostOf(...Array(20).fill(says("busy")), says("done")) });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS + 500);
      expect(await followUpOf(process, id)).toEqual({ status: "pending", attempts: 0, reason: null });
      await pass(LONG_MS);
      expect(process.host.turns).toHaveLength(21);
      expect(new Set(process.host.turns.map(({ attempts }) => attempts[0]))).toEqual(new Set([1]));
      expect(await followUpOf(process, id)).toMatchObject({ status: "delivered", attempts: 1 });
      expect(typesIn(process)).toEqual(["follow_up.delivered"]);
    });

    test("rule 16: a session that is busy for long is asked less and less often, but goes on being asked", async () => {
      const { tasks, host } = start({ host: hostOf(() => "busy") });
      await complete(tasks);
      await pass(LONG_MS);
      const gaps = gapsOf(host);
      expect(gaps[0]).toBeGreaterThanOrEqual(1_000);
      expect(gaps[0]).toBeLessThan(1_100);
      for (const [index, gap] of gaps.entries()) {
        expect(gap).toBeGreaterThanOrEqual((gaps[index - 1] ?? 0) - 10);
        expect(gap).toBeLessThan(10_100);
      }
      expect(gaps.at(-1)).toBeGreaterThanOrEqual(10_000);
      expect(host.turns.length).toBeLessThan(100);
    });

    test("rule 16: what was put off for a busy session comes along with what completes later", async () => {
      const process = start({
        host: hostOf(says("busy"), says("done")),
        dispatcher: { busyRetryMs: 60_000 },
      });
      const first = await complete(process.tasks);
      await pass(5_000);
      const second = await complete(process.tasks);
      await pass(MOMENT_MS);
      expect(process.host.turns.map(({ ids }) => ids)).toEqual([[first.id], [first.id, second.id]]);
    });

    test("rule 16: a session that is gone is dropped, with an event", async () => {
      const process = start({ host: hostOf(says("gone")) });
      const two = await completeAll(process.tasks, [{}, {}]);
      await pass(60_000);
      expect(process.host.turns).toHaveLength(1);
      for (const { id } of two) {
        expect(await followUpOf(process, id)).toEqual({
          status: "dropped",
          attempts: 1,
          reason: "session_gone",
        });
      }
      expect(typesIn(process)).toEqual(["follow_up.dropped", "follow_up.dropped"]);
      expect(process.events[0]).toMatchObject({ notice: { reason: "session_gone" } });
    });
  });

  describe("turnEnded", () => {
    test("what a busy session has put off is delivered at once when its turn is over", async () => {
      const process = start({
        host: hostOf(says("busy"), says("done")),
        dispatcher: { busyRetryMs: 60_000 },
      });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS);
      expect(process.host.turns).toHaveLength(1);
      await soon(process.dispatcher.turnEnded(ADA));
      expect(process.host.turns).toMatchObject([{ ids: [id] }, { ids: [id], attempts: [1] }]);
      await pass(20);
      expect(await followUpOf(process, id)).toMatchObject({ status: "delivered", attempts: 1 });
    });

    test("what has just completed comes along, without waiting for others", async () => {
      const process = start();
      const { id } = await complete(process.tasks);
      await soon(process.dispatcher.turnEnded(ADA));
      expect(deliveredIds(process.host)).toEqual([id]);
    });

    test("no completion makes no turn, nor does another session's, a silent one or one that is being delivered", async () => {
      const process = start({ host: hostOf(takesMs(1_000)) });
      await soon(process.dispatcher.turnEnded(ADA));
      await complete(process.tasks, { scope: ADA_2 });
      await complete(process.tasks, { followUp: "silent" });
      await pass(MOMENT_MS);
      for (const scope of [ADA, ADA_2, BOB, { userId: "ada" }])
        await soon(process.dispatcher.turnEnded(scope));
      await pass(5_000);
      expect(process.host.turns.map(({ scope }) => scope)).toEqual([ADA_2]);
      expect(process.host.overlaps).toEqual([]);
    });

    test("rule 16: the loop guard holds here too", async () => {
      const process = start({ dispatcher: { maxConsecutiveTurns: 2 } });
      for (let n = 0; n < 5; n += 1) {
        await complete(process.tasks);
        await soon(process.dispatcher.turnEnded(ADA));
        await pass(20);
      }
      expect(process.host.turns).toHaveLength(2);
      expect(typesIn(process).filter((type) => type === "session.held")).toHaveLength(1);
    });

    test("nothing is delivered before start and after stop", async () => {
      const process = processOf({ store });
      await complete(process.tasks);
      await soon(process.dispatcher.turnEnded(ADA));
      process.dispatcher.start();
      await soon(process.dispatcher.stop());
      await soon(process.dispatcher.turnEnded(ADA));
      await pass(5_000);
      expect(process.host.turns).toEqual([]);
    });

    test("stopped while it claims, it delivers nothing, and no attempt is spent", async () => {
      const faulty = faultyStore(store);
      const process = start({ store: faulty, dispatcher: { pollMs: LONG_MS, coalesceMs: LONG_MS } });
      const { id } = await complete(process.tasks);
      faulty.next("claim", answersAfter(500));
      const ended = process.dispatcher.turnEnded(ADA);
      await pass(50);
      await soon(process.dispatcher.stop());
      await soon(ended);
      expect(process.host.turns).toEqual([]);
      expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 0 });
    });

    test("a store that fails is told of", async () => {
      const faulty = faultyStore(store);
      const process = start({ store: faulty });
      await complete(process.tasks);
      faulty.next("claim", rejects);
      await expect(soon(process.dispatcher.turnEnded(ADA))).rejects.toMatchObject({ code: "store_failed" });
    });
  });

  describe("the loop guard", () => {
    /** An agent that starts a task in each of its turns. */
    function loop(options: DispatcherOptions | object = {}) {
      const process: Process = start({
        host: hostOf(async ({ scope }) => {
          await process.tasks.start(callOf({ scope }), () => "again");
        }),
        dispatcher: options,
      });
      return process;
    }

    test("rule 16: a session has at most 12 automatic turns, and what is held back stays pending", async () => {
      const process = loop();
      await complete(process.tasks);
      await pass(LONG_MS);
      expect(process.host.turns).toHaveLength(12);
      const { tasks } = await soon(process.tasks.list(ADA));
      expect(tasks.map(({ followUp }) => followUp.status)).toEqual([
        "pending",
        ...Array(12).fill("delivered"),
      ]);
      const held = process.events.filter(({ type }) => type === "session.held");
      expect(held).toMatchObject([{ notice: { scope: { userId: "ada", sessionId: "s1" }, turns: 12 } }]);
    });

    test("rule 16: userSpoke lets it go on, for as many turns again", async () => {
      const process = loop({ maxConsecutiveTurns: 3, pollMs: LONG_MS });
      await complete(process.tasks);
      await pass(60_000);
      expect(process.host.turns).toHaveLength(3);
      await soon(process.dispatcher.userSpoke(ADA));
      await pass(20);
      expect(process.host.turns).toHaveLength(4);
      await pass(60_000);
      expect(process.host.turns).toHaveLength(6);
      expect(process.events.filter(({ type }) => type === "session.held")).toHaveLength(2);
    });

    test("userSpoke in another session changes nothing", async () => {
      const process = loop({ maxConsecutiveTurns: 1 });
      await complete(process.tasks);
      await pass(5_000);
      for (const scope of [ADA_2, BOB, { userId: "ada" }]) await soon(process.dispatcher.userSpoke(scope));
      await pass(5_000);
      expect(process.host.turns).toHaveLength(1);
    });

    test("a user's tasks without a session are guarded too, and let go on", async () => {
      const process = loop({ maxConsecutiveTurns: 2 });
      const scope = { userId: "ada" };
      await complete(process.tasks, { scope });
      await pass(60_000);
      expect(process.host.turns).toHaveLength(2);
      await soon(process.dispatcher.userSpoke({ ...scope, agentId: "helper" }));
      await pass(60_000);
      expect(process.host.turns).toHaveLength(4);
    });

    test("other sessions go on while one is held", async () => {
      const process = loop({ maxConsecutiveTurns: 2 });
      await complete(process.tasks);
      await pass(5_000);
      await complete(process.tasks, { scope: ADA_2 });
      await pass(5_000);
      expect(process.host.turns.map(({ scope }) => scope.sessionId)).toEqual(["s1", "s1", "s2", "s2"]);
    });

    test("a turn that fails, that is busy or that is gone does not count", async () => {
      const scripts = [fails, says("busy"), says("done"), says("gone"), says("done"), says("done")];
      const process = start({ host: hostOf(...scripts), dispatcher: { maxConsecutiveTurns: 2 } });
      for (const _ of scripts) {
        await complete(process.tasks);
        await pass(20_000);
      }
      expect(process.host.turns).toHaveLength(5);
      expect(process.events.filter(({ type }) => type === "session.held")).toHaveLength(1);
    });

    test("rule 16: a turn whose follow-ups the model observes while it runs counts all the same", async () => {
      const process: Process = start({
        host: hostOf(async ({ scope, followUps }) => {
          for (const { id } of followUps) await observe(roomsOf(process.tasks), scope, id);
          await process.tasks.start(callOf({ scope }), () => "again");
        }),
        dispatcher: { maxConsecutiveTurns: 3 },
      });
      await complete(process.tasks);
      await pass(60_000);
      expect(process.host.turns).toHaveLength(3);
      expect(process.events.filter(({ type }) => type === "session.held")).toHaveLength(1);
    });

    test("two dispatchers share it, and either may hear of the user", async () => {
      const host: Host = hostOf(async ({ scope }) => {
        await one.tasks.start(callOf({ scope }), () => "again");
      });
      const one: Process = start({ host, dispatcher: { maxConsecutiveTurns: 5 } });
      const other = start({ host, dispatcher: { maxConsecutiveTurns: 5 } });
      await complete(one.tasks);
      await pass(60_000);
      expect(host.turns).toHaveLength(5);
      await soon(other.dispatcher.userSpoke(ADA));
      await pass(60_000);
      expect(host.turns).toHaveLength(10);
      expect([...one.events, ...other.events].filter(({ type }) => type === "session.held")).toHaveLength(2);
    });

    test("without a limit nothing is held", async () => {
      const process = loop({ maxConsecutiveTurns: Number.POSITIVE_INFINITY });
      await complete(process.tasks);
      await pass(10_000);
      expect(process.host.turns.length).toBeGreaterThan(12);
      expect(process.events.filter(({ type }) => type === "session.held")).toEqual([]);
    });
  });

  describe("start and stop", () => {
    test("nothing is delivered before start, and starting twice changes nothing", async () => {
      const { tasks, host, dispatcher } = processOf({ store, host: hostOf(takesMs(500)) });
      await completeAll(tasks, [{}, { scope: ADA_2 }]);
      await pass(5_000);
      expect(host.turns).toEqual([]);
      expect(dispatcher.start().start()).toBe(dispatcher);
      await pass(5_000);
      expect(host.turns).toHaveLength(2);
      await soon(dispatcher.stop());
      await soon(tasks.close());
      expect(await timersLeft()).toBe(0);
    });

    test("stop waits for the turns that run, and lets them acknowledge", async () => {
      const process = start({ host: hostOf(takesMs(1_000)) });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS);
      const stopped = process.dispatcher.stop();
      await pass(500);
      expect(await isPending(stopped)).toBe(true);
      await soon(stopped);
      expect(process.host.turns[0]?.delivery.signal.aborted).toBe(false);
      expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
    });

    test.each([
      ["hears nothing", hangs],
      ["ends when it is told to", obeys],
    ])("rule 16: after drainMs a turn that %s is broken off, and no attempt is spent", async (_, script) => {
      const process = start({ host: hostOf(script, says("done")) });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS);
      const stopped = process.dispatcher.stop({ drainMs: 700 });
      await pass(650);
      expect(await isPending(stopped)).toBe(true);
      await soon(stopped, 100);
      expect(process.host.turns[0]?.delivery.signal.aborted).toBe(true);
      expect(await followUpOf(process, id)).toEqual({ status: "pending", attempts: 0, reason: null });
      expect(process.events).toEqual([]);
      const next = start({ host: hostOf(says("done")) });
      await pass(1_000 + MOMENT_MS);
      expect(next.host.turns).toMatchObject([{ ids: [id], attempts: [1] }]);
    });

    test("a turn that has ended is not aborted while it waits for its acknowledgement", async () => {
      const faulty = faultyStore(store);
      faulty.next("settle", answersAfter(1_000));
      const process = start({ store: faulty });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS);
      await soon(process.dispatcher.stop({ drainMs: 0 }));
      expect(process.host.turns[0]?.delivery.signal.aborted).toBe(false);
      expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
    });

    test("stop with drainMs 0 waits for nobody", async () => {
      const process = start({ host: hostOf(hangs) });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS);
      await soon(process.dispatcher.stop({ drainMs: 0 }), 50);
      expect(process.host.turns[0]?.delivery.signal.aborted).toBe(true);
      expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 0 });
    });

    test("nothing is delivered after stop, whatever completes or is due then", async () => {
      const process = start({ host: hostOf(fails) });
      await complete(process.tasks);
      await pass(MOMENT_MS);
      await complete(process.tasks, { scope: ADA_2 });
      await soon(process.dispatcher.stop());
      await complete(process.tasks, { scope: ADA_3 });
      await soon(process.dispatcher.userSpoke(ADA));
      await pass(LONG_MS);
      expect(process.host.turns).toHaveLength(1);
    });

    test("it starts again after stop, and goes on where it was", async () => {
      const process = start();
      await complete(process.tasks);
      await pass(MOMENT_MS);
      await soon(process.dispatcher.stop());
      const missed = await complete(process.tasks);
      await pass(5_000);
      process.dispatcher.start();
      await pass(20);
      expect(process.host.turns.map(({ ids }) => ids).at(1)).toEqual([missed.id]);
      const next = await complete(process.tasks);
      await pass(MOMENT_MS);
      expect(process.host.turns.at(2)?.ids).toEqual([next.id]);
    });

    test("started again at once, it misses nothing that completes then", async () => {
      const process = start({ dispatcher: { pollMs: LONG_MS } });
      await completeAll(process.tasks, [{}, {}]);
      await pass(1);
      await complete(process.tasks);
      await soon(process.dispatcher.stop());
      process.dispatcher.start();
      await complete(process.tasks);
      await pass(MOMENT_MS);
      expect(deliveredIds(process.host)).toHaveLength(4);
    });

    test("started again while it is still stopping, it breaks off only what it was stopping", async () => {
      const process = start({ host: hostOf(hangs, takesMs(2_000)) });
      const first = await complete(process.tasks);
      await pass(MOMENT_MS);
      const stopped = process.dispatcher.stop({ drainMs: 500 });
      await pass(10);
      process.dispatcher.start();
      const second = await complete(process.tasks, { scope: ADA_2 });
      await soon(stopped);
      await pass(MOMENT_MS);
      const [one, other] = process.host.turns;
      expect([one?.ids, one?.delivery.signal.aborted]).toEqual([[first.id], true]);
      expect([other?.ids, other?.delivery.signal.aborted]).toEqual([[second.id], false]);
      await pass(10_000);
      expect(await followUpOf(process, first.id)).toMatchObject({ status: "delivered", attempts: 1 });
      expect(await followUpOf(process, second.id, ADA_2)).toMatchObject({ status: "delivered", attempts: 1 });
    });

    test("stopping twice, before start, and at once with start does no harm", async () => {
      const process = processOf({ store });
      await soon(process.dispatcher.stop());
      process.dispatcher.start();
      await soon(Promise.all([process.dispatcher.stop(), process.dispatcher.stop()]));
      await complete(process.tasks);
      await pass(5_000);
      expect(process.host.turns).toEqual([]);
    });

    test("it can be disposed of", async () => {
      const process = start();
      await soon(process.dispatcher[Symbol.asyncDispose]());
      await complete(process.tasks);
      await pass(5_000);
      expect(process.host.turns).toEqual([]);
    });

    test.each<[string, Script]>([
      ["delivered", says("done")],
      ["failed", fails],
      ["failing while it stopped", () => new Promise((_, reject) => setTimeout(reject, 120))],
      ["busy", says("busy")],
      ["broken off and deaf", hangs],
      ["broken off", obeys],
    ])("rule 2: no timer is left after stop and close when a turn was %s", async (_, script) => {
      const process = start({ host: hostOf(script) });
      await completeAll(process.tasks, [{}, { scope: ADA_2 }]);
      await pass(MOMENT_MS);
      await complete(process.tasks);
      await soon(process.dispatcher.stop({ drainMs: 100 }));
      await soon(process.tasks.close());
      expect(await timersLeft()).toBe(0);
    });
  });

  describe("what the model has observed", () => {
    const observed = { status: "dropped", reason: "observed" };

    test("rule 15: before a claim: it is never delivered", async () => {
      const process = start();
      const { id } = await complete(process.tasks);
      await soon(observe(roomsOf(process.tasks), ADA, id));
      await pass(60_000);
      expect(process.host.turns).toEqual([]);
      expect(await followUpOf(process, id)).toMatchObject(observed);
    });

    test("rule 15: before a claim: the others of its session are delivered without it", async () => {
      const process = start();
      const [one, other] = await completeAll(process.tasks, [{}, {}]);
      await soon(observe(roomsOf(process.tasks), ADA, one?.id ?? ""));
      await pass(60_000);
      expect(process.host.turns.map(({ ids }) => ids)).toEqual([[other?.id]]);
    });

    test.each<[string, Script]>([
      ["fails", () => new Promise((_, reject) => setTimeout(() => reject(new Error("no")), 500))],
      ["is busy", takesMs(500, "busy")],
      ["hangs", hangs],
      ["is gone", takesMs(500, "gone")],
      ["is delivered", takesMs(500)],
    ])(
      "rule 15: during a delivery that %s: it does not come again, and the others do as they would",
      async (_, script) => {
        const process = start({
          host: hostOf(script, says("done")),
          dispatcher: { deliverTimeoutMs: 1_000 },
        });
        const [one, other] = await completeAll(process.tasks, [{}, {}]);
        await pass(MOMENT_MS);
        await soon(observe(roomsOf(process.tasks), ADA, one?.id ?? ""));
        await pass(60_000);
        expect(await followUpOf(process, one?.id ?? "")).toMatchObject(observed);
        for (const { ids } of process.host.turns.slice(1)) expect(ids).toEqual([other?.id]);
        const drops = (await logOf(process.tasks, one?.id ?? "")).filter(({ type }) =>
          type.startsWith("follow_up"),
        );
        expect(drops).toMatchObject([{ type: "follow_up.dropped", reason: "observed" }]);
        expect((await followUpOf(process, other?.id ?? "")).status).toMatch(/delivered|dropped/);
      },
    );

    test("rule 16: a delivery of which everything was observed meanwhile does not happen again", async () => {
      const process = start({
        host: hostOf(async ({ followUps }) => {
          for (const { id } of followUps) await observe(roomsOf(process.tasks), ADA, id);
          throw new Error("The turn failed all the same.");
        }),
      });
      await completeAll(process.tasks, [{}, {}]);
      await pass(60_000);
      expect(process.host.turns).toHaveLength(1);
    });
  });

  describe("beside an inbox", () => {
    test("what an inbox has in hand is not pushed, and what is released is", async () => {
      const process = start();
      const { claim, mustClaim } = inboxOf(process.tasks);
      const { id } = await complete(process.tasks);
      const held = await mustClaim("idle");
      await pass(60_000);
      expect(process.host.turns).toEqual([]);
      await soon(held.release());
      await pass(1_000 + MOMENT_MS);
      expect(process.host.turns).toMatchObject([{ ids: [id], attempts: [2] }]);
      expect(await claim("idle")).toBeUndefined();
    });
  });

  describe("followUps: false", () => {
    test("nothing is ever claimed, and nothing is pending", async () => {
      const process = start({ manager: { followUps: false } });
      const { id } = await complete(process.tasks);
      await complete(process.tasks, { followUp: "interrupt" });
      await pass(60_000);
      expect(process.host.turns).toEqual([]);
      expect(await followUpOf(process, id)).toEqual({ status: "none", attempts: 0, reason: null });
      expect(await inboxOf(process.tasks).claim("idle")).toBeUndefined();
    });
  });
});

describe("backoff", () => {
  /** The waits between the attempts of a delivery that always fails, with chance fixed. */
  async function waits(random: number, options: Partial<DispatcherOptions> = {}): Promise<number[]> {
    vi.spyOn(Math, "random").mockReturnValue(random);
    const process = startedProcess({ store: memoryStore(), host: hostOf(fails), dispatcher: options });
    await complete(process.tasks);
    await pass(LONG_MS);
    // A timer may be a little late.
    return gapsOf(process.host).map((ms) => Math.floor(ms / 10) * 10);
  }
  const least = 0;
  const most = 1 - Number.EPSILON;

  test("rule 16: it doubles each time, less up to half of it by chance", async () => {
    expect(await waits(most, { maxAttempts: 6 })).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
    expect(await waits(least, { maxAttempts: 6 })).toEqual([500, 1_000, 2_000, 4_000, 8_000]);
    expect(await waits(0.5, { maxAttempts: 3, retryMs: 4_000 })).toEqual([3_000, 6_000]);
  });

  test("rule 16: it is capped at maxRetryMs", async () => {
    expect(await waits(most, { maxAttempts: 10 })).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000,
    ]);
    expect(await waits(most, { maxAttempts: 5, maxRetryMs: 1_500 })).toEqual([1_000, 1_500, 1_500, 1_500]);
    expect(await waits(least, { maxAttempts: 4, maxRetryMs: 200 })).toEqual([100, 100, 100]);
  });

  test("it waits for no poll", async () => {
    expect(await waits(most, { pollMs: 10 * 60 * 60_000, maxAttempts: 4 })).toEqual([1_000, 2_000, 4_000]);
  });

  test("follow-ups that failed together wait as long as the one that was tried most often", async () => {
    vi.spyOn(Math, "random").mockReturnValue(most);
    const { tasks, host } = startedProcess({ store: memoryStore(), host: hostOf(fails) });
    await complete(tasks);
    await pass(MOMENT_MS);
    await complete(tasks, { followUp: "silent" });
    await pass(3_500);
    expect(host.turns.map(({ attempts }) => attempts)).toEqual([[1], [2, 1], [3, 2]]);
    expect(gapsOf(host).at(1)).toBeGreaterThanOrEqual(2_000);
  });

  test("however often it has been tried, a follow-up that may always be tried again is", async () => {
    const options = { maxAttempts: Number.POSITIVE_INFINITY, retryMs: 0 };
    const { tasks, host } = startedProcess({
      store: memoryStore(),
      host: hostOf(fails),
      dispatcher: options,
    });
    await complete(tasks);
    await pass(2_300);
    expect(host.turns.length).toBeGreaterThan(1_030);
  });

  test.each<[string, Script, object]>([
    ["fails", fails, { retryMs: 0, maxAttempts: Number.POSITIVE_INFINITY }],
    ["is busy", () => "busy", { busyRetryMs: 0, coalesceMs: 0 }],
  ])("a delivery that %s and is to come again at once leaves others the time", async (_, script, options) => {
    const { tasks, host } = startedProcess({
      store: memoryStore(),
      host: hostOf(script),
      dispatcher: options,
    });
    await complete(tasks);
    await pass(200);
    expect(host.turns.length).toBeGreaterThan(20);
    expect(host.turns.length).toBeLessThan(300);
  });

  test("chance parts sessions that failed together", async () => {
    const host = hostOf(fails);
    const { tasks } = startedProcess({ store: memoryStore(), host });
    const sessions = Array.from({ length: 10 }, (_, n) => ({ ...ADA, sessionId: `s${n}` }));
    await completeAll(
      tasks,
      sessions.map((scope) => ({ scope })),
    );
    await pass(MOMENT_MS + RETRY_MS);
    const again = host.turns.filter(({ attempts }) => attempts[0] === 2);
    expect(again).toHaveLength(10);
    expect(new Set(again.map(({ at }) => at)).size).toBeGreaterThan(3);
  });
});

/** A store that cannot read the result of one task. */
function unreadableStore(store: TaskStore, id: () => string): TaskStore {
  const result: TaskStore["result"] = async (scope, asked) => {
    if (asked === id()) throw new Error("The page is broken.");
    return store.result(scope, asked);
  };
  return { ...store, result };
}

describe.each(STORES)("crashes and failing stores, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });

  describe("a process that dies", () => {
    test("rule 14: between claim and delivery: another delivers after leaseMs, an attempt later", async () => {
      const dying = faultyStore(store);
      dying.always("claim", async (run) => {
        const answer = await run();
        if (answer !== undefined) cutOff(dying);
        return answer;
      });
      const { id } = await complete(new BackgroundTaskManager({ store }));
      await pass(COALESCE_MS);
      const dead = startedProcess({ store: dying });
      await pass(100);
      const survivor = startedProcess({ store });
      await pass(LEASE_MS - 1_000);
      expect(survivor.host.turns).toEqual([]);
      await pass(3_000);
      expect(survivor.host.turns).toMatchObject([{ ids: [id], attempts: [2] }]);
      expect(dead.host.turns).toEqual([]);
    });

    test("rule 14: between delivery and acknowledgement: another delivers the same ids once more", async () => {
      const dying = faultyStore(store);
      const dead = startedProcess({
        store: dying,
        host: hostOf(() => cutOff(dying)),
      });
      const two = await completeAll(new BackgroundTaskManager({ store }), [{}, {}]);
      await pass(1_000 + MOMENT_MS);
      expect(dead.host.turns).toMatchObject([{ attempts: [1, 1] }]);
      const survivor = startedProcess({ store });
      await pass(LEASE_MS - 3_000);
      expect(survivor.host.turns).toEqual([]);
      await pass(5_000);
      expect(survivor.host.turns).toMatchObject([{ ids: dead.host.turns[0]?.ids, attempts: [2, 2] }]);
      expect(sorted(deliveredIds(survivor.host))).toEqual(sorted(allIds(two)));
      await pass(LONG_MS);
      expect([dead.host.turns.length, survivor.host.turns.length]).toEqual([1, 1]);
    });

    test("rule 14: during the delivery: another delivers, and never while the first one still may", async () => {
      const dying = faultyStore(store);
      const host = hostOf((delivery) => {
        cutOff(dying);
        return hangs(delivery);
      }, says("done"));
      startedProcess({ store: dying, host });
      const { id } = await complete(new BackgroundTaskManager({ store }));
      await pass(1_000 + MOMENT_MS);
      expect(host.turns).toHaveLength(1);
      startedProcess({ store, host });
      await pass(LEASE_MS + 2_000);
      expect(host.turns).toMatchObject([
        { ids: [id], attempts: [1] },
        { ids: [id], attempts: [2] },
      ]);
      expect(host.overlaps).toEqual([]);
    });

    test("rule 16: again and again over the same follow-up: it ends as exhausted, and no one is told", async () => {
      const { id } = await complete(new BackgroundTaskManager({ store }));
      const host = hostOf(hangs);
      for (let deaths = 0; deaths < 6; deaths += 1) {
        const dying = faultyStore(store);
        const { dispatcher } = startedProcess({ store: dying, host, dispatcher: { maxAttempts: 5 } });
        await pass(1_000 + MOMENT_MS);
        cutOff(dying);
        dispatcher.stop({ drainMs: 0 });
        await pass(LEASE_MS);
      }
      const process = startedProcess({ store, dispatcher: { maxAttempts: 5 } });
      await pass(5_000);
      expect([...host.turns, ...process.host.turns].map(({ attempts }) => attempts)).toEqual([
        [1],
        [2],
        [3],
        [4],
        [5],
      ]);
      expect(await followUpOf(process, id)).toMatchObject({ status: "dropped", reason: "exhausted" });
    });
  });

  test("rule 16: what comes along with one that is exhausted wakes nobody alone", async () => {
    const tasks = new BackgroundTaskManager({ store });
    const { claim } = inboxOf(tasks, { holdMs: 0, leaseMs: 1_000, maxAttempts: 5 });
    const loud = await complete(tasks);
    for (let n = 0; n < 5; n += 1) {
      expect(await claim("idle")).toBeDefined();
      await pass(1_100);
    }
    const silent = await complete(tasks, { followUp: "silent" });
    const other = await complete(tasks, { scope: BOB });
    await pass(COALESCE_MS);
    const process = startedProcess({ store, dispatcher: { pollMs: LONG_MS, maxAttempts: 5 } });
    await pass(20);
    expect(deliveredIds(process.host)).toEqual([other.id]);
    expect(typesIn(process)).toEqual(["follow_up.dropped", "follow_up.delivered"]);
    expect(await followUpOf(process, loud.id)).toMatchObject({ status: "dropped", reason: "exhausted" });
    expect(await followUpOf(process, silent.id)).toEqual({ status: "pending", attempts: 0, reason: null });
  });

  describe("the lease", () => {
    test("rule 14: it is prolonged for as long as the delivery takes", async () => {
      const host = hostOf(takesMs(10 * LEASE_MS));
      const one = startedProcess({ store, host });
      startedProcess({ store, host });
      const { id } = await complete(one.tasks);
      await pass(11 * LEASE_MS);
      expect(host.turns).toMatchObject([{ ids: [id], attempts: [1] }]);
      expect(await followUpOf(one, id)).toEqual({ status: "delivered", attempts: 1, reason: null });
    });

    test("rule 14: a delivery that was taken over is aborted, and settles nothing", async () => {
      const faulty = faultyStore(store);
      faulty.always("prolong", async () => false as never);
      const process = startedProcess({ store: faulty, host: hostOf(takesMs(25_000, "gone"), says("done")) });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS + 9_500);
      const signal = process.host.turns[0]?.delivery.signal;
      expect(signal?.aborted).toBe(false);
      await pass(600);
      expect(signal?.aborted).toBe(true);
      await pass(LEASE_MS - 11_000);
      expect([countOf(faulty, "settle"), typesIn(process)]).toEqual([0, []]);
      expect(await followUpOf(process, id)).toMatchObject({ status: "claimed", attempts: 1 });
      await pass(5_000);
      expect(process.host.turns.map(({ attempts }) => attempts)).toEqual([[1], [2]]);
      expect(await followUpOf(process, id)).toMatchObject({ status: "delivered", attempts: 2 });
    });

    test("rule 2: no timer is left of a delivery that was taken over", async () => {
      const faulty = faultyStore(store);
      faulty.always("prolong", async () => false as never);
      const process = startedProcess({ store: faulty, host: hostOf(hangs) });
      await complete(process.tasks);
      await pass(MOMENT_MS + 10_100);
      expect(process.host.turns[0]?.delivery.signal.aborted).toBe(true);
      await soon(process.dispatcher.stop());
      await soon(process.tasks.close());
      expect(await timersLeft()).toBe(0);
    });

    test("rule 14: a claim that is lost before its results are read is not delivered", async () => {
      const faulty = faultyStore(store);
      faulty.always("prolong", async () => false as never);
      faulty.next("result", answersAfter(1_000));
      const process = startedProcess({ store: faulty, dispatcher: { leaseMs: 600 } });
      const { id } = await complete(process.tasks);
      await pass(MOMENT_MS + 1_200);
      expect(countOf(faulty, "result")).toBeGreaterThan(0);
      await pass(5_000);
      expect(process.host.turns).toMatchObject([{ ids: [id], attempts: [2] }]);
    });
  });

  describe("a store that fails", () => {
    const FAULTS: [string, Fault][] = [
      ["rejects", rejects],
      ["does not answer", neverAnswers],
      ["answers too late", answersAfter(STORE_TIMEOUT_MS + 500)],
      ["loses its answers", losesAnswer],
    ];
    const OPERATIONS = ["claim", "prolong", "settle", "result"] as const;
    const CASES = OPERATIONS.flatMap((operation) =>
      FAULTS.map(([how, fault]) => [operation, how, fault] as const),
    );

    test.each(CASES)(
      "rule 14: to %s, and %s, for a while: nothing is lost, and nothing runs twice at once",
      async (operation, _, fault) => {
        const faulty = faultyStore(store);
        const host = hostOf(takesMs(15_000));
        const process = startedProcess({ store: faulty, host });
        faulty.always(operation, fault);
        const tasks = await completeAll(process.tasks, [{}, {}, { scope: ADA_2 }]);
        await pass(20_000);
        faulty.always(operation);
        await pass(2 * 60_000);
        expect(sorted([...new Set(deliveredIds(host))])).toEqual(sorted(allIds(tasks)));
        for (const { id, sessionId } of tasks) {
          const scope = { ...ADA, sessionId: sessionId ?? "" };
          expect(await followUpOf(process, id, scope)).toMatchObject({ status: "delivered" });
        }
        expect(host.overlaps).toEqual([]);
      },
    );

    test.each(FAULTS)(
      "rule 14: to settle, and %s: it is asked until it answers, nothing is delivered twice, and listeners hear of it",
      async (_, fault) => {
        const faulty = faultyStore(store);
        const process = startedProcess({ store: faulty });
        faulty.next("settle", fault, fault, fault);
        const { id } = await complete(process.tasks);
        await pass(60_000);
        expect(process.host.turns).toHaveLength(1);
        const { lastSeq } = await read(process.tasks, id);
        expect(process.events).toMatchObject([
          { type: "follow_up.delivered", taskIds: [id], notice: { seq: lastSeq } },
        ]);
      },
    );

    test("rule 14: a claim that is answered too late is given back, and costs no attempt", async () => {
      const faulty = faultyStore(store);
      const { id } = await complete(new BackgroundTaskManager({ store }));
      await pass(COALESCE_MS);
      faulty.next("claim", answersAfter(STORE_TIMEOUT_MS + 500));
      const process = startedProcess({ store: faulty });
      await pass(STORE_TIMEOUT_MS + 400);
      expect(await followUpOf(process, id)).toMatchObject({ status: "claimed" });
      await pass(1_500);
      expect(process.host.turns).toMatchObject([{ ids: [id], attempts: [1] }]);
    });

    test("rule 14: cut off for longer than its lease, a dispatcher breaks its delivery off before another begins", async () => {
      const faulty = faultyStore(store);
      const host = hostOf(takesMs(3 * LEASE_MS), says("done"));
      const cut = startedProcess({ store: faulty, host });
      const { id } = await complete(cut.tasks);
      await pass(MOMENT_MS);
      faulty.always("prolong", rejects);
      const other = startedProcess({ store, host });
      await pass(2 * LEASE_MS);
      expect(host.turns.map(({ ids }) => ids)).toEqual([[id], [id]]);
      expect(host.overlaps).toEqual([]);
      expect(host.turns[0]?.delivery.signal.aborted).toBe(true);
      expect(await followUpOf(other, id)).toMatchObject({ status: "delivered", attempts: 2 });
    });

    test("a result that cannot be read holds up nobody, is not lost, and costs no attempt", async () => {
      let unreadable = "";
      const process = processOf({ store: unreadableStore(store, () => unreadable) });
      const bad = await complete(process.tasks);
      unreadable = bad.id;
      const others = await completeAll(process.tasks, [{}, { scope: ADA_2 }, { scope: BOB }]);
      process.dispatcher.start();
      await pass(10_000);
      expect(sorted(deliveredIds(process.host))).toEqual(sorted(allIds(others)));
      await pass(LONG_MS);
      expect(await followUpOf(process, bad.id)).toMatchObject({ status: "pending", attempts: 0 });
      unreadable = "";
      await pass(10_000);
      expect(process.host.turns.at(-1)).toMatchObject({ ids: [bad.id], attempts: [1] });
    });

    test("what comes along with a result that cannot be read wakes nobody alone", async () => {
      let unreadable = "";
      const process = startedProcess({ store: unreadableStore(store, () => unreadable) });
      const silent = await complete(process.tasks, { followUp: "silent" });
      await pass(10);
      const loud = await complete(process.tasks);
      unreadable = loud.id;
      await pass(20_000);
      expect(process.host.turns).toEqual([]);
      unreadable = "";
      await pass(10_000);
      expect(process.host.turns).toMatchObject([{ ids: [silent.id, loud.id], attempts: [1, 1] }]);
    });

    test("stop does not wait for ever for a store that is down", async () => {
      const faulty = faultyStore(store);
      const process = startedProcess({ store: faulty, host: hostOf(takesMs(300)) });
      await complete(process.tasks);
      await pass(MOMENT_MS);
      cutOff(faulty);
      await soon(process.dispatcher.stop({ drainMs: 500 }), 3_000);
      await soon(process.tasks.close({ drainMs: 0 }), 5_000);
      expect(await timersLeft()).toBe(0);
    });

    test.each(["claim", "settle", "prolong"] as const)(
      "rule 2: no timer is left after stop and close while %s never answers",
      async (operation) => {
        const faulty = faultyStore(store);
        const process = startedProcess({
          store: faulty,
          host: hostOf(operation === "prolong" ? hangs : says("done")),
        });
        faulty.always(operation, neverAnswers);
        await complete(process.tasks);
        await pass(11_000);
        await soon(process.dispatcher.stop({ drainMs: 100 }), 5_000);
        await soon(process.tasks.close(), 10_000);
        expect(await timersLeft()).toBe(0);
      },
    );

    test("userSpoke says so, and the session stays held", async () => {
      const faulty = faultyStore(store);
      const process = startedProcess({ store: faulty, dispatcher: { maxConsecutiveTurns: 1 } });
      await complete(process.tasks);
      await pass(1_000);
      await complete(process.tasks);
      faulty.next("resetTurns", rejects);
      await expect(soon(process.dispatcher.userSpoke(ADA))).rejects.toMatchObject({ code: "store_failed" });
      await pass(10_000);
      expect(process.host.turns).toHaveLength(1);
    });
  });

  describe("stop while a claim is on its way", () => {
    test.each([300, STORE_TIMEOUT_MS + 300])(
      "an answer after %i ms is given back: nothing is delivered, and no attempt is spent",
      async (ms) => {
        const faulty = faultyStore(store);
        const process = processOf({ store: faulty });
        const { id } = await complete(process.tasks);
        await pass(COALESCE_MS);
        faulty.next("claim", answersAfter(ms));
        process.dispatcher.start();
        await pass(50);
        const stopped = process.dispatcher.stop();
        await pass(200);
        expect(await isPending(stopped)).toBe(true);
        await soon(stopped, 10_000);
        if (ms < STORE_TIMEOUT_MS) expect(await followUpOf(process, id)).toMatchObject({ status: "pending" });
        await pass(10_000);
        expect(process.host.turns).toEqual([]);
        expect(await followUpOf(process, id)).toEqual({ status: "pending", attempts: 0, reason: null });
        await soon(process.tasks.close());
        expect(await timersLeft()).toBe(0);
      },
    );

    test("one that cannot even be given back, since everything is closed, is left to its lease", async () => {
      const faulty = faultyStore(store);
      const process = processOf({ store: faulty });
      const { id } = await complete(process.tasks);
      await pass(COALESCE_MS);
      faulty.next("claim", answersAfter(STORE_TIMEOUT_MS + 3_000));
      faulty.always("settle", rejects);
      process.dispatcher.start();
      await pass(50);
      await soon(process.dispatcher.stop({ drainMs: 0 }), 5_000);
      await soon(process.tasks.close(), 5_000);
      await pass(5_000);
      expect(await timersLeft()).toBe(0);
      const survivor = startedProcess({ store });
      await pass(LEASE_MS);
      expect(survivor.host.turns).toMatchObject([{ ids: [id], attempts: [2] }]);
    });
  });
});

describe("when nothing else says that there is something", () => {
  /** A store that gives no hints, and takes `passes` microtasks more to answer a claim. */
  function slowToClaim(passes: number, asked: () => void): TaskStore {
    const store = memoryStore();
    delete store.watch;
    const claim: TaskStore["claim"] = async (...args) => {
      const answer = await store.claim(...args);
      if (answer === undefined) asked();
      for (let n = 0; n < passes; n += 1) await undefined;
      return answer;
    };
    return { ...store, claim };
  }

  test("a place that frees while a look comes back with nothing is not forgotten", async () => {
    for (let passes = 0; passes < 40; passes += 1) {
      const first = gate();
      let isReady = false;
      const store = slowToClaim(passes, () => isReady && first.reject(new Error("The model is down.")));
      const host = hostOf(() => first.promise, says("done"));
      const dispatcher = { pollMs: LONG_MS, retryMs: LONG_MS, maxRetryMs: LONG_MS };
      const { tasks } = startedProcess({ store, host, dispatcher });
      await complete(tasks);
      await pass(MOMENT_MS);
      const second = await complete(tasks);
      isReady = true;
      await pass(MOMENT_MS);
      expect(host.turns.at(1)?.ids, `${passes} passes`).toEqual([second.id]);
    }
  });
});

describe.each(STORES)("many dispatchers, on $name", ({ makeStore }) => {
  test("rule 14: five share 50 sessions of three tasks: each follow-up once, no session twice at a time", async () => {
    const store = makeStore();
    let n = 0;
    const host = hostOf(() => {
      n += 1;
      return takesMs((n * 37) % 200)({} as never);
    });
    const processes = Array.from({ length: 5 }, () =>
      startedProcess({ store, host, dispatcher: { concurrency: 4 } }),
    );
    const scopes = Array.from({ length: 50 }, (_, index) => ({
      userId: `u${index % 10}`,
      sessionId: `s${Math.floor(index / 10)}`,
    }));
    const finished: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      const tasks = await Promise.all(
        processes.map(({ tasks }, index) =>
          completeAll(
            tasks,
            scopes.filter((_, at) => at % 5 === (index + round) % 5).map((scope) => ({ scope })),
          ),
        ),
      );
      finished.push(...allIds(tasks.flat()));
      await pass(round * 90);
    }
    await pass(10_000);
    expect(finished).toHaveLength(150);
    expect(sorted(deliveredIds(host))).toEqual(sorted(finished));
    expect(host.overlaps).toEqual([]);
    for (const { delivery } of host.turns) {
      const { userId, sessionId } = delivery.scope;
      for (const { task } of delivery.followUps) expect(task.sessionId).toBe(sessionId);
      expect(userId).toMatch(/^u\d$/);
    }
    await soon(Promise.all(processes.map(({ dispatcher }) => dispatcher.stop())));
    await soon(Promise.all(processes.map(({ tasks }) => tasks.close())), 5_000);
    expect(await timersLeft()).toBe(0);
  });

  test("rule 14: where turns fail, hang and are busy, each follow-up still gets through, and no session twice", async () => {
    const store = makeStore();
    let n = 0;
    const scripts: Script[] = [fails, says("busy"), hangs, obeys, takesMs(100), takesMs(400), says("done")];
    const host = hostOf((delivery) => {
      n += 1;
      return (scripts[(n * 5) % scripts.length] ?? fails)(delivery);
    });
    const dispatcher = { deliverTimeoutMs: 1_000, maxAttempts: 50, maxRetryMs: 2_000 };
    const processes = Array.from({ length: 5 }, () => startedProcess({ store, host, dispatcher }));
    const scopes = Array.from({ length: 12 }, (_, at) => ({ userId: `u${at % 3}`, sessionId: `s${at}` }));
    const tasks = await Promise.all(
      processes.map((one) =>
        completeAll(
          one.tasks,
          scopes.map((scope) => ({ scope })),
        ),
      ),
    );
    await pass(LONG_MS);
    expect(host.overlaps).toEqual([]);
    const told = new Set(deliveredIds(host));
    for (const { id } of tasks.flat()) expect(told).toContain(id);
    const { records } = await soon(store.list({ userId: "u0" }, { limit: 500 }));
    expect(records.map(({ followUp }) => followUp.status)).toEqual(Array(20).fill("delivered"));
  });
});

describe("retention, when nobody claims", () => {
  test("rule 10: no more than followUpsPerUser wait; older ones are dropped as expired, with an event", async () => {
    const { tasks, events } = processOf({
      store: memoryStore(),
      manager: { retention: { followUpsPerUser: 5, finishedPerUser: 3 } },
    });
    const ids: string[] = [];
    for (let n = 0; n < 20; n += 1) {
      ids.push((await complete(tasks)).id);
      await pass(10);
    }
    await complete(tasks, { scope: BOB });
    await pass(10);
    const { tasks: kept } = await soon(tasks.list(ADA));
    expect(kept.map(({ followUp }) => followUp.status)).toEqual([
      ...Array(5).fill("pending"),
      ...Array(3).fill("dropped"),
    ]);
    expect(events.map(({ taskIds, notice }) => [...taskIds, notice.reason])).toEqual(
      ids.slice(0, 15).map((id) => [id, "expired"]),
    );
  });

  test("rule 10: what has waited for followUpTtlMs is dropped, and not delivered any more", async () => {
    const process = processOf({ store: memoryStore(), manager: { retention: { followUpTtlMs: 60_000 } } });
    const { id } = await complete(process.tasks);
    await pass(3 * 60_000);
    expect(await followUpOf(process, id)).toMatchObject({ status: "dropped", reason: "expired" });
    process.dispatcher.start();
    await pass(10_000);
    expect(process.host.turns).toEqual([]);
  });

  test("rule 10: what is held back by the loop guard stays within the same bounds", async () => {
    const process = startedProcess({
      store: memoryStore(),
      manager: { retention: { followUpsPerUser: 4 } },
      dispatcher: { maxConsecutiveTurns: 1 },
    });
    for (let n = 0; n < 20; n += 1) {
      await complete(process.tasks);
      await pass(300);
    }
    const { tasks } = await soon(process.tasks.list(ADA));
    expect(tasks.filter(({ followUp }) => followUp.status === "pending")).toHaveLength(4);
    await soon(process.dispatcher.userSpoke(ADA));
    await pass(1_000);
    expect(process.host.turns.at(-1)?.ids).toHaveLength(4);
  });
});

describe("the message", () => {
  async function delivered(options: Partial<DispatcherOptions>) {
    const { tasks, host } = startedProcess({ store: memoryStore(), dispatcher: options });
    const { id } = await complete(tasks, { value: "y".repeat(500) });
    await pass(MOMENT_MS);
    const message = host.turns[0]?.delivery.message;
    expect(message?.marker).toMatchObject({ type: "tool-offload.follow-up", tasks: [{ id }] });
    return message?.text ?? "";
  }

  test("rule 17: a text of the host's own takes the built-in one's place, and the marker stays", async () => {
    const message = vi.fn((followUps: readonly { id: string }[]) => `${followUps.length} results`);
    expect(await delivered({ message })).toBe("1 results");
    expect(message).toHaveBeenCalledOnce();
  });

  test.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    ["answers nothing", () => undefined],
    ["answers an empty text", () => ""],
    ["answers a number", () => 7],
    ["answers an object", () => ({ text: "hello" })],
    ["answers a promise", async () => "later"],
    ["rejects", () => Promise.reject(new Error("no"))],
  ])("rule 17: where it %s, the built-in message goes out", async (_, message) => {
    expect(await delivered({ message: message as () => string })).toMatch(/Tool: search.*yyyy/s);
  });

  test("rule 17: its limits are those of the dispatcher", async () => {
    expect(await delivered({ maxResultChars: 50 })).toContain("450 characters are left out here.");
    expect(await delivered({ maxMessageChars: 0 })).toContain("300 characters are left out here.");
  });
});

describe("what it is given", () => {
  const tasks = new BackgroundTaskManager();
  const sound = { tasks, deliver: () => undefined };
  const make = (options: object) => new FollowUpDispatcher({ ...sound, ...options });

  test.each<[option: string, value: unknown, shown: string]>([
    ["tasks", undefined, "undefined"],
    ["tasks", {}, "an object"],
    ["tasks", null, "null"],
    ["deliver", undefined, "undefined"],
    ["deliver", "later", '"later"'],
    ["message", "hello", '"hello"'],
    ["concurrency", 0, "0"],
    ["concurrency", 1.5, "1.5"],
    ["concurrency", Number.NaN, "NaN"],
    ["concurrency", "3", '"3"'],
    ["coalesceMs", -1, "-1"],
    ["coalesceMs", Number.POSITIVE_INFINITY, "Infinity"],
    ["deliverTimeoutMs", 0, "0"],
    ["deliverTimeoutMs", Number.NaN, "NaN"],
    ["deliverTimeoutMs", "10", '"10"'],
    ["retryMs", -5, "-5"],
    ["retryMs", Number.POSITIVE_INFINITY, "Infinity"],
    ["maxRetryMs", Number.NaN, "NaN"],
    ["busyRetryMs", null, "null"],
    ["busyRetryMs", Number.POSITIVE_INFINITY, "Infinity"],
    ["maxConsecutiveTurns", 0, "0"],
    ["maxConsecutiveTurns", -Infinity, "-Infinity"],
    ["pollMs", 0, "0"],
    ["pollMs", Number.NaN, "NaN"],
    ["maxAttempts", 0, "0"],
    ["maxAttempts", 2.5, "2.5"],
    ["leaseMs", 99, "99"],
    ["leaseMs", "30000", '"30000"'],
    ["leaseMs", Number.POSITIVE_INFINITY, "Infinity"],
    ["maxResultChars", -1, "-1"],
    ["maxMessageChars", 0.5, "0.5"],
  ])("an unusable %s is refused, by name and value: %s", (option, value, shown) => {
    const wrong = expect.objectContaining({
      code: "invalid_option",
      message: expect.stringMatching(new RegExp(`^${option} must be .*; got ${escaped(shown)}\\.$`)),
    });
    expect(() => make({ [option]: value })).toThrow(wrong);
  });

  test.each(["retrys", "interval", "holdMs", "store"])(
    "an option that there is not is refused: %s",
    (name) => {
      expect(() => make({ [name]: 1 })).toThrow(
        expect.objectContaining({
          code: "invalid_option",
          message: expect.stringMatching(new RegExp(`^${name} is not an option; there are .*coalesceMs`)),
        }),
      );
    },
  );

  test("a manager that is none of this installation is refused", () => {
    const foreign = { list: () => [], start: () => undefined, close: () => undefined };
    expect(() => make({ tasks: foreign })).toThrow(
      expect.objectContaining({ code: "invalid_option", message: expect.stringContaining("tasks must be") }),
    );
    expect(() => new FollowUpDispatcher(undefined as never)).toThrow(
      expect.objectContaining({ code: "invalid_option" }),
    );
  });

  test("what is undefined has its default, and no limit may be Infinity", () => {
    const none = {
      concurrency: undefined,
      leaseMs: undefined,
      message: undefined,
      maxResultChars: undefined,
    };
    const unlimited = { concurrency: Infinity, maxConsecutiveTurns: Infinity, maxAttempts: Infinity };
    for (const options of [
      none,
      { ...unlimited, deliverTimeoutMs: Infinity },
      { retryMs: 0, busyRetryMs: 0 },
    ]) {
      expect(make(options)).toBeInstanceOf(FollowUpDispatcher);
    }
  });

  test.each<[value: unknown, message: string]>([
    [undefined, "scope must be an object with a userId; got undefined."],
    [{}, "scope.userId must be a non-empty string; got undefined."],
    [{ userId: "" }, 'scope.userId must be a non-empty string; got "".'],
    [{ userId: "ada", sessionId: "" }, 'scope.sessionId must be a non-empty string or undefined; got "".'],
  ])("userSpoke and turnEnded name what is wrong with a scope: %j", async (scope, message) => {
    const refused = { code: "invalid_input", message };
    await expect(soon(make({}).userSpoke(scope as never))).rejects.toMatchObject(refused);
    await expect(soon(make({}).turnEnded(scope as never))).rejects.toMatchObject(refused);
  });

  test.each([-1, Number.NaN, "10", null])("stop names what is wrong with drainMs: %j", async (drainMs) => {
    await expect(soon(make({}).stop({ drainMs: drainMs as number }))).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringMatching(/^drainMs must be .*; got /),
    });
  });

  function escaped(text: string): string {
    return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  }
});
