import { expect, test } from "vitest";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "../../../src/index.ts";
import { ADA } from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { describeWithServer, newPrefix, newStore, type RedisLab } from "./lab.ts";

async function running(lab: RedisLab, prefix = newPrefix(), leaseMs = 30_000) {
  const options = { storeTimeoutMs: 15_000, leaseMs };
  const tasks = new BackgroundTaskManager({ store: newStore(lab.newClient(), prefix), ...options });
  const other = new BackgroundTaskManager({ store: newStore(lab.newClient(), prefix), ...options });
  const lost: string[] = [];
  tasks.on("record.lost", ({ scope, task }) => void lost.push(`${scope.userId} ${task.id}`));
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 0 });
  let end = (_: string) => {};
  const call = { toolName: "search", input: {}, scope: { ...ADA, sessionId: "s1" } };
  const outcome = await offload.run(call, () => new Promise<string>((resolve) => (end = resolve)));
  if (outcome.status !== "offloaded") throw new Error("It was not offloaded.");
  const close = () => Promise.all([tasks.close(), other.close()]);
  return { tasks, other, lost, id: outcome.task.id, end: (value: string) => end(value), close };
}

describeWithServer("a server that is flushed", [], (lab) => {
  test("gets a running task again when it ends, with its result and its follow-up", async () => {
    const { other, lost, id, end, close } = await running(lab);
    await lab.client.flushall();
    end("found");
    await until(async () => expect(await other.result(ADA, id)).toMatchObject({ value: "found" }));
    expect(await other.get(ADA, id)).toMatchObject({ sessionId: "s1", followUp: { status: "pending" } });
    expect(lost).toEqual([`ada ${id}`]);
    await close();
  });

  test("gets it again while it runs, and others see it", async () => {
    const { other, lost, id, end, close } = await running(lab, newPrefix(), 1_000);
    await lab.client.flushall();
    await until(() => expect(lost).toEqual([`ada ${id}`]));
    expect(await other.get(ADA, id)).toMatchObject({ status: "running" });
    const waiting = other.wait(ADA, [id], { timeoutMs: 15_000 });
    end("found");
    expect(await waiting).toMatchObject([{ status: "completed" }]);
    expect(lost).toHaveLength(1);
    await close();
  });

  test("gets it again as often as it is flushed", async () => {
    const { other, lost, id, end, close } = await running(lab, newPrefix(), 1_000);
    for (const times of [1, 2, 3]) {
      await lab.client.flushall();
      await until(() => expect(lost).toHaveLength(times));
    }
    await lab.client.flushall();
    end("found");
    await until(async () => expect(await other.result(ADA, id)).toMatchObject({ value: "found" }));
    await close();
  });
});

describeWithServer("a server that is restarted, and keeps nothing", [], (lab) => {
  test("gets a running task again", async () => {
    const { other, lost, id, end, close } = await running(lab);
    await lab.server.kill();
    end("found");
    await lab.server.start();
    await until(async () => expect(await other.result(ADA, id)).toMatchObject({ value: "found" }));
    expect(lost).toEqual([`ada ${id}`]);
    await close();
  });
});
