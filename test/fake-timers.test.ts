import Database from "libsql";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FollowUpDispatcher } from "../src/follow-up/index.ts";
import { memoryStore, ToolOffloadMiddleware } from "../src/index.ts";
import { sqliteStore } from "../src/stores/sqlite.ts";
import { callOf, type Scene, sceneOf, stubborn, TIMEOUT_MS } from "./support/scene.ts";

/** As the unit tests of an app are written: time moves when told to, and what is awaited is awaited. */
const FAKES: [string, Parameters<typeof vi.useFakeTimers>[0]][] = [
  ["what is fake by default", undefined],
  [
    "microtasks fake, too",
    { toFake: ["setTimeout", "clearTimeout", "setImmediate", "Date", "performance", "queueMicrotask"] },
  ],
  ["only setTimeout fake", { toFake: ["setTimeout", "clearTimeout"] }],
];

/** A store that is shared has timers of its own. */
async function toTheTimeout(): Promise<void> {
  let isOver = false;
  setTimeout(() => {
    isOver = true;
  }, TIMEOUT_MS);
  while (!isOver) await vi.advanceTimersToNextTimerAsync();
}

const STORES = [
  ["the memory store", memoryStore],
  ["a SQLite store", () => sqliteStore({ database: new Database(":memory:") })],
] as const;

describe.each(STORES)("in a unit test with %s", (_store, makeStore) => {
  describe.each(FAKES)("and %s", (_fake, config) => {
    let scene: Scene;
    beforeEach(() => {
      vi.useFakeTimers(config);
      scene = sceneOf({ store: makeStore() });
    });
    afterEach(async () => {
      await scene.tasks.close({ drainMs: 0 });
      vi.useRealTimers();
    });

    test.each([
      ["advanceTimersByTimeAsync", () => vi.advanceTimersByTimeAsync(TIMEOUT_MS)],
      ["advanceTimersByTime", () => vi.advanceTimersByTime(TIMEOUT_MS)],
      ["advanceTimersToNextTimerAsync", toTheTimeout],
    ])("a slow call is offloaded at its timeout: %s", async (_how, advance) => {
      const outcome = scene.offload.run(callOf(), stubborn);
      await advance();
      expect((await outcome).status).toBe("offloaded");
    });

    test("a call that is not waited for needs no time", async () => {
      const { offload, tasks } = scene;
      expect((await offload.run(callOf({ background: true }), stubborn)).status).toBe("offloaded");
      const hasty = new ToolOffloadMiddleware({ tasks, timeoutMs: 0 });
      expect((await hasty.run(callOf(), stubborn)).status).toBe("offloaded");
    });

    test("nor does a dispatcher to stop, which delivers as time is let pass", async () => {
      const { tasks } = scene;
      const deliver = vi.fn();
      const dispatcher = new FollowUpDispatcher({ tasks, deliver }).start();
      await tasks.start(callOf(), async () => "done");
      await vi.waitFor(() => expect(deliver).toHaveBeenCalledOnce());
      await dispatcher.stop();
    });

    test("a task needs no time to end, nor an idle manager to close", async () => {
      const { tasks } = scene;
      const call = callOf();
      const { id } = await tasks.start(call, async () => "done");
      expect(await tasks.wait(call.scope, [id])).toMatchObject([{ status: "completed" }]);
      await tasks.close();
    });
  });
});
