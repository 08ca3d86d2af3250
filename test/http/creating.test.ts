import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import type { TaskTool } from "../../src/http/index.ts";
import { BackgroundTaskManager, type BackgroundTaskManagerOptions, type TaskInfo } from "../../src/index.ts";
import { end, type Lab, type LabOptions, rawRequest, startLab } from "./lab.ts";

const build = {
  schema: z.object({ branch: z.string().min(2) }),
  execute: async () => "built",
} satisfies TaskTool;
const endless = { schema: z.unknown(), jsonSchema: {}, execute: () => new Promise(() => undefined) };

let lab: Lab;
afterEach(() => lab.close());

/** A server whose users may create tasks of these tools. */
async function serve(
  tools: Record<string, TaskTool>,
  options: LabOptions & BackgroundTaskManagerOptions = {},
) {
  const { limits, exclusive, ...rest } = options;
  const own = limits || exclusive ? { tasks: new BackgroundTaskManager({ limits, exclusive }) } : {};
  lab = await startLab({ tools, ...own, ...rest });
}

function post(user: string | null, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const json = { "Content-Type": "application/json", ...headers };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return lab.as(user, "", { method: "POST", headers: json, body: text });
}

async function create(user: string, body: unknown, headers?: Record<string, string>): Promise<TaskInfo> {
  const response = await post(user, body, headers);
  expect(response.status).toBe(202);
  return response.json() as Promise<TaskInfo>;
}

const main = { tool: "build", input: { branch: "main" } };

describe("creating a task", () => {
  test("is answered with it and its place, and its tool runs", async () => {
    await serve({ build });
    const response = await post("ada", { ...main, sessionId: "diary" });
    const task = (await response.json()) as TaskInfo;
    expect([response.status, response.headers.get("Location")]).toEqual([
      202,
      `/background-tasks/${task.id}`,
    ]);
    expect(response.headers.get("Cache-Control")).toBe("private, no-store");
    expect(task).toMatchObject({ toolName: "build", sessionId: "diary", status: "queued", priority: 1 });
    await end(lab.tasks, { userId: "ada" }, task.id);
    expect(await (await lab.as("ada", `/${task.id}/result`)).json()).toMatchObject({ value: "built" });
  });

  test.each(["/", "/api/tasks/"])("its place is below %s, where the handler is", async (basePath) => {
    await serve({ build }, { basePath });
    const created = await rawRequest(
      lab.port,
      "POST",
      basePath,
      { Authorization: "Bearer ada", "Content-Type": "application/json" },
      JSON.stringify(main),
    );
    const place = String(created.headers.location);
    const read = await rawRequest(lab.port, "GET", place, { Authorization: "Bearer ada" });
    expect([read.status, JSON.parse(read.body)]).toMatchObject([200, { id: JSON.parse(created.body).id }]);
  });

  test("the tool gets what its schema has made of the input, and the scope", async () => {
    const execute = vi.fn(async () => null);
    const schema = z.object({
      n: z.string().transform(async (text) => Number(text)),
      kind: z.string().default("x"),
    });
    await serve({ count: { schema, execute } });
    const { id } = await create("ada/diary", { tool: "count", input: { n: "7" } });
    await end(lab.tasks, { userId: "ada" }, id);
    const scope = { userId: "ada", sessionId: "diary" };
    expect(execute).toHaveBeenCalledWith({ n: 7, kind: "x" }, expect.objectContaining({ taskId: id, scope }));
  });

  test("an input that is left out is an empty object", async () => {
    const execute = vi.fn(async () => null);
    await serve({ bare: { schema: z.object({}), execute } });
    const { id } = await create("ada", { tool: "bare" });
    await end(lab.tasks, { userId: "ada" }, id);
    expect(execute).toHaveBeenCalledWith({}, expect.anything());
  });

  test("priority, deadline and description are taken; the description is cleaned", async () => {
    await serve({ slow: { ...endless, maxPriority: 7 } });
    const description = "Deploys\n with token=abc123 \u0007";
    const fields = { tool: "slow", priority: 7, deadlineMs: 60_000, description };
    const { id } = await create("ada", fields);
    const read = async () => (await lab.tasks.get({ userId: "ada" }, id)) as TaskInfo;
    await vi.waitFor(async () => expect(await read()).toMatchObject({ status: "running" }));
    const { priority, startedAt, deadlineAt, summary } = await read();
    expect({ priority, summary }).toEqual({ priority: 7, summary: "Deploys with token=***" });
    expect((deadlineAt ?? 0) - (startedAt ?? 0)).toBe(60_000);
  });

  test("a result comes back to the session, as the tool says; without a session it does not", async () => {
    await serve({ build, quiet: { ...build, followUp: "silent" }, never: { ...build, followUp: "none" } });
    const stands = async (body: object) => {
      const { id } = await create("ada", { ...main, ...body });
      const { followUp } = await end(lab.tasks, { userId: "ada" }, id);
      return followUp.status;
    };
    expect(await stands({ sessionId: "diary" })).toBe("pending");
    expect(await stands({ sessionId: "diary", tool: "quiet" })).toBe("pending");
    expect(await stands({ sessionId: "diary", tool: "never" })).toBe("none");
    expect(await stands({})).toBe("none");
  });

  test("metadata is the host's own: that of the body is ignored, unless the tool takes it", async () => {
    const metadata = vi.fn(async ({ metadata, input }, scope) => ({ ...metadata, of: scope.userId, input }));
    await serve({ build, told: { ...build, metadata } });
    const body = { ...main, metadata: { channel: "c1" } };
    expect(await create("ada", body)).toMatchObject({ metadata: null });
    expect(await create("ada", { ...body, tool: "told" })).toMatchObject({
      metadata: { channel: "c1", of: "ada", input: { branch: "main" } },
    });
  });

  test("the tool runs in the async context of the request", async () => {
    const context = new AsyncLocalStorage<string>();
    const around: LabOptions["around"] = (handle) => (request) =>
      context.run("traced", () => handle(request));
    await serve({ trace: { ...build, execute: async () => context.getStore() } }, { around });
    const { id } = await create("ada", { ...main, tool: "trace" });
    await end(lab.tasks, { userId: "ada" }, id);
    expect(await lab.tasks.result({ userId: "ada" }, id)).toMatchObject({ value: "traced" });
  });
});

