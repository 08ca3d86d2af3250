import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type * as z from "zod";
import {
  createTaskHandler,
  eventPageSchema,
  healthSchema,
  pendingTaskSchema,
  taskInfoSchema,
  taskPageSchema,
  taskResultSchema,
} from "../../src/http/index.ts";
import { BackgroundTaskManager } from "../../src/index.ts";
import { byToken, callOf, completed, end, type Lab, running, startLab } from "./lab.ts";

const ada = { userId: "ada" };
let lab: Lab;

beforeAll(async () => {
  lab = await startLab({ tasks: new BackgroundTaskManager({ maxResultBytes: 100 }) });
});
afterAll(() => lab.close());

/** The body of an answer that says all the schema knows, and nothing else. */
async function bodyOf<Schema extends z.ZodType>(
  response: Response,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const body: unknown = await response.json();
  const parsed = schema.parse(body);
  expect(parsed).toEqual(body);
  return parsed;
}

async function expectJson(response: Response, status: number, vary = "Authorization, Cookie"): Promise<void> {
  expect(response.status).toBe(status);
  expect(response.headers.get("Content-Type")).toBe("application/json");
  expect(response.headers.get("Cache-Control")).toBe("private, no-store");
  expect(response.headers.get("Vary")).toBe(vary);
  expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
}

describe("GET /", () => {
  test.each([
    ["ann", ""],
    ["ben", "/"],
    ["cat", "?"],
    ["dan", "/?limit=50"],
  ])("lists the tasks of %s at %j", async (userId, path) => {
    const task = await completed(lab.tasks, { userId }, 1);
    const response = await lab.as(userId, path);
    await expectJson(response, 200);
    expect(await bodyOf(response, taskPageSchema)).toEqual({ tasks: [task], nextCursor: null });
  });

  test("pages through everything, newest first", async () => {
    const pat = { userId: "pat" };
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1) ids.unshift((await completed(lab.tasks, pat, i)).id);
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const query: string = cursor === "" ? "?limit=3" : `?limit=3&cursor=${cursor}`;
      const page: z.infer<typeof taskPageSchema> = await bodyOf(await lab.as("pat", query), taskPageSchema);
      expect(page.tasks).toHaveLength(seen.length < 6 ? 3 : 1);
      seen.push(...page.tasks.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    const { tasks } = await lab.tasks.list(pat);
    expect(seen).toEqual(tasks.map(({ id }) => id));
    expect([...seen].sort()).toEqual([...ids].sort());
  });

  test("narrows by status and by session", async () => {
    const one = { userId: "sue", sessionId: "one" };
    const done = await completed(lab.tasks, one, 1);
    const { task } = await running(lab.tasks, { ...one, sessionId: "two" });
    const idsAt = async (query: string, user = "sue") => {
      const page = await bodyOf(await lab.as(user, query), taskPageSchema);
      return page.tasks.map(({ id }) => id).sort();
    };
    const both = [done.id, task.id].sort();
    expect(await idsAt("?status=completed")).toEqual([done.id]);
    expect(await idsAt("?status=completed,running")).toEqual(both);
    expect(await idsAt("?status=queued&status=running")).toEqual([task.id]);
    expect(await idsAt("?sessionId=one")).toEqual([done.id]);
    expect(await idsAt("?sessionId=none")).toEqual([]);
    expect(await idsAt("", "sue/one")).toEqual([done.id]);
    expect(await idsAt("?sessionId=one", "sue/one")).toEqual([done.id]);
    expect(await idsAt("?sessionId=two", "sue/one")).toEqual([]);
  });
});

test("GET /:id answers the task", async () => {
  const task = await completed(lab.tasks, ada, 1);
  const response = await lab.as("ada", `/${task.id}`);
  await expectJson(response, 200);
  expect(await bodyOf(response, taskInfoSchema)).toEqual(task);
});

