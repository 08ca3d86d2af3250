import { createConfig, lintFromString } from "@redocly/openapi-core";
import { afterAll, describe, expect, test } from "vitest";
import * as z from "zod";
import type { TaskHandlerOptions } from "../../../src/http/index.ts";
import { createTaskHandler } from "../../../src/http/index.ts";
import { handlerSettings } from "../../../src/http/options.ts";
import { offeredRoutes, ROUTES } from "../../../src/http/routes.ts";
import { BackgroundTaskManager } from "../../../src/index.ts";
import { byToken } from "../lab.ts";
import { type Document, operationsOf } from "./document.ts";

const tasks = new BackgroundTaskManager();
afterAll(() => tasks.close());

const tools = { build: { schema: z.object({ branch: z.string() }), execute: async () => "built" } };
const everything = { allowCancel: true, tools, challenge: 'Bearer realm="tasks"' };
const variants: [string, Partial<TaskHandlerOptions>][] = [
  ["everything", everything],
  ["as little as can be", {}],
  ["the root", { ...everything, basePath: "/" }],
];

async function ask(options: Partial<TaskHandlerOptions>, init?: RequestInit): Promise<Response> {
  const handle = createTaskHandler({ tasks, authenticate: byToken, ...options });
  const { basePath } = handlerSettings({ tasks, authenticate: byToken, ...options });
  const headers = { Authorization: "Bearer ada" };
  return handle(new Request(`http://localhost${basePath}/openapi.json`, { headers, ...init }));
}

async function documentOf(options: Partial<TaskHandlerOptions>): Promise<Document> {
  return (await ask(options)).json() as Promise<Document>;
}

async function faultsOf(document: object): Promise<string[]> {
  const config = await createConfig({ extends: ["recommended-strict"] });
  const problems = await lintFromString({ source: JSON.stringify(document), config });
  return problems.map(({ ruleId, message }) => `${ruleId}: ${message}`);
}

describe.each(variants)("of a handler with %s", (_name, options) => {
  test("it passes Redocly's strictest rules", async () => {
    expect(await faultsOf(await documentOf(options))).toEqual([]);
  });

  test("it lists the routes that the handler has, and no other", async () => {
    const settings = handlerSettings({ tasks, authenticate: byToken, ...options });
    const table = offeredRoutes(settings).map(({ name, method, path }) => {
      const full = settings.basePath + path.replace(":id", "{id}");
      return `${name}: ${method} ${full.length > 1 ? full.replace(/\/$/, "") : full}`;
    });
    const listed = operationsOf(await documentOf(options)).map(
      ({ operationId, method, path }) => `${operationId}: ${method} ${path}`,
    );
    expect(listed.sort()).toEqual(table.sort());
  });
});

test("a fault in it would be found", async () => {
  const document = await documentOf({});
  const listTasks = document.paths["/background-tasks"]?.get;
  Object.assign(listTasks ?? {}, { operationId: "getTask", summary: undefined });
  expect(await faultsOf(document)).toEqual([
    expect.stringMatching(/^operation-summary/),
    expect.stringMatching(/^operation-operationId-unique/),
  ]);
});

test("it has every route of the table where everything is offered", async () => {
  const named = operationsOf(await documentOf(everything)).map(({ operationId }) => operationId);
  expect(named.sort()).toEqual(ROUTES.map(({ name }) => name).sort());
});

test("cancelling is in it only where it is allowed", async () => {
  const path = "/background-tasks/{id}/cancel";
  const [open, closed] = [await documentOf({ allowCancel: true }), await documentOf({})];
  expect(open.paths).toHaveProperty([path, "post"]);
  expect(open.components.schemas).toHaveProperty("CancelBody");
  expect(closed.paths).not.toHaveProperty([path]);
  expect(closed.components.schemas).not.toHaveProperty("CancelBody");
});

test("it says what credentials are asked for, as far as the handler knows", async () => {
  const schemeOf = async (challenge?: string) => {
    const { components } = await documentOf(challenge === undefined ? {} : { challenge });
    return components.securitySchemes.credentials;
  };
  expect(await schemeOf('Bearer realm="tasks"')).toEqual({ type: "http", scheme: "bearer" });
  expect(await schemeOf("Basic")).toEqual({ type: "http", scheme: "basic" });
  expect(await schemeOf()).toMatchObject({ type: "apiKey", in: "header", name: "Cookie" });
});

test("it is for those who have been authenticated, and changes only with the handler", async () => {
  expect((await ask({}, { headers: {} })).status).toBe(401);
  const first = await ask({});
  const tag = first.headers.get("ETag") ?? "";
  const again = await ask({}, { headers: { Authorization: "Bearer bob", "If-None-Match": tag } });
  expect(again.status).toBe(304);
  expect((await ask(everything)).headers.get("ETag")).not.toBe(tag);
});
