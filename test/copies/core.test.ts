import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import * as z from "zod";
import { memoryStore } from "../../src/stores/memory.ts";
import { faultyStore, rejects } from "../support/faulty-store.ts";
import { forbidUnhandledRejections, taskOf } from "../support/scene.ts";
import { until } from "../support/until.ts";
import { after, type Copy, copyOf, scope, slowTool, terms } from "./copies.ts";

forbidUnhandledRejections();

// `boot` makes the manager, `chat` works with it.
const boot = await copyOf();
const chat = await copyOf();

function sceneOf(options: ConstructorParameters<Copy["BackgroundTaskManager"]>[0] = {}) {
  const tasks = new boot.BackgroundTaskManager(options);
  return { tasks, offload: new chat.ToolOffloadMiddleware({ tasks, ...terms }) };
}

const callOf = (toolName: string, more = {}) => ({ toolName, input: { n: 1 }, scope, ...more });

async function* numbers() {
  yield "one ";
  yield "two";
}
const fold = { initial: "", reduce: (text: string, chunk: string) => text + chunk };

async function read(stream: AsyncIterable<string>): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

test("these are two copies", () => {
  expect(boot.BackgroundTaskManager).not.toBe(chat.BackgroundTaskManager);
  expect(boot.TaskOffloadError).not.toBe(chat.TaskOffloadError);
});

test("a call is run, offloaded and told by the middleware of another copy", async () => {
  const { tasks, offload } = sceneOf();
  expect(await offload.run(callOf("fast"), ({ n }) => n + 1)).toEqual({ status: "completed", value: 2 });
  const slow = slowTool();
  const task = taskOf(await offload.run(callOf("slow"), slow.execute));
  expect(await tasks.get(scope, task.id)).toMatchObject({ id: task.id, status: "running" });
  slow.finish("found");
  await tasks.wait(scope, [task.id]);
  expect(await tasks.result(scope, task.id)).toMatchObject({ status: "completed", value: "found" });
  await tasks.close();
});

