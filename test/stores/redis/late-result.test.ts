import type { Redis } from "ioredis";
import { expect, test, vi } from "vitest";
import { FollowUpDispatcher } from "../../../src/follow-up/index.ts";
import {
  BackgroundTaskManager,
  type TaskScope,
  type TaskStore,
  ToolOffloadMiddleware,
} from "../../../src/index.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { describeWithServer, newPrefix } from "./lab.ts";

/** Nobody looks around while it is counted. */
const NO_BEAT = { pollMs: 600_000 };
const SCOPE = { userId: "ada", sessionId: "s1" };

describeWithServer("what one late result costs", [], (lab) => {
  const scripts = async (client: Redis) => {
    const stats = await client.info("commandstats");
    const calls = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)];
    return calls.reduce((sum, [, count]) => sum + Number(count), 0);
  };

  test.each([
    { dispatchers: 1, mostClaims: 2, mostScripts: 15 },
    { dispatchers: 3, mostClaims: 4, mostScripts: 25 },
  ])("$dispatchers dispatchers: at most $mostClaims claims and $mostScripts scripts", async (bounds) => {
    let claims = 0;
    const prefix = newPrefix();
    const counted = (store: TaskStore): TaskStore => {
      const claim: TaskStore["claim"] = (...args) => {
        claims += 1;
        return store.claim(...args);
      };
      return { ...store, claim };
    };
    const delivered = vi.fn();
    const processes = Array.from({ length: bounds.dispatchers }, () => {
      const store = counted(redisStore({ client: lab.newClient(), prefix }));
      const tasks = new BackgroundTaskManager({ store });
      const dispatcher = new FollowUpDispatcher({ tasks, deliver: delivered, ...NO_BEAT }).start();
      return { tasks, dispatcher };
    });
    const [first] = processes;
    if (first === undefined) return;
    const offload = new ToolOffloadMiddleware({ tasks: first.tasks, timeoutMs: 50 });
    /** However long the store takes for the first calls: the tool ends when its call was handed over. */
    const runLate = async (scope: TaskScope) => {
      let end = (_: string) => {};
      const slow = () => new Promise<string>((resolve) => (end = resolve));
      await offload.run({ toolName: "search", input: {}, scope }, slow);
      end("found");
    };
    // What the managers and dispatchers do when they begin is over, scripts are loaded, connections listen.
    await runLate({ userId: "bob" });
    await vi.waitFor(() => expect(delivered).toHaveBeenCalledTimes(1), 10_000);
    await pause(1_000);

    const before = await scripts(lab.client);
    claims = 0;
    await runLate(SCOPE);
    await vi.waitFor(() => expect(delivered).toHaveBeenCalledTimes(2), 10_000);
    await pause(300);
    const used = (await scripts(lab.client)) - before;
    expect(claims).toBeLessThanOrEqual(bounds.mostClaims);
    expect(used).toBeLessThanOrEqual(bounds.mostScripts);
    for (const { dispatcher, tasks } of processes) {
      await dispatcher.stop();
      await tasks.close();
    }
  });
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
