import { describe, expect, onTestFinished, test } from "vitest";
import { createTaskHandler, problemSchema, type TaskHandlerOptions } from "../../src/http/index.ts";
import { BackgroundTaskManager } from "../../src/index.ts";
import { byToken, completed, running } from "./lab.ts";

const ada = { userId: "ada" };

/** A handler, and how many of its requests wait. */
function waitingRoom(options: Partial<TaskHandlerOptions> = {}) {
  const tasks = new BackgroundTaskManager();
  onTestFinished(() => tasks.close({ drainMs: 0 }));
  const plainWait = tasks.wait.bind(tasks);
  const room = { waiting: 0 };
  tasks.wait = (...given) => {
    room.waiting += 1;
    return plainWait(...given).finally(() => {
      room.waiting -= 1;
    });
  };
  const handle = createTaskHandler({ tasks, authenticate: byToken, ...options });
  const ask = (path: string, { token = "ada", signal }: { token?: string; signal?: AbortSignal } = {}) =>
    handle(
      new Request(`http://localhost/background-tasks/${path}`, {
        headers: { Authorization: `Bearer ${token}` },
        ...(signal && { signal }),
      }),
    );
  return { tasks, room, ask };
}

async function expectRefused(response: Response): Promise<void> {
  expect([response.status, response.headers.get("Retry-After")]).toEqual([429, "2"]);
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  expect(response.headers.get("Cache-Control")).toBe("private, no-store");
  expect(problemSchema.parse(await response.json())).toMatchObject({ title: "Too Many Requests" });
}

describe("one user's requests that wait", () => {
  test("are 100 at most, whatever their sessions; the others' do not count", async () => {
    const { tasks, room, ask } = waitingRoom();
    const { task, finish } = await running(tasks, { userId: "ada", sessionId: "s1" });
    const path = `${task.id}/result?waitMs=60000`;
    const tokens = Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? "ada" : "ada/s1"));
    const asked = tokens.map((token) => ask(path, { token }));
    await expectRefused(await ask(path));
    await expectRefused(await ask(path, { token: "ada/s1" }));
    expect(room.waiting).toBe(100);
    const bobs = await running(tasks, { userId: "bob" });
    const bobAsked = ask(`${bobs.task.id}/result?waitMs=60000`, { token: "bob" });
    finish(1);
    bobs.finish(2);
    const statuses = (await Promise.all([...asked, bobAsked])).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  test("leave their place when they end, are broken off, or fail", async () => {
    const { tasks, ask } = waitingRoom({ waitsPerUser: 1, onError: () => undefined });
    const { task } = await running(tasks, ada);
    const path = `${task.id}/result?waitMs=60000`;
    const gone = new AbortController();
    const first = ask(path, { signal: gone.signal });
    await expectRefused(await ask(path));
    gone.abort();
    expect((await first).status).toBe(202);
    expect((await ask(`${task.id}/result?waitMs=1`)).status).toBe(202);
    const plainWait = tasks.wait.bind(tasks);
    tasks.wait = () => Promise.reject(new Error("the store is down"));
    expect((await ask(path)).status).toBe(503);
    tasks.wait = plainWait;
    expect((await ask(`${task.id}/result?waitMs=1`)).status).toBe(202);
  });

  test("do not keep from what needs no waiting", async () => {
    const { tasks, ask } = waitingRoom({ waitsPerUser: 0 });
    const { task } = await running(tasks, ada);
    const done = await completed(tasks, ada, 1);
    await expectRefused(await ask(`${task.id}/result?waitMs=1`));
    expect((await ask(`${done.id}/result?waitMs=60000`)).status).toBe(200);
    expect((await ask(`${task.id}/result`)).status).toBe(202);
    expect((await ask(`${task.id}/result?waitMs=0`)).status).toBe(202);
    expect((await ask("missing/result?waitMs=60000")).status).toBe(404);
    expect((await ask(`${done.id}/result?waitMs=60000`, { token: "bob" })).status).toBe(404);
  });

  test("are as many as you like with Infinity", async () => {
    const { tasks, room, ask } = waitingRoom({ waitsPerUser: Infinity });
    const { task, finish } = await running(tasks, ada);
    const asked = Array.from({ length: 150 }, () => ask(`${task.id}/result?waitMs=60000`));
    await expect.poll(() => room.waiting).toBe(150);
    finish(1);
    expect((await Promise.all(asked)).every(({ status }) => status === 200)).toBe(true);
  });
});
