import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequestListener } from "@remix-run/node-fetch-server";
import express from "express";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createTaskHandler, type TaskHandlerOptions } from "../../src/http/index.ts";
import { BackgroundTaskManager, memoryStore } from "../../src/index.ts";
import { takeUnexpected } from "../support/warnings.ts";
import { BRIDGES, byToken, running } from "./lab.ts";

const ada = { userId: "ada" };
const tasks = new BackgroundTaskManager();
const open: (() => void)[] = [];

afterEach(() => {
  vi.unstubAllEnvs();
  for (const close of open.splice(0)) close();
});

function handlerOf(options: Partial<TaskHandlerOptions> = {}) {
  return createTaskHandler({ tasks, authenticate: byToken, allowCancel: true, ...options });
}

function asked(path = "/background-tasks", init: RequestInit = {}) {
  return new Request(`http://localhost${path}`, { headers: { Authorization: "Bearer ada" }, ...init });
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("a 503 without an onError", () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      "throws",
      () => {
        throw new Error("session table is missing");
      },
      /503.*session table is missing/,
    ],
    ["rejects", () => Promise.reject(new Error("session table is missing")), /session table is missing/],
    ["answers a user", () => ({ userId: "ada", email: "a@x" }), /authenticate.*scope\.email/],
    ["answers a number as userId", () => ({ userId: 42 }), /authenticate.*scope\.userId.*got 42/],
    ["answers null as sessionId", () => ({ ...ada, sessionId: null }), /authenticate.*scope\.sessionId/],
    ["answers true", () => true, /authenticate must answer a scope, or null.*got true/],
  ])("is a warning with the reason, once, where authenticate %s", async (_, authenticate, reason) => {
    const handle = handlerOf({ authenticate: authenticate as () => null });
    for (const _ of [1, 2]) expect((await handle(asked())).status).toBe(503);
    expect(takeUnexpected()).toEqual([expect.stringMatching(reason)]);
  });

  test("is a warning where the store fails, and none where the host listens", async () => {
    const store = { ...memoryStore(), list: () => Promise.reject(new Error("no table")) };
    const failing = new BackgroundTaskManager({ store });
    await handlerOf({ tasks: failing })(asked());
    expect(takeUnexpected()).toEqual([expect.stringContaining("no table")]);
    await handlerOf({ tasks: failing, onError: () => undefined })(asked());
    expect(takeUnexpected()).toEqual([]);
  });
});

describe("a body that was read before it came to the handler", () => {
  const init = {
    method: "POST",
    headers: { Authorization: "Bearer ada", "Content-Type": "application/json" },
    body: '{"reason":"not needed"}',
  };

  async function expectRefused(response: Response, id: string) {
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      field: "body",
      detail: expect.stringContaining("body parser"),
    });
    expect(await tasks.get(ada, id)).toMatchObject({ status: "running", cancel: null });
  }

  test.each(Object.entries(BRIDGES))("by express.json() before %s is 400 within 2 s", async (_, bridge) => {
    const { task, finish } = await running(tasks, ada);
    const app = express();
    app.use(express.json());
    app.all("/background-tasks{/*path}", bridge(handlerOf()));
    const origin = await serve(app);
    const response = await fetch(`${origin}/background-tasks/${task.id}/cancel`, init);
    await expectRefused(response, task.id);
    finish(1);
  });

  test("by express.json() does not keep back what else a request is answered with", async () => {
    const app = express();
    app.use(express.json());
    app.all("/background-tasks{/*path}", createRequestListener(handlerOf({ authenticate: () => null })));
    const origin = await serve(app);
    expect((await fetch(`${origin}/background-tasks/some/cancel`, init)).status).toBe(401);
    expect((await fetch(`${origin}/background-tasks`, init)).status).toBe(405);
  });

  test.each(Object.entries(BRIDGES))(
    "by express.json(), a while before %s, is 400 within 2 s",
    async (_, bridge) => {
      const { task, finish } = await running(tasks, ada);
      const app = express();
      app.use(express.json(), (_request, _response, next) => void setTimeout(next, 20));
      app.all("/background-tasks{/*path}", bridge(handlerOf()));
      const origin = await serve(app);
      const response = await fetch(`${origin}/background-tasks/${task.id}/cancel`, init);
      await expectRefused(response, task.id);
      finish(1);
    },
  );

  test.each<[string, (request: Request) => unknown]>([
    ["read", (request) => request.text()],
    ["being read", (request) => void request.body?.getReader()],
  ])("that is %s as a web stream is 400 at once", async (_, read) => {
    const { task, finish } = await running(tasks, ada);
    const request = asked(`/background-tasks/${task.id}/cancel`, init);
    await read(request);
    await expectRefused(await handlerOf()(request), task.id);
    finish(1);
  });
});

test("a request without a signal, as some bridges make them, is answered", async () => {
  const { task, finish } = await running(tasks, ada);
  const request = asked(`/background-tasks/${task.id}/cancel`, { method: "POST" });
  Object.defineProperty(request, "signal", { value: undefined });
  expect((await handlerOf()(request)).status).toBe(200);
  finish(1);
});

describe("a mount path that the server cuts off", () => {
  async function detailOf(path: string): Promise<string> {
    const app = express();
    app.use("/background-tasks", BRIDGES["@hono/node-server"]?.(handlerOf()) as RequestListener);
    const origin = await serve(app);
    const response = await fetch(origin + path, { headers: { Authorization: "Bearer ada" } });
    expect(response.status).toBe(404);
    return ((await response.json()) as { detail: string }).detail;
  }

  test("is named in the 404 while the host develops, with the path that has come", async () => {
    const detail = await detailOf("/background-tasks/some-task");
    expect(detail).toContain('under "/background-tasks"');
    expect(detail).toContain('as "/some-task"');
    expect(detail).toContain("basePath");
  });

  test("is not told in production", async () => {
    vi.stubEnv("NODE_ENV", "production");
    expect(await detailOf("/background-tasks/some-task")).toBe("There is nothing here, or it is not yours.");
  });

  test("is not told of what is missing under it", async () => {
    const response = await handlerOf()(asked("/background-tasks/no/such/route"));
    expect(await response.json()).toMatchObject({ detail: "There is nothing here, or it is not yours." });
  });
});

test("a 401 asks for what the host says, and for nothing by default", async () => {
  const authenticate = () => null;
  const challengeOf = async (challenge?: string) =>
    (await handlerOf({ authenticate, challenge })(asked())).headers.get("WWW-Authenticate");
  expect(await challengeOf()).toBeNull();
  expect(await challengeOf("Bearer")).toBe("Bearer");
  expect(await challengeOf('Basic realm="tasks"')).toBe('Basic realm="tasks"');
});
