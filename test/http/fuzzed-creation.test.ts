import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { problemSchema, taskInfoSchema, toolListSchema } from "../../src/http/index.ts";
import { BackgroundTaskManager, type TaskInfo } from "../../src/index.ts";
import { BRIDGES, type Lab, type RawAnswer, rawRequest, startLab } from "./lab.ts";

const SECRET = "the-secret-of-ada";
const CALLERS = ["mallory", "mallory/diary", "mallory/work", "eve"];

const often = <T>(usual: fc.Arbitrary<T>, unusual: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 5, arbitrary: usual as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: unusual });
const text = fc.string({ unit: "binary", maxLength: 300 });
const name = fc.oneof(
  text,
  fc.constantFrom("__proto__", "constructor", "toString", "", "\0", "x".repeat(257)),
);

const input = fc.oneof(
  fc.record({ branch: fc.constantFrom("main", "next") }),
  fc.record({ branch: text }),
  fc.jsonValue(),
);
const body = fc.record(
  {
    tool: often(fc.constantFrom("build", "any", "tree", "admin"), name),
    input: often(input, fc.jsonValue()),
    sessionId: often(fc.constantFrom("diary", "work", "another"), name),
    priority: often(fc.integer({ min: 1, max: 3 }), fc.oneof(fc.double(), fc.jsonValue())),
    deadlineMs: often(fc.integer({ min: 1, max: 9e15 }), fc.oneof(fc.double(), fc.jsonValue())),
    description: often(text, fc.jsonValue()),
    metadata: often(fc.dictionary(name, fc.jsonValue()), fc.jsonValue()),
    extra: fc.constant(1),
  },
  { requiredKeys: ["tool"] },
);
const sound = body.map(({ extra, ...rest }) => rest);
const sent = fc.oneof(
  { weight: 6, arbitrary: sound.map((value) => JSON.stringify(value)) },
  body.map((value) => JSON.stringify(value)),
  fc.json(),
  text,
  fc.constantFrom(
    "",
    "{}",
    '{"__proto__":1}',
    '{"tool":"any","__proto__":{}}',
    "[".repeat(9_000),
    `{"tool":"tree","input":${"[".repeat(9_000)}${"]".repeat(9_000)}}`,
    "x".repeat(20_000),
  ),
  fc.uint8Array(),
);
/** What may stand in a header. */
const printable = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code !== 0x7f)
    .map((code) => String.fromCharCode(code)),
  maxLength: 300,
});
const headers = fc.record(
  {
    Authorization: often(
      fc.constantFrom(...CALLERS).map((caller) => `Bearer ${caller}`),
      printable,
    ) as fc.Arbitrary<string>,
    "Idempotency-Key": fc.oneof(fc.constantFrom("a", "b", "adas-key"), printable),
    "Content-Type": often(fc.constant("application/json"), printable) as fc.Arbitrary<string>,
    Origin: often(fc.constant("https://app.example"), printable) as fc.Arbitrary<string>,
  },
  { requiredKeys: ["Authorization"] },
);

/** Goes through an input by recursion. */
const tree: z.ZodType = z.lazy(() => z.union([z.array(tree), z.unknown()]));

const STATUSES = [202, 400, 401, 403, 404, 413, 415, 422];

describe.each(Object.entries(BRIDGES))("whatever is to be created, on a server with %s", (_name, bridge) => {
  let lab: Lab;
  let hers: TaskInfo[];

  beforeAll(async () => {
    const tasks = new BackgroundTaskManager({ limits: { queuedPerUser: 10_000, runningPerUser: 10_000 } });
    const execute = async () => SECRET.length;
    lab = await startLab({
      tasks,
      bridge,
      allowedOrigins: ["https://app.example"],
      tools: {
        build: { execute, schema: z.object({ branch: z.string().min(1) }), maxPriority: 2 },
        any: { execute, schema: z.unknown(), metadata: ({ input }) => ({ kind: typeof input }) },
        tree: { execute, schema: tree, jsonSchema: {} },
        admin: { execute, schema: z.unknown(), allow: ({ userId }) => userId === "ada" },
      },
    });
    const call = { toolName: SECRET, input: SECRET, scope: { userId: "ada", sessionId: "diary" } };
    await tasks.start(call, () => new Promise(() => undefined), { idempotencyKey: "adas-key" });
    hers = (await tasks.list({ userId: "ada" })).tasks;
  });
  afterAll(() => lab.close());

  function expectSound(caller: string | undefined, { status, headers, body }: RawAnswer): void {
    // Not of the handler: node:http and the bridge refuse what is no HTTP.
    if (headers["x-content-type-options"] === undefined) return void expect([400, 431]).toContain(status);
    expect(STATUSES).toContain(status);
    expect(body).not.toContain(SECRET);
    const json: unknown = JSON.parse(body);
    if (status !== 202) return void expect(problemSchema.parse(json)).toEqual(json);
    const task = taskInfoSchema.parse(json);
    expect(headers.location).toBe(`/background-tasks/${task.id}`);
    expect(["build", "any", "tree"]).toContain(task.toolName);
    const [, session] = caller?.split("/") ?? [];
    if (session !== undefined) expect(task.sessionId).toBe(session);
  }

  test("gets a sound answer, and makes nothing of another's", { timeout: 60_000 }, async () => {
    const seen = new Map<number, number>();
    const created = new Map<string, Set<string>>();
    await fc.assert(
      fc.asyncProperty(headers, sent, async (headers, body) => {
        const answer = await rawRequest(lab.port, "POST", "/background-tasks", headers, body);
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        const caller = CALLERS.find((one) => headers.Authorization === `Bearer ${one}`);
        expectSound(caller, answer);
        if (answer.status !== 202) return;
        const { id } = JSON.parse(answer.body) as TaskInfo;
        const [user = ""] = caller?.split("/") ?? [];
        created.set(user, (created.get(user) ?? new Set()).add(id));
        if (headers["Idempotency-Key"] === undefined) return;
        const again = await rawRequest(lab.port, "POST", "/background-tasks", headers, body);
        expect([again.status, JSON.parse(again.body)]).toMatchObject([202, { id }]);
      }),
      { numRuns: 700 },
    );
    for (const [userId, ids] of created) {
      for (const id of ids) expect(await lab.tasks.get({ userId }, id)).toBeDefined();
    }
    const [mallorys = new Set(), eves = new Set<string>()] = [created.get("mallory"), created.get("eve")];
    expect([...eves].filter((id) => mallorys.has(id))).toEqual([]);
    expect((await lab.tasks.list({ userId: "ada" })).tasks).toEqual(hers);
    expect(lab.errors).toEqual([]);
    expect([...seen.keys()]).toEqual(expect.arrayContaining([202, 400, 404]));
  });

  test("lists to each what is theirs", async () => {
    for (const caller of CALLERS) {
      const { tools } = toolListSchema.parse(await (await lab.as(caller, "/tools")).json());
      expect(tools.map(({ name }) => name)).toEqual(["build", "any", "tree"]);
    }
  });
});
