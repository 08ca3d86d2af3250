import { getEventListeners } from "node:events";
import { describe, expect, test, vi } from "vitest";
import { BackgroundTaskManager, memoryStore } from "../../../src/index.ts";
import { restlessStore } from "../../support/restless-store.ts";
import { inFakeTime, isPending, soon } from "../../support/scene.ts";
import { type Asking, stage, telling } from "./stage.ts";

inFakeTime();

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

async function polled(options: Parameters<typeof stage>[0] = {}) {
  const own = stage(options);
  const running = await soon(telling(own.tasks));
  await pass(1_500);
  const ask = (path: string, asking: Asking = {}) => own.ask(path, { accept: "application/json", ...asking });
  return { ...own, ...running, ask };
}

type Scene = Awaited<ReturnType<typeof polled>>;

/** Begins to ask for the list as somebody who has it. */
async function askAgain({ ask }: Scene, query: string, asking: Asking = {}) {
  const path = `?${query}`;
  const known = ask(path.replace(/&?waitMs=\d+/, ""), asking);
  const tag = (await soon(known)).headers.get("ETag") ?? "";
  return { asked: ask(path, { ...asking, headers: { "If-None-Match": tag } }) };
}

/** To hash takes no time that could be told to pass. */
async function begun({ open }: Scene): Promise<void> {
  while (open.count === 0) await pass(0);
}

describe("the list with waitMs", () => {
  test("comes at once to who has none of it", async () => {
    const { ask, open } = await polled();
    expect((await ask("?waitMs=60000")).status).toBe(200);
    expect(open.count).toBe(0);
  });

  test("comes as soon as it has changed", async () => {
    const scene = await polled();
    const { asked } = await askAgain(scene, "waitMs=60000");
    await pass(30_000);
    expect(await isPending(asked)).toBe(true);
    scene.write("news");
    await pass(1_000);
    const response = await asked;
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ tasks: [{ lastSeq: 3 }] });
    expect(scene.open.count).toBe(0);
  });

  test("waits for what belongs to it, whatever else changes", async () => {
    const scene = await polled();
    const { asked } = await askAgain(scene, "status=completed&waitMs=60000");
    await pass(10);
    for (let n = 0; n < 20; n += 1) {
      scene.write("no news");
      await pass(300);
    }
    expect(await isPending(asked)).toBe(true);
    const ending = scene.end();
    await pass(1_000);
    await ending;
    expect((await asked).status).toBe(200);
  });

  test("is 304 when the time is over", async () => {
    const scene = await polled();
    const { asked } = await askAgain(scene, "waitMs=5000");
    await begun(scene);
    await pass(4_900);
    expect(await isPending(asked)).toBe(true);
    await pass(101);
    const response = await asked;
    expect([response.status, await response.text()]).toEqual([304, ""]);
    expect(scene.open.count).toBe(0);
  });

  test("misses no change that comes while it begins to wait", async () => {
    const store = restlessStore(memoryStore());
    const scene = await polled({ tasks: new BackgroundTaskManager({ store, storeTimeoutMs: 60_000 }) });
    const { asked } = await askAgain(scene, "waitMs=60000");
    scene.write("news");
    expect((await soon(asked, 5_000)).status).toBe(200);
  });

  test("of a session elsewhere never changes, so that nothing is waited for", async () => {
    const scene = await polled();
    const { asked } = await askAgain(scene, "sessionId=two&waitMs=60000", { token: "ada/one" });
    expect((await asked).status).toBe(304);
  });
});

describe("the log with waitMs", () => {
  test("comes at once where something follows", async () => {
    const { ask, task, open } = await polled();
    const page = await (await ask(`/${task.id}/events?waitMs=60000`)).json();
    expect(page).toMatchObject({ events: [{ seq: 1 }, { seq: 2 }] });
    expect(open.count).toBe(0);
  });

  test("comes as soon as something follows", async () => {
    const { ask, task, write, open } = await polled();
    const asked = ask(`/${task.id}/events?after=2&limit=5&waitMs=60000`);
    await pass(30_000);
    expect(await isPending(asked)).toBe(true);
    write("news");
    await pass(200);
    expect(await (await asked).json()).toMatchObject({ events: [{ seq: 3, chunk: "news" }], nextAfter: 3 });
    expect(open.count).toBe(0);
  });

  test("is empty when the time is over, or the task has ended", async () => {
    const { ask, task, end } = await polled();
    const asked = ask(`/${task.id}/events?after=2&waitMs=3000`);
    await pass(3_001);
    expect(await (await asked).json()).toEqual({ events: [], nextAfter: 2, truncated: false });
    const { lastSeq } = await soon(end());
    const late = await ask(`/${task.id}/events?after=${lastSeq}&waitMs=60000`);
    expect(await late.json()).toMatchObject({ events: [] });
  });

  test("is not there where it is foreign", async () => {
    const { ask, task } = await polled();
    expect((await ask(`/${task.id}/events?waitMs=60000`, { token: "bob" })).status).toBe(404);
  });
});

describe("who waits", () => {
  const paths = ["?waitMs=60000", "/ID/events?after=2&waitMs=60000"];

  test.each(paths)("at %s counts among those of the user, and is freed when it has gone", async (path) => {
    const { ask, task, open } = await polled({ waitsPerUser: 1 });
    const headers = { "If-None-Match": "*" };
    const gone = new AbortController();
    const waiting = ask(path.replace("ID", task.id), { headers, signal: gone.signal });
    await pass(1_000);
    const refused = await ask(path.replace("ID", task.id), { headers });
    expect([refused.status, refused.headers.get("Retry-After"), await refused.json()]).toMatchObject([
      429,
      "2",
      { code: "too_many_waits" },
    ]);
    expect((await ask(`/${task.id}/result?waitMs=1000`)).status).toBe(429);
    expect(open.count).toBe(1);
    gone.abort();
    await pass(0);
    await waiting;
    expect([open.count, getEventListeners(gone.signal, "abort")]).toEqual([0, []]);
    const next = ask(`/${task.id}/result?waitMs=10`);
    await pass(11);
    expect((await next).status).toBe(202);
  });

  test.each(paths)("at %s is told how things stand when the manager closes", async (path) => {
    const store = memoryStore();
    const { ask, task, tasks } = await polled({ tasks: new BackgroundTaskManager({ store }) });
    const waiting = ask(path.replace("ID", task.id), { headers: { "If-None-Match": "*" } });
    await pass(100);
    await soon(tasks.close({ drainMs: 0 }));
    expect([200, 304]).toContain((await soon(waiting)).status);
  });

  test.each(["60001", "-1", "1.5", "soon"])("for %s ms is refused by name", async (waitMs) => {
    const { ask, task } = await polled();
    for (const path of [`?waitMs=${waitMs}`, `/${task.id}/events?waitMs=${waitMs}`]) {
      const response = await ask(path);
      expect([response.status, await response.json()]).toMatchObject([400, { field: "waitMs" }]);
    }
  });
});
