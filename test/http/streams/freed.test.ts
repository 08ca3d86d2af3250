import { getEventListeners } from "node:events";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { BackgroundTaskManager, memoryStore } from "../../../src/index.ts";
import { faultyStore, neverAnswers } from "../../support/faulty-store.ts";
import { until } from "../../support/until.ts";
import { BRIDGES, startLab } from "../lab.ts";
import { SseReader } from "./sse-reader.ts";
import { ada, countWatches, stage, telling } from "./stage.ts";

/** The streams that there are: of one task, and of a user. */
const PATHS: [string, (id: string) => string][] = [
  ["a task", (id) => `/${id}/events`],
  ["a user", () => "/stream"],
];

/** A stage on which one stream is all that a user may have. */
async function crowded() {
  const own = stage({ streams: { perUser: 1 } });
  const { task } = await telling(own.tasks);
  await until(async () => expect(await own.tasks.get(ada, task.id)).toMatchObject({ status: "running" }));
  const isFree = async (path: string) => {
    const response = await own.ask(path);
    await response.body?.cancel();
    return response.status === 200;
  };
  return { ...own, task, isFree };
}

describe.each(PATHS)("a stream of %s", (_what, pathOf) => {
  test("frees everything when its reader cancels", async () => {
    const { handle, requestFor, open, task, isFree } = await crowded();
    const path = pathOf(task.id);
    const request = requestFor(path);
    const reader = new SseReader(await handle(request));
    await reader.next();
    expect([open.count, await isFree(path)]).toEqual([1, false]);
    await reader.cancel();
    expect(await isFree(path)).toBe(true);
    await until(() => expect(open.count).toBe(0));
    expect(getEventListeners(request.signal, "abort")).toEqual([]);
  });

  test("frees everything when it is cancelled before it was read", async () => {
    const { ask, open, task, isFree } = await crowded();
    const path = pathOf(task.id);
    const response = await ask(path);
    await response.body?.cancel();
    expect(await isFree(path)).toBe(true);
    await until(() => expect(open.count).toBe(0));
  });

  test("frees everything at once while the store is being read, and does not answer", async () => {
    const store = faultyStore(memoryStore());
    const { ask, open, tasks } = stage({
      tasks: new BackgroundTaskManager({ store }),
      streams: { perUser: 1 },
    });
    const { task } = await telling(tasks);
    for (const operation of ["events", "list"] as const) store.always(operation, neverAnswers);
    const isRead = () => store.asked.some(({ operation }) => operation === "events" || operation === "list");
    const response = await ask(pathOf(task.id));
    await until(() => expect(isRead()).toBe(true));
    await response.body?.cancel();
    const again = await ask(pathOf(task.id));
    expect(again.status).toBe(200);
    await again.body?.cancel();
    await until(() => expect(open.count).toBe(0));
  });

  test("frees everything when its request is aborted, read or not", async () => {
    const { ask, open, task, isFree } = await crowded();
    const path = pathOf(task.id);
    for (const isRead of [false, true]) {
      const gone = new AbortController();
      const reader = new SseReader(await ask(path, { signal: gone.signal }));
      if (isRead) await reader.next();
      gone.abort();
      expect(await isFree(path)).toBe(true);
      await reader.rest();
      await until(() => expect(open.count).toBe(0));
    }
  });

  test("is none for a client that has gone before", async () => {
    const { ask, open, task, isFree } = await crowded();
    const path = pathOf(task.id);
    const response = await ask(path, { signal: AbortSignal.abort() });
    expect(await new SseReader(response).rest()).toEqual([]);
    expect([open.count, await isFree(path)]).toEqual([0, true]);
  });

  test("is none to a HEAD, which has the same head", async () => {
    const { ask, open, task, isFree } = await crowded();
    const path = pathOf(task.id);
    const head = await ask(path, { method: "HEAD" });
    expect([head.status, head.body, open.count]).toEqual([200, null, 0]);
    const get = await ask(path);
    expect([...head.headers]).toEqual([...get.headers]);
    await get.body?.cancel();
    expect(await isFree(path)).toBe(true);
  });

  test("leaves no timer behind", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { ask, tasks } = stage();
    const { task } = await telling(tasks);
    await vi.advanceTimersByTimeAsync(200);
    const before = vi.getTimerCount();
    const response = await ask(pathOf(task.id));
    expect(vi.getTimerCount()).toBeGreaterThan(before);
    await response.body?.cancel();
    await new Promise((resolve) => setImmediate(resolve));
    expect(vi.getTimerCount()).toBeLessThanOrEqual(before);
  });
});

describe.each(Object.entries(BRIDGES))("behind %s", (_name, bridge) => {
  test.each(PATHS)(
    "a stream of %s arrives at once, and is freed when the connection closes",
    async (_what, pathOf) => {
      const tasks = new BackgroundTaskManager();
      const open = countWatches(tasks);
      const lab = await startLab({ tasks, bridge, streams: { perUser: 1 } });
      onTestFinished(() => lab.close());
      const { task } = await telling(tasks);
      const path = pathOf(task.id);
      const socket = connect(lab.port, "127.0.0.1", () =>
        socket.write(
          `GET /background-tasks${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ada\r\nAccept: text/event-stream\r\n\r\n`,
        ),
      );
      let heard = "";
      socket.on("data", (chunk) => {
        heard += chunk;
      });
      await until(() => expect(heard).toContain("retry: 1000"));
      await until(() => expect(open.count).toBe(1));
      expect((await lab.as("ada", "/stream")).status).toBe(429);
      socket.destroy();
      await until(() => expect(open.count).toBe(0));
      const again = await lab.as("ada", "/stream");
      expect(again.status).toBe(200);
      await again.body?.cancel();
      expect(lab.errors).toEqual([]);
    },
  );

  test("a HEAD leaves the connection and nothing else", async () => {
    const tasks = new BackgroundTaskManager();
    const open = countWatches(tasks);
    const lab = await startLab({ tasks, bridge, streams: { perUser: 1 } });
    onTestFinished(() => lab.close());
    for (let n = 0; n < 3; n += 1) {
      const head = await lab.as("ada", "/stream", { method: "HEAD" });
      expect([head.status, head.headers.get("Content-Type")]).toEqual([200, "text/event-stream"]);
    }
    expect(open.count).toBe(0);
  });
});