describe("what cannot be created", () => {
  test.each<[unknown, string, string]>([
    ["{", "body", "body must be a JSON object in UTF-8."],
    [[], "body", "body must be a JSON object in UTF-8."],
    [{}, "tool", "tool must be a text of 1 to 256 characters."],
    [{ ...main, tool: "" }, "tool", "tool must be a text of 1 to 256 characters."],
    [{ ...main, session: "x" }, "session", "session is no property of the body; there are tool, input,"],
    [{ ...main, "<b>": 1 }, "body", "One of the names is no property of the body"],
    [{ ...main, sessionId: "" }, "sessionId", "sessionId must be a text of 1 to 256 characters."],
    [{ ...main, sessionId: "a\0" }, "sessionId", "sessionId must be a text of 1 to 256 characters."],
    [
      { ...main, sessionId: "a".repeat(257) },
      "sessionId",
      "sessionId must be a text of 1 to 256 characters.",
    ],
    [{ ...main, sessionId: null }, "sessionId", "sessionId must be a text of 1 to 256 characters."],
    [{ ...main, priority: 0 }, "priority", "priority must be one whole number from 1 to 10."],
    [{ ...main, priority: 4 }, "priority", "priority must be one whole number from 1 to 3."],
    [{ ...main, deadlineMs: 0 }, "deadlineMs", "deadlineMs must be one whole number from 1 on."],
    [{ ...main, deadlineMs: "5" }, "deadlineMs", "deadlineMs must be one whole number from 1 on."],
    [{ ...main, description: 7 }, "description", "description must be a text."],
    [{ ...main, metadata: 7 }, "metadata", "metadata must be an object."],
    [
      { ...main, input: {} },
      "input.branch",
      "input.branch: Invalid input: expected string, received undefined.",
    ],
    [{ ...main, input: { branch: "x" } }, "input.branch", "input.branch: Too small"],
    [{ ...main, input: "x" }, "input", "input: Invalid input: expected object, received string."],
  ])("%j: 400 that names the field", async (body, field, detail) => {
    await serve({ build: { ...build, maxPriority: 3 } });
    const response = await post("ada", body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: "invalid_body",
      field,
      detail: expect.stringContaining(detail),
    });
    expect((await lab.tasks.list({ userId: "ada" })).tasks).toEqual([]);
  });

  test("names in an input are told where they can say nothing else", async () => {
    await serve({ deep: { ...build, schema: z.record(z.string(), z.array(z.number())) } });
    const fieldOf = async (input: object) =>
      ((await (await post("ada", { tool: "deep", input })).json()) as { field: string }).field;
    expect(await fieldOf({ plain: [1, "x"] })).toBe("input.plain.1");
    expect(await fieldOf({ "<b>": [1, "x"] })).toBe("input");
  });

  test("a tool that there is not, or not for them, and a session that is not theirs: 404, all the same", async () => {
    const allow = vi.fn(async ({ userId }: { userId: string }) => userId === "bob");
    await serve({ build, admin: { ...build, allow } });
    const missing = await (await post("ada", { ...main, tool: "none" })).text();
    for (const body of [{ tool: "admin" }, { tool: "constructor" }, { tool: "admin", priority: 9 }]) {
      const response = await post("ada", { ...main, ...body });
      expect([response.status, await response.text()]).toEqual([404, missing]);
    }
    const elsewhere = await post("ada/diary", { ...main, sessionId: "other" });
    expect([elsewhere.status, await elsewhere.text()]).toEqual([404, missing]);
    await create("bob", { ...main, tool: "admin" });
    await create("ada/diary", { ...main, sessionId: "diary" });
  });

  test("a session that is exclusive and busy: 409", async () => {
    await serve({ slow: endless }, { exclusive: "session" });
    await create("ada", { tool: "slow", sessionId: "diary" });
    const response = await post("ada", { tool: "slow", sessionId: "diary" });
    expect([response.status, await response.json()]).toMatchObject([409, { code: "session_busy" }]);
    await create("ada", { tool: "slow", sessionId: "other" });
  });

  test("where the queue is full, or the manager closed: 503 with Retry-After", async () => {
    await serve({ slow: endless }, { limits: { runningPerUser: 1, queuedPerUser: 1 } });
    await create("ada", { tool: "slow" });
    await vi.waitFor(async () => expect(await lab.tasks.stats()).toMatchObject({ running: 1 }));
    await create("ada", { tool: "slow" });
    const full = await post("ada", { tool: "slow" });
    expect([full.status, full.headers.get("Retry-After")]).toEqual([503, "5"]);
    expect(await full.json()).toMatchObject({ code: "too_many_tasks" });
    await lab.tasks.close({ drainMs: 0 });
    const closed = await post("ada", { tool: "slow" });
    expect([closed.status, closed.headers.get("Retry-After")]).toEqual([503, "2"]);
    expect(lab.errors).toEqual([]);
  });

  test("a body that is too large: 413, and what is no JSON: 415", async () => {
    await serve({ build: { ...build, schema: z.object({ branch: z.string() }) } });
    const of = (length: number) => ({ tool: "build", input: { branch: "x".repeat(length) } });
    await create("ada", of(1_000_000));
    const large = await post("ada", of(1_048_576));
    expect([large.status, await large.json()]).toMatchObject([
      413,
      { code: "body_too_large", detail: "The body must have at most 1048576 bytes." },
    ]);
    expect((await post("ada", main, { "Content-Type": "text/plain" })).status).toBe(415);
  });

  test("nobody is let in from elsewhere, and nobody without credentials", async () => {
    await serve({ build });
    expect((await post("ada", main, { Origin: "https://evil.example" })).status).toBe(403);
    expect((await post(null, main)).status).toBe(401);
  });

  test.each([
    ["list", "[", "]"],
    ["object", '{"a":', "}"],
  ])(
    "a %s that is nested too deep: 400, before any tool has to go through it",
    async (_what, open, close) => {
      const recursive: z.ZodType = z.lazy(() =>
        z.union([z.array(recursive), z.record(z.string(), recursive)]),
      );
      await serve({ tree: { ...build, schema: recursive, jsonSchema: {} } });
      const of = (levels: number) =>
        `{"tool":"tree","input":${open.repeat(levels - 1)}{}${close.repeat(levels - 1)}}`;
      await create("ada", of(99));
      for (const levels of [100, 100_000]) {
        const response = await post("ada", of(levels));
        expect([response.status, await response.json()]).toMatchObject([
          400,
          { field: "body", detail: "body must be nested at most 100 deep." },
        ]);
      }
      expect(lab.errors).toEqual([]);
    },
  );

  test("a tool of a class stays whole", async () => {
    class Counter {
      readonly schema = z.unknown();
      readonly #name = "bob";
      execute() {
        return this.#name;
      }
      allow({ userId }: { userId: string }) {
        return userId === this.#name;
      }
      metadata() {
        return { of: this.#name };
      }
    }
    await serve({ count: new Counter() });
    const { id, metadata } = await create("bob", { tool: "count" });
    expect(metadata).toEqual({ of: "bob" });
    await end(lab.tasks, { userId: "bob" }, id);
    expect(await (await lab.as("bob", `/${id}/result`)).json()).toMatchObject({ value: "bob" });
    expect((await post("ada", { tool: "count" })).status).toBe(404);
  });

  test("a hook of the host's that fails: 503, and onError is told", async () => {
    const fails = () => {
      throw new Error("s3cret reason");
    };
    const broken = { "~standard": { version: 1, vendor: "own", validate: fails } } as const;
    await serve({
      metadata: { ...build, metadata: fails },
      odd: { ...build, metadata: () => [] as never },
      allow: { ...build, allow: fails },
      schema: { ...build, schema: broken, jsonSchema: {} },
    });
    for (const tool of ["metadata", "odd", "allow", "schema"]) {
      const response = await post("ada", { ...main, tool });
      expect(response.status).toBe(503);
      expect(await response.text()).not.toContain("s3cret");
    }
    expect(lab.errors).toHaveLength(4);
  });

  test("without tools there is nothing to create", async () => {
    await serve({});
    const response = await post("ada", main);
    expect([response.status, response.headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
    expect((await lab.as("ada", "/tools")).status).toBe(404);
  });
});

describe("an Idempotency-Key", () => {
  const key = { "Idempotency-Key": "order 4711" };

  test("gives the same task, also when it has ended, and the tool runs once", async () => {
    const execute = vi.fn(async () => "built");
    const schema = z.object({ branch: z.string(), at: z.number().default(() => Math.random()) });
    await serve({ build: { execute, schema } });
    const first = await create("ada", main, key);
    await end(lab.tasks, { userId: "ada" }, first.id);
    const again = { input: main.input, tool: "build" };
    expect(await create("ada", again, key)).toMatchObject({ id: first.id, status: "completed" });
    expect(execute).toHaveBeenCalledTimes(1);
  });

  test("is of the body as it was sent, whatever the host makes of it", async () => {
    let made = 0;
    const stamp = (given: unknown) => {
      made += 1;
      return Object.assign(given as object, { made });
    };
    const validate = (value: unknown) => ({ value: stamp(value) });
    const schema = { "~standard": { version: 1, vendor: "own", validate } } as const;
    await serve({
      build: { ...build, schema, jsonSchema: {}, metadata: ({ metadata }) => stamp(metadata) as never },
    });
    const body = { ...main, metadata: {} };
    const first = await create("ada", body, key);
    expect(first.metadata).toEqual({ made: 2 });
    expect(await create("ada", body, key)).toMatchObject({ id: first.id });
  });

  test("knows a body that is nested as deep as one may be", async () => {
    await serve({ any: endless });
    let input: unknown = {};
    for (let level = 1; level < 99; level += 1) input = { level, input };
    const first = await create("ada", { tool: "any", input }, key);
    expect(await create("ada", { input, tool: "any" }, key)).toMatchObject({ id: first.id });
  });

  test.each([
    ["input", { input: { branch: "next" } }],
    ["tool", { tool: "other" }],
    ["description", { description: "x" }],
    ["session", { sessionId: "diary" }],
  ])("with another %s is refused: 422", async (_what, other) => {
    await serve({ build, other: build });
    await create("ada", main, key);
    const response = await post("ada", { ...main, ...other }, key);
    expect([response.status, await response.json()]).toMatchObject([422, { code: "key_reused" }]);
    expect((await lab.tasks.list({ userId: "ada" })).tasks).toHaveLength(1);
  });

  test("is the user's own, and shows no task of a session that is not theirs", async () => {
    await serve({ build });
    const ids = [await create("ada/diary", main, key), await create("bob", main, key)].map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    const response = await post("ada/other", main, key);
    expect([response.status, await response.text()]).toEqual([
      422,
      expect.not.stringContaining(ids[0] ?? ""),
    ]);
  });

  test.each(["", "x".repeat(257), "ü"])("%j is refused by name: 400", async (value) => {
    await serve({ build });
    const response = await post("ada", main, { "Idempotency-Key": value });
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { code: "invalid_header", field: "Idempotency-Key" },
    ]);
  });
});

describe("GET /tools", () => {
  test("lists what this user may create, with what it takes", async () => {
    const schema = z.object({ n: z.number().optional(), at: z.string().transform(Number) });
    await serve({
      count: { ...build, schema, description: "Counts.", maxPriority: 5 },
      own: { ...build, schema: z.date(), jsonSchema: { type: "string" } },
      admin: { ...build, allow: ({ userId }) => userId === "bob" },
    });
    const listed = async (user: string) =>
      ((await (await lab.as(user, "/tools")).json()) as { tools: { name: string }[] }).tools;
    expect(await listed("ada")).toEqual([
      {
        name: "count",
        description: "Counts.",
        maxPriority: 5,
        inputSchema: {
          $schema: "https://json-schema.org/draft/2020-12/schema",
          type: "object",
          properties: { n: { type: "number" }, at: { type: "string" } },
          required: ["at"],
        },
      },
      { name: "own", description: "", maxPriority: 1, inputSchema: { type: "string" } },
    ]);
    expect((await listed("bob")).map(({ name }) => name)).toEqual(["count", "own", "admin"]);
    expect((await lab.as(null, "/tools")).status).toBe(401);
  });
});