describe("GET /:id/result", () => {
  test("answers 202 with the task while it runs, and 200 with the value then", async () => {
    const { task, finish } = await running(lab.tasks, ada);
    const pending = await lab.as("ada", `/${task.id}/result`);
    await expectJson(pending, 202);
    expect(pending.headers.get("Retry-After")).toBe("1");
    expect(pending.headers.get("ETag")).toBeNull();
    expect(await bodyOf(pending, pendingTaskSchema)).toMatchObject({ id: task.id, status: "running" });
    finish({ found: ["Lutra lutra"] });
    await end(lab.tasks, ada, task.id);
    const finished = await lab.as("ada", `/${task.id}/result`);
    await expectJson(finished, 200);
    const value = { found: ["Lutra lutra"] };
    expect(await bodyOf(finished, taskResultSchema)).toEqual({
      status: "completed",
      value,
      truncated: null,
      lossy: [],
    });
  });

  test.each([
    ["?offset=2&limit=3", "cde"],
    ["?offset=24", "yz"],
    ["?limit=2", "ab"],
    ["?limit=0", ""],
    ["?offset=99", ""],
  ])("answers the slice %s", async (query, slice) => {
    const { id } = await completed(lab.tasks, ada, "abcdefghijklmnopqrstuvwxyz");
    const result = await bodyOf(await lab.as("ada", `/${id}/result${query}`), taskResultSchema);
    expect(result).toMatchObject({ status: "completed", value: slice });
  });

  test("answers head, tail and size of what was too large", async () => {
    const { id } = await completed(lab.tasks, ada, `${"a".repeat(500)}${"z".repeat(500)}`);
    const result = await bodyOf(await lab.as("ada", `/${id}/result`), taskResultSchema);
    const value = { head: "a".repeat(50), tail: "z".repeat(50) };
    expect(result).toEqual({ status: "completed", value, truncated: { bytes: 1_000 }, lossy: [] });
  });

  test("answers 200 for what failed or was cancelled", async () => {
    const failing = await lab.tasks.start(callOf(ada), async () => {
      throw new Error("no otters");
    });
    await end(lab.tasks, ada, failing.id);
    const error = { code: "tool_error", message: "no otters" };
    const failed = await lab.as("ada", `/${failing.id}/result`);
    expect(await bodyOf(failed, taskResultSchema)).toEqual({ status: "failed", error });
    const { task } = await running(lab.tasks, ada);
    await lab.tasks.cancel(ada, task.id, { reason: "enough" });
    await end(lab.tasks, ada, task.id);
    const cancelled = await lab.as("ada", `/${task.id}/result`);
    const result = { status: "cancelled", by: "host", reason: "enough" };
    expect(await bodyOf(cancelled, taskResultSchema)).toEqual(result);
  });
});

test("GET /:id/events answers the log from `after` on", async () => {
  const task = await lab.tasks.start(callOf(ada), async (_input, context) => {
    context.write("looking");
    context.report({ value: 1, total: 2, message: "half" });
    await sleep(60);
    return 1;
  });
  await end(lab.tasks, ada, task.id);
  const pageAt = async (query: string) =>
    bodyOf(await lab.as("ada", `/${task.id}/events${query}`), eventPageSchema);
  const all = await pageAt("");
  expect(all).toEqual(await lab.tasks.events(ada, task.id));
  expect(all.events.map(({ type }) => type)).toEqual(
    expect.arrayContaining(["task.output", "task.completed"]),
  );
  const second = await pageAt("?after=1&limit=1");
  expect(second).toEqual({ events: all.events.slice(1, 2), nextAfter: 2, truncated: false });
  await expectJson(await lab.as("ada", `/${task.id}/events`), 200, "Authorization, Cookie, Accept");
});

test("GET /health says to anybody whether the manager accepts", async () => {
  const own = await startLab();
  const open = await own.as(null, "/health");
  await expectJson(open, 200);
  expect(await bodyOf(open, healthSchema)).toEqual({ status: "ok" });
  await own.tasks.close();
  const closing = await own.as(null, "/health");
  await expectJson(closing, 503);
  expect(closing.headers.get("Retry-After")).toBe("2");
  expect(await bodyOf(closing, healthSchema)).toEqual({ status: "closing" });
  await own.close();
});

test("a closed manager can still be read", async () => {
  const own = await startLab();
  const task = await completed(own.tasks, ada, 1);
  await own.tasks.close();
  expect((await own.as("ada", `/${task.id}/result`)).status).toBe(200);
  expect((await own.as("ada")).status).toBe(200);
  await own.close();
});

test("HEAD is answered without a body, whatever the server would do with one", async () => {
  const handle = createTaskHandler({ tasks: lab.tasks, authenticate: byToken });
  for (const path of ["/health", "/missing/no/route", ""]) {
    const response = await handle(
      new Request(`http://localhost/background-tasks${path}`, { method: "HEAD" }),
    );
    expect(response.body).toBeNull();
  }
});

test("HEAD answers what GET does, without the body", async () => {
  const done = await completed(lab.tasks, ada, 1);
  const { task } = await running(lab.tasks, ada);
  const paths = ["/health", `/${done.id}`, `/${done.id}/result`, `/${done.id}/events`, `/${task.id}/result`];
  for (const path of [...paths, "/missing", "?limit=x"]) {
    const [get, head] = [await lab.as("ada", path), await lab.as("ada", path, { method: "HEAD" })];
    expect(head.status).toBe(get.status);
    expect(await head.text()).toBe("");
    const told = (response: Response) =>
      [...response.headers].filter(
        ([name]) => !/^(date|connection|keep-alive|content-length|transfer-encoding)$/.test(name),
      );
    expect(told(head)).toEqual(told(get));
  }
});
