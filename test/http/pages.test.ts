import { describe, expect, test, vi } from "vitest";
import { type TaskInfo, taskInfoSchema } from "../../src/http/index.ts";
import { Pages } from "../../src/http/pages.ts";
import { BackgroundTaskManager } from "../../src/index.ts";
import { completed, running, startLab } from "./lab.ts";

const task: TaskInfo = {
  id: "V1StGXR8_Z5jdHi6B-myT",
  toolName: "search",
  toolCallId: "call-1",
  sessionId: "session-1",
  agentId: "agent-1",
  summary: "search(query=otters)",
  status: "running",
  priority: 1,
  createdAt: 1,
  startedAt: 2,
  updatedAt: 3,
  completedAt: null,
  deadlineAt: 4,
  progress: { value: 1, total: 2 },
  error: { code: "lost", message: "gone" },
  cancel: { at: 5, by: "user", reason: null },
  followUp: { status: "none", attempts: 0, reason: null },
  metadata: { nested: { list: [1, {}] } },
  lastSeq: 6,
  version: 3,
};

const changed: Partial<TaskInfo>[] = [
  ...Object.keys(task).map((field) => ({ [field]: "other" })),
  { progress: { value: 1 } },
  { progress: null },
  { error: { code: "lost", message: "dead" } },
  { cancel: { at: 5, by: "user", reason: "enough" } },
  { followUp: { status: "pending", attempts: 0, reason: null } },
  { followUp: { status: "none", attempts: 1, reason: null } },
  { followUp: { status: "none", attempts: 0, reason: "expired" } },
  { metadata: { nested: { list: [1, []] } } },
  { metadata: {} },
];

describe("a page", () => {
  /** Whether the second is taken for the first. */
  const isSame = async (one: TaskInfo, other: TaskInfo) => {
    const pages = new Pages();
    const [first, second] = [
      await pages.write("a", { tasks: [one], nextCursor: null }),
      await pages.write("a", { tasks: [other], nextCursor: null }),
    ];
    return first === second;
  };

  test("is the same as its copy", async () => {
    expect(taskInfoSchema.parse(task)).toEqual(task);
    expect(await isSame(task, structuredClone(task))).toBe(true);
  });

  test.each(changed)("is another with %j", async (change) => {
    // A change of the whole follow-up is in the list too; it has no fields to compare.
    const other = { ...structuredClone(task), ...change } as TaskInfo;
    expect(await isSame(task, other)).toBe(false);
    expect(await isSame(other, task)).toBe(false);
  });
});

describe("pages", () => {
  const page = (...tasks: TaskInfo[]) => structuredClone({ tasks, nextCursor: null });
  const other = { ...task, id: "other" };

  test("are written once while they are the same", async () => {
    const digest = vi.spyOn(crypto.subtle, "digest");
    const pages = new Pages();
    const first = await pages.write("a", page(task));
    expect(await pages.write("a", page(task))).toBe(first);
    expect(digest).toHaveBeenCalledTimes(1);
    digest.mockRestore();
  });

  test("are written as they are, whatever was asked before", async () => {
    const pages = new Pages();
    const asked = [
      page(task),
      page(),
      page(task, other),
      page(other, task),
      page(other),
      { ...page(other), nextCursor: "1.x" },
      page({ ...task, lastSeq: 7 }),
      page({ ...task, version: 4 }),
    ];
    const tags = new Set<string>();
    for (const one of [...asked, ...asked]) {
      const { text, etag } = await pages.write("a", one);
      expect(text).toBe(JSON.stringify(one));
      tags.add(etag);
    }
    expect(tags.size).toBe(asked.length);
  });

  test("are kept for the newest hundred questions, unless they are large", async () => {
    const pages = new Pages();
    const isKept = async (key: string, one = page(task)) =>
      (await pages.write(key, one)) === (await pages.write(key, structuredClone(one)));
    expect(await isKept("first")).toBe(true);
    const first = await pages.write("first", page(task));
    for (let i = 0; i < 99; i += 1) await pages.write(`key ${i}`, page(task));
    expect(await pages.write("first", page(task))).toBe(first);
    await pages.write("one more", page(task));
    expect(await pages.write("first", page(task))).not.toBe(first);
    expect(await isKept("large", page({ ...task, metadata: { text: "x".repeat(40_000) } }))).toBe(false);
  });
});

test("a list that is asked for again shows what has changed", async () => {
  const tasks = new BackgroundTaskManager();
  const lab = await startLab({ tasks });
  const ask = async (user: string) => {
    const response = await lab.as(user);
    return { etag: response.headers.get("ETag"), body: await response.json() };
  };
  const ada = { userId: "ada" };
  const { task, finish } = await running(tasks, ada);
  const first = await ask("ada");
  expect(await ask("ada")).toEqual(first);
  finish(1);
  await tasks.wait(ada, [task.id]);
  const second = await ask("ada");
  expect(second.body).toEqual(JSON.parse(JSON.stringify(await tasks.list(ada))));
  expect(second.etag).not.toBe(first.etag);
  await completed(tasks, { userId: "bob" }, 1);
  expect((await ask("bob")).body).toEqual(await tasks.list({ userId: "bob" }));
  expect(await ask("ada")).toEqual(second);
  await lab.close();
});

test("each user has pages of their own, and so has each question", async () => {
  const lab = await startLab();
  const ask = async () => {
    for (const user of ["ada", "bob"]) for (const query of ["", "?limit=1"]) await lab.as(user, query);
  };
  for (const userId of ["ada", "bob"]) await completed(lab.tasks, { userId }, 1);
  await ask();
  const digest = vi.spyOn(crypto.subtle, "digest");
  await ask();
  expect(digest).not.toHaveBeenCalled();
  digest.mockRestore();
  await lab.close();
});
