import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { createTaskClient, type TaskClient } from "../../src/client/index.ts";
import { createTaskHandler } from "../../src/http/index.ts";
import { BackgroundTaskManager } from "../../src/index.ts";
import { byToken, completed, type Lab, running, startLab } from "../http/lab.ts";

const ada = { userId: "ada", sessionId: "diary" };
const tools = {
  build: {
    description: "Builds a branch.",
    schema: z.object({ branch: z.string() }),
    execute: async ({ branch }: { branch: string }) => `built ${branch}`,
  },
};
const headers = { Authorization: "Bearer ada" };

let lab: Lab;
let inProcess: BackgroundTaskManager;
beforeAll(async () => {
  lab = await startLab({ allowCancel: true, tools });
  inProcess = new BackgroundTaskManager();
});
afterAll(async () => {
  await lab.close();
  await inProcess.close({ drainMs: 0 });
});

const places: [string, () => { tasks: BackgroundTaskManager; client: TaskClient }][] = [
  [
    "over node:http",
    () => ({ tasks: lab.tasks, client: createTaskClient({ baseUrl: `${lab.url}/`, headers }) }),
  ],
  [
    "in process",
    () => {
      const handle = createTaskHandler({ tasks: inProcess, authenticate: byToken, allowCancel: true, tools });
      const fetch = (url: string, init: RequestInit) => handle(new Request(url, init));
      const baseUrl = "http://localhost/background-tasks";
      return { tasks: inProcess, client: createTaskClient({ baseUrl, headers, fetch }) };
    },
  ],
];

describe.each(places)("a real handler %s", (_place, open) => {
  test("lists, by session, status and page", async () => {
    const { tasks, client } = open();
    const first = await completed(tasks, { ...ada, sessionId: "list" }, 1);
    const second = await completed(tasks, { ...ada, sessionId: "list" }, 2);
    const query = { sessionId: "list", status: ["completed", "failed"], limit: 1 } as const;
    const page = await client.list(query);
    expect(page.tasks).toEqual([second]);
    expect((await client.list({ ...query, cursor: page.nextCursor ?? "" })).tasks).toEqual([first]);
    expect((await client.list({ sessionId: "list", status: "running" })).tasks).toEqual([]);
  });

  test("gets a task, its result, a part of it and its log; nothing of what is missing", async () => {
    const { tasks, client } = open();
    const task = await completed(tasks, ada, "otters");
    expect(await client.get(task.id)).toEqual(task);
    expect(await client.result(task.id)).toMatchObject({ status: "completed", value: "otters" });
    expect(await client.result(task.id, { offset: 1, limit: 2 })).toMatchObject({ value: "tt" });
    const { events } = await client.events(task.id, { after: 1 });
    expect(events.map(({ seq }) => seq)).toEqual(
      Array.from({ length: events.length }, (_, index) => index + 2),
    );
    expect(await client.get("missing")).toBeUndefined();
    expect(await client.result("missing")).toBeUndefined();
    await expect(client.events("missing")).rejects.toMatchObject({ code: "not_found", problem: "not_found" });
    await expect(client.cancel("missing")).rejects.toMatchObject({ status: 404 });
    await expect(client.waitFor("missing")).rejects.toMatchObject({ code: "not_found" });
  });

  test("waits for a result, cancels, and knows no result of what runs", async () => {
    const { tasks, client } = open();
    const { task, finish } = await running(tasks, ada);
    expect(await client.result(task.id)).toBeUndefined();
    const result = client.waitFor(task.id);
    finish({ otters: 2 });
    expect(await result).toMatchObject({ status: "completed", value: { otters: 2 } });
    const other = await running(tasks, ada);
    await client.cancel(other.task.id, { reason: "enough" });
    expect(await client.waitFor(other.task.id)).toEqual({
      status: "cancelled",
      by: "user",
      reason: "enough",
    });
  });

  test("lists tools and creates tasks, the same one under the same key", async () => {
    const { client } = open();
    expect(await client.tools()).toMatchObject([{ name: "build", maxPriority: 1 }]);
    const body = { tool: "build", input: { branch: "main" }, description: "Nightly", sessionId: "diary" };
    const task = await client.create(body, { idempotencyKey: "k1" });
    expect(task).toMatchObject({ toolName: "build", summary: "Nightly", sessionId: "diary" });
    expect((await client.create(body, { idempotencyKey: "k1" })).id).toBe(task.id);
    expect((await client.create(body)).id).not.toBe(task.id);
    expect(await client.waitFor(task.id)).toMatchObject({ value: "built main" });
    await expect(client.create({ tool: "build", input: {} })).rejects.toMatchObject({
      code: "refused",
      status: 400,
      problem: "invalid_body",
      field: "input.branch",
    });
  });

  test("watches a task to its end and all tasks, also where the server has no streams", async () => {
    const { tasks, client } = open();
    const { task, finish } = await running(tasks, { ...ada, sessionId: "seen" });
    const all = client.watchAll({ sessionId: "seen" })[Symbol.asyncIterator]();
    expect((await all.next()).value).toMatchObject({
      type: "snapshot",
      tasks: [{ id: task.id }],
      more: false,
    });
    await all.return?.();
    const seqs: number[] = [];
    for await (const { event, truncated } of client.watch(task.id)) {
      seqs.push(event.seq);
      expect(truncated).toBe(false);
      finish(1);
    }
    const { events } = await tasks.events({ userId: "ada" }, task.id);
    expect(seqs).toEqual(events.map(({ seq }) => seq));
    await expect(client.watch("missing")[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      status: 404,
    });
  });
});
