import { beforeEach, describe, expect, test, vi } from "vitest";
import type { DispatcherOptions } from "../../../src/follow-up/index.ts";
import { BackgroundTaskManager, memoryStore, type TaskStore } from "../../../src/index.ts";
import {
  ADA,
  callOf,
  ended,
  inFakeTime,
  logOf,
  obedient,
  pass,
  read,
  soon,
  stubborn,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { allowWarnings } from "../../support/warnings.ts";
import { deliveredIds, hostOf, type Script, says, takesMs } from "../hosts.ts";
import {
  ADA_2,
  allIds,
  complete,
  completeAll,
  followUpOf,
  LONG_MS,
  lose,
  MOMENT_MS,
  type Process,
  type ProcessOptions,
  sorted,
  startedProcess,
} from "../processes.ts";

inFakeTime();

describe.each(STORES)("deliveries, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });
  const start = (options: Partial<ProcessOptions> = {}) => startedProcess({ store, ...options });

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
        // Other texts mean nothing, and are warned of.
        if (typeof answer === "string") allowWarnings();
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
    expect(await delivered({ message: message as () => string })).toMatch(/"tool":"search".*yyyy/s);
  });

  test("rule 17: its limits are those of the dispatcher", async () => {
    expect(await delivered({ maxResultChars: 50 })).toContain("450 characters are left out here.");
    expect(await delivered({ maxMessageChars: 0 })).toContain("300 characters are left out here.");
  });
});
