import { expect, test } from "vitest";
import { BackgroundTaskManager, type TimeoutPolicy, ToolOffloadMiddleware } from "../../../src/index.ts";
import { forbidUnhandledRejections, gate } from "../../support/scene.ts";

const SCOPE = { userId: "ada" };
const fails = async () => {
  throw new Error("the hook failed");
};
/** Hooks are synchronous; hosts write async ones all the same. */
const asHook = fails as never;

forbidUnhandledRejections();

test.each<[string, TimeoutPolicy]>([
  ["timeoutMs", { timeoutMs: asHook }],
  ["observe", { timeoutMs: () => 5, observe: fails as never }],
])("rule 6: an async %s of a policy that rejects harms nobody, and is told by event", async (_, policy) => {
  const tasks = new BackgroundTaskManager();
  const failed: unknown[] = [];
  tasks.on("policy.failed", ({ error }) => failed.push(error));
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: policy });
  const outcome = await offload.run({ toolName: "tool", input: 1, scope: SCOPE }, () => 1);
  expect(outcome).toEqual({ status: "completed", value: 1 });
  await new Promise((resolve) => setImmediate(resolve));
  expect(failed).toHaveLength(1);
});

test("rule 6: an async placeholder, redact or summarize that rejects harms nobody", async () => {
  const tasks = new BackgroundTaskManager({ redact: asHook });
  const tools = { tool: { summarize: asHook } };
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 0, placeholder: asHook, tools });
  for (const toolName of ["tool", "other"]) {
    const call = { toolName, input: { a: 1 }, scope: SCOPE };
    const slow = gate();
    const outcome = await offload.run(call, () => slow.promise);
    expect(outcome.status === "offloaded" && outcome.message).toContain("has not finished yet");
    slow.resolve("done");
  }
  await tasks.close();
});

test("a listener that fails is told by event, and the others hear theirs", async () => {
  const tasks = new BackgroundTaskManager();
  const heard: string[] = [];
  tasks.on("task.completed", fails).on("task.completed", () => heard.push("the second"));
  tasks.on("listener.failed", ({ event, error }) => heard.push(`${event}: ${(error as Error).message}`));
  tasks.on("listener.failed", fails);
  const { id } = await tasks.start({ toolName: "tool", input: 1, scope: SCOPE }, () => 1);
  await tasks.wait(SCOPE, [id]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toEqual(["the second", "task.completed: the hook failed"]);
});

test("a tool's context is its own: changing its scope moves no task", async () => {
  const tasks = new BackgroundTaskManager();
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 0 });
  const slow = gate();
  await offload.run({ toolName: "tool", input: 1, scope: SCOPE }, (_, context) => {
    (context.scope as { userId: string }).userId = "bob";
    return slow.promise;
  });
  expect((await tasks.list(SCOPE)).tasks).toHaveLength(1);
  expect((await tasks.list({ userId: "bob" })).tasks).toHaveLength(0);
  slow.resolve("done");
  await tasks.close();
});

test("output may be bytes, cut anywhere", async () => {
  const tasks = new BackgroundTaskManager();
  const { id } = await tasks.start({ toolName: "tool", input: 1, scope: SCOPE }, (_, { write }) => {
    for (const byte of Buffer.from("äö")) write(Uint8Array.of(byte));
  });
  await tasks.wait(SCOPE, [id]);
  const { events } = await tasks.events(SCOPE, id);
  expect(events.flatMap((event) => (event.type === "task.output" ? [event.chunk] : []))).toEqual(["äö"]);
});

test("a thenable that can be iterated too is a thenable", async () => {
  const offload = new ToolOffloadMiddleware({ tasks: new BackgroundTaskManager() });
  const query = Object.assign(Promise.resolve("rows"), {
    async *[Symbol.asyncIterator]() {
      yield "row";
    },
  });
  const outcome = await offload.run({ toolName: "tool", input: 1, scope: SCOPE }, () => query);
  expect(outcome).toEqual({ status: "completed", value: "rows" });
});

test("leaving a watch that waits ends it", async () => {
  const tasks = new BackgroundTaskManager();
  const iterator = tasks.watch(SCOPE)[Symbol.asyncIterator]();
  const next = iterator.next();
  await iterator.return?.();
  expect(await next).toMatchObject({ done: true });
});
