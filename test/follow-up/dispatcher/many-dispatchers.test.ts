import { describe, expect, test } from "vitest";
import { inFakeTime, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { allowWarnings } from "../../support/warnings.ts";
import { deliveredIds, ends, fails, hostOf, obeys, type Script, says, takesMs } from "../hosts.ts";
import { allIds, completeAll, LEASE_MS, LONG_MS, sorted, startedProcess, timersLeft } from "../processes.ts";

inFakeTime();

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
    allowWarnings();
    const deaf = takesMs(2 * LEASE_MS);
    const scripts: Script[] = [fails, says("busy"), deaf, obeys, takesMs(100), takesMs(400), ends];
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