test("what is offloaded there can be cancelled here, and tells its progress", async () => {
  const { tasks, offload } = sceneOf();
  const outcome = await offload.run(callOf("slow"), async (_, { report, write, signal }) => {
    report({ value: 1, total: 2 });
    write("half");
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  const { id } = taskOf(outcome);
  await until(async () => expect(await tasks.get(scope, id)).toMatchObject({ progress: { value: 1 } }));
  await tasks.cancel(scope, id);
  expect(await tasks.wait(scope, [id])).toMatchObject([{ status: "cancelled" }]);
  await tasks.close();
});

test("the dispatcher of another copy delivers", async () => {
  const { tasks, offload } = sceneOf();
  const told: string[] = [];
  const deliver = ({ message }: { message: { text: string } }) => void told.push(message.text);
  const dispatcher = new chat.followUp.FollowUpDispatcher({ tasks, deliver, coalesceMs: 5 }).start();
  const slow = slowTool();
  const { id } = taskOf(await offload.run(callOf("slow"), slow.execute));
  slow.finish("found at last");
  await until(() => expect(told).toEqual([expect.stringContaining("found at last")]));
  await until(async () =>
    expect(await tasks.get(scope, id)).toMatchObject({ followUp: { status: "delivered" } }),
  );
  await dispatcher.stop();
  await tasks.close();
});

test("the inbox of another copy claims and acknowledges", async () => {
  const { tasks, offload } = sceneOf();
  const { id } = taskOf(await offload.run(callOf("job"), () => "built"));
  await tasks.wait(scope, [id]);
  const inbox = new chat.followUp.FollowUpInbox({ tasks });
  const claim = await inbox.claim(scope, { during: "idle" });
  expect(claim?.followUps).toMatchObject([{ id }]);
  const own = new boot.followUp.FollowUpInbox({ tasks });
  expect(await own.claim(scope, { during: "idle" })).toBeUndefined();
  expect(await claim?.acknowledge()).toBe(true);
  expect(await tasks.get(scope, id)).toMatchObject({ followUp: { status: "delivered" } });
  await tasks.close();
});

test("the control tools of another copy list, read and stop", async () => {
  const { tasks, offload } = sceneOf();
  const { task_list, task_output, task_stop } = chat.tools.controlTools({ tasks, scope });
  const done = taskOf(await offload.run(callOf("job"), () => "built"));
  await tasks.wait(scope, [done.id]);
  const open = taskOf(await offload.run(callOf("slow"), slowTool().execute));
  expect((await task_list.execute({})).tasks).toHaveLength(2);
  expect(await task_output.execute({ task_id: done.id })).toMatchObject({ outcome: { text: "built" } });
  expect(await tasks.get(scope, done.id)).toMatchObject({ followUp: { reason: "observed" } });
  expect(await task_stop.execute({ task_id: open.id })).toMatchObject({ found: true });
  expect(await tasks.get(scope, open.id)).toMatchObject({ cancel: { by: "model" } });
  await tasks.close({ drainMs: 0 });
});

test("the HTTP handler of another copy answers", async () => {
  const { tasks, offload } = sceneOf();
  const { id } = taskOf(await offload.run(callOf("job"), () => "built"));
  const handle = chat.http.createTaskHandler({ tasks, authenticate: () => scope });
  const response = await handle(new Request(`http://localhost/background-tasks/${id}`));
  expect(await response.json()).toMatchObject({ id, toolName: "job" });
  await tasks.close();
});

test("a tool with an argument for the background goes through the middleware of another copy", async () => {
  const { tasks, offload } = sceneOf();
  const tool = { name: "build", inputSchema: z.object({}), execute: () => "built" };
  const build = boot.tools.withBackgroundArgument(tool, offload);
  expect(await build.execute({ run_in_background: true }, { scope })).toMatchObject({ status: "offloaded" });
  await tasks.close();
});

test("an error of one copy is known to the other", async () => {
  const { tasks, offload } = sceneOf();
  const invalid = await tasks.get({ userId: "" }, "x").catch((error) => error);
  expect(chat.TaskOffloadError.isInstance(invalid)).toBe(true);
  await tasks.close();
  const closed = await offload.run(callOf("fast"), () => 1).catch((error) => error);
  expect(boot.TaskOffloadError.isInstance(closed)).toBe(true);
  expect(closed).toMatchObject({ code: "closed" });
});

test("a call for the background runs in the foreground after all where the other's store fails", async () => {
  const store = faultyStore(memoryStore());
  const { tasks, offload } = sceneOf({ store, storeTimeoutMs: 50 });
  store.always("insert", rejects);
  expect(await offload.run(callOf("job"), () => "built")).toEqual({ status: "completed", value: "built" });
  await tasks.close();
});

test("a tool streams through the middleware of another copy", async () => {
  const { tasks, offload } = sceneOf();
  const live = offload.stream(callOf("fast"), numbers, fold);
  expect(await read(live)).toEqual(["one ", "two"]);
  expect(await live.outcome).toEqual({ status: "completed", value: "one two" });
  await tasks.close();
});

test.each(["slow", "job"])("and in the background: %s", async (toolName) => {
  const { tasks, offload } = sceneOf();
  const late = slowTool();
  const stream = offload.stream(
    callOf(toolName),
    async function* () {
      await late.execute();
      yield* numbers();
    },
    fold,
  );
  const [task] = await Promise.all([stream.outcome.then(taskOf), read(stream)]);
  late.finish("go on");
  await tasks.wait(scope, [task.id]);
  expect(await tasks.result(scope, task.id)).toMatchObject({ value: "one two" });
  expect((await tasks.events(scope, task.id)).events).toContainEqual(
    expect.objectContaining({ type: "task.output", chunk: expect.stringContaining("two") }),
  );
  await tasks.close();
});

test("equal calls of two copies join, also where one streams", async () => {
  const { tasks, offload } = sceneOf();
  const own = new boot.ToolOffloadMiddleware({ tasks, ...terms });
  let runs = 0;
  const execute = () => after(() => `run ${++runs}`);
  const both = [offload.run(callOf("joined"), execute), own.run(callOf("joined"), execute)];
  expect(await Promise.all(both)).toEqual(Array(2).fill({ status: "completed", value: "run 1" }));
  const streams = [offload, own].map((one) =>
    one.stream(
      callOf("joined", { input: 2 }),
      async function* () {
        runs += 1;
        yield* await after(numbers);
      },
      fold,
    ),
  );
  await Promise.all(streams.map(read));
  const outcomes = await Promise.all(streams.map(({ outcome }) => outcome));
  expect(outcomes).toEqual(Array(2).fill({ status: "completed", value: "one two" }));
  expect(runs).toBe(2);
  await tasks.close();
});

test("calls of two copies have one listener on the turn's signal, and all hear it", async () => {
  const { tasks, offload } = sceneOf();
  const own = new boot.ToolOffloadMiddleware({ tasks, ...terms });
  const turn = new AbortController();
  const calls = [offload, own].map((one, n) =>
    one.run(callOf("long", { input: n, signal: turn.signal }), () => after(() => "never")),
  );
  expect(getEventListeners(turn.signal, "abort")).toHaveLength(1);
  turn.abort(new Error("The user has left."));
  const outcomes = await Promise.allSettled(calls);
  expect(outcomes).toEqual(Array(2).fill({ status: "rejected", reason: turn.signal.reason }));
  expect(getEventListeners(turn.signal, "abort")).toEqual([]);
  await tasks.close();
});

test("a tool that the manager knows keeps its checkpoint through another copy", async () => {
  const { tasks, offload } = sceneOf({ tools: { slow: { resumable: true, execute: () => "again" } } });
  const slow = slowTool();
  const execute = async (_: unknown, context: object) => {
    const { checkpoint, idempotencyKey } = context as {
      checkpoint(data: unknown): Promise<void>;
      idempotencyKey: string;
    };
    await slow.execute();
    await checkpoint({ page: 1 });
    return idempotencyKey;
  };
  const { id } = taskOf(await offload.run(callOf("slow"), execute));
  slow.finish("go on");
  await tasks.wait(scope, [id]);
  expect(await tasks.result(scope, id)).toMatchObject({ status: "completed", value: id });
  await tasks.close();
});

test("what another copy runs is drained and ended when the manager closes", async () => {
  const { tasks, offload } = sceneOf();
  const drained = offload.run(callOf("fast"), () => after(() => "in time"));
  const { id } = taskOf(await offload.run(callOf("slow"), slowTool().execute));
  const shut = offload.run(callOf("stuck"), slowTool().execute).catch((error) => error);
  await tasks.close({ drainMs: 200 });
  expect(await drained).toEqual({ status: "completed", value: "in time" });
  expect(await shut).toMatchObject({ code: "closed" });
  expect(await tasks.get(scope, id)).toMatchObject({ status: "failed", error: { code: "shutdown" } });
});

test("a host's own class of a manager is one, too", async () => {
  class Mine extends boot.BackgroundTaskManager {}
  const tasks = new Mine();
  const offload = new chat.ToolOffloadMiddleware({ tasks });
  expect(await offload.run(callOf("fast"), () => 1)).toEqual({ status: "completed", value: 1 });
  await tasks.close();
});
