import { describe, expect, test, vi } from "vitest";
import { faultyStore, rejects } from "./support/faulty-store.ts";
import {
  ADA,
  BOB,
  callOf,
  ended,
  gate,
  inFakeTime,
  logOf,
  obedient,
  offloaded,
  onlyTask,
  pass,
  read,
  realTime,
  sceneOf,
  soon,
  stubborn,
  TIMEOUT_MS,
  typesOf,
} from "./support/scene.ts";
import { STORES } from "./support/stores.ts";

inFakeTime();

/** What others got wrong, each as it must be here. */
describe.each(STORES)("the faults of others, on $name", ({ makeStore }) => {
  test.each([
    ["completes", async () => "all done"],
    ["fails", () => Promise.reject(new Error("stopped"))],
  ])("stopping a task never reads as a completion, even if its tool then %s", async (_, end) => {
    const { offload, tasks } = sceneOf({ store: makeStore() });
    const completed = vi.fn();
    tasks.on("task.completed", completed);
    const outcome = offload.run(callOf(), async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return end();
    });
    const { id } = await offloaded(outcome);
    await soon(tasks.cancel(ADA, id, { by: "user" }));
    expect(await ended(tasks, id)).toMatchObject({ status: "cancelled", error: null });
    expect(await soon(tasks.result(ADA, id))).toEqual({ status: "cancelled", by: "user", reason: null });
    expect(completed).not.toHaveBeenCalled();
  });

  test("a tool that throws is failed, with its message", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore() });
    const slow = gate();
    const { id } = await offloaded(offload.run(callOf(), () => slow.promise));
    slow.reject(new Error("The index is gone."));
    const error = { code: "tool_error", message: "The index is gone." };
    expect(await ended(tasks, id)).toMatchObject({ status: "failed", error });
    expect(await soon(tasks.result(ADA, id))).toEqual({ status: "failed", error });
  });

  test("aborting the turn in the foreground never orphans a tool", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore() });
    const turn = new AbortController();
    const calls = [obedient, stubborn].map((tool, input) =>
      offload.run(callOf({ signal: turn.signal, input }), tool).catch((error: unknown) => error),
    );
    turn.abort("stop");
    expect(await Promise.all(calls)).toEqual(["stop", "stop"]);
    await pass(20);
    const { id } = await onlyTask(tasks);
    expect(await ended(tasks, id)).toMatchObject({ status: "cancelled", cancel: { by: "turn" } });
    expect((await tasks.stats()).foreground).toBe(0);
  });

  test("chunks arrive live", async () => {
    const { offload } = sceneOf({ store: makeStore() });
    const gates = [gate(), gate()];
    const stream = offload.stream(callOf(), async function* () {
      for (const { promise } of gates) yield await promise;
    });
    const arrived: string[] = [];
    const reading = (async () => {
      for await (const chunk of stream) arrived.push(chunk);
    })();
    for (const [index, { resolve }] of gates.entries()) {
      expect(arrived).toHaveLength(index);
      resolve(`chunk ${index}`);
      await pass(1);
      expect(arrived).toHaveLength(index + 1);
    }
    await reading;
  });

  test("one id everywhere", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore() });
    const heard: string[] = [];
    for (const name of ["task.started", "task.completed"] as const) {
      tasks.on(name, ({ task, event }) => heard.push(task.id, event.taskId));
    }
    const slow = gate();
    let seen: string | null = null;
    const outcome = offload.run(callOf({ toolCallId: "call-1" }), async (_, context) => {
      const value = await slow.promise;
      seen = context.taskId;
      return value;
    });
    const { id } = await offloaded(outcome);
    slow.resolve("done");
    await ended(tasks, id);
    const log = await logOf(tasks, id);
    const ids = [...heard, seen, (await onlyTask(tasks)).id, ...log.map(({ taskId }) => taskId)];
    expect(heard).toHaveLength(4);
    expect(new Set(ids)).toEqual(new Set([id]));
    expect(await outcome).toMatchObject({ message: expect.stringContaining(id) });
  });

  test("a tool that finishes while the event loop is blocked past the timeout returns its value", async () => {
    realTime();
    const { offload, tasks } = sceneOf({ store: makeStore() }, { timeoutMs: 10 });
    const outcome = offload.run(
      callOf(),
      () => new Promise((resolve) => setTimeout(() => resolve("done"), 25)),
    );
    const end = performance.now() + 50;
    while (performance.now() < end);
    expect(await outcome).toEqual({ status: "completed", value: "done" });
    expect((await tasks.list(ADA)).tasks).toEqual([]);
  });

  test("a 2 MB result stays bounded", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore() });
    const slow = gate();
    const { id } = await offloaded(offload.run(callOf(), () => slow.promise));
    slow.resolve(`head${"😀".repeat(524_288)}tail`);
    expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
    const result = await soon(tasks.result(ADA, id));
    expect(result).toMatchObject({ status: "completed", truncated: { bytes: 2 * 1_048_576 + 8 } });
    const { head, tail } = (result as { value: { head: string; tail: string } }).value;
    expect(head.startsWith("head")).toBe(true);
    expect(tail.endsWith("tail")).toBe(true);
    expect(Buffer.byteLength(head) + Buffer.byteLength(tail)).toBeLessThanOrEqual(1_048_576);
    expect(head + tail).not.toMatch(/\p{Cs}/u);
  });

  test("a store failure at offload leaves the turn intact", async () => {
    const store = faultyStore(makeStore());
    store.always("insert", rejects);
    const { offload } = sceneOf({ store });
    const slow = gate();
    const outcome = offload.run(callOf(), () => slow.promise);
    await pass(10 * TIMEOUT_MS);
    slow.resolve("done");
    expect(await soon(outcome)).toEqual({ status: "completed", value: "done" });
  });

  test("a task that is cancelled shows cancelled and frees its place", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore(), limits: { runningPerUser: 1 } });
    const { id } = await offloaded(offload.run(callOf(), stubborn));
    await soon(tasks.cancel(ADA, id));
    expect(await ended(tasks, id)).toMatchObject({ status: "cancelled" });
    expect(await tasks.stats()).toMatchObject({ running: 0 });
    const next = await offloaded(offload.run(callOf(), stubborn));
    expect(await read(tasks, next.id)).toMatchObject({ status: "running" });
  });

  test("cancelling a finished task erases nothing", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore() });
    const slow = gate();
    const { id } = await offloaded(offload.run(callOf(), () => slow.promise));
    slow.resolve("done");
    const task = await ended(tasks, id);
    const log = await typesOf(tasks, id);
    await pass(100);
    expect(await soon(tasks.cancel(ADA, id))).toEqual(task);
    expect(await soon(tasks.result(ADA, id))).toMatchObject({ value: "done" });
    expect(await typesOf(tasks, id)).toEqual(log);
  });

  test("51 finished tasks of one user evict nobody else's, and a long task is not evicted as it finishes", async () => {
    const { tasks } = sceneOf({ store: makeStore(), followUps: false });
    const bobs = await soon(tasks.start(callOf({ scope: BOB }), async () => "Bob's"));
    await ended(tasks, bobs.id, { scope: BOB });
    const slow = gate();
    const long = await soon(tasks.start(callOf(), () => slow.promise));
    for (let input = 0; input < 51; input += 1) {
      const { id } = await soon(tasks.start(callOf({ input }), async () => input));
      await ended(tasks, id);
      // Among those that end in the same millisecond, the id decides who goes.
      await pass(1);
    }
    slow.resolve("long");
    await ended(tasks, long.id);
    await pass(600);
    expect((await soon(tasks.list(ADA, { limit: 500 }))).tasks).toHaveLength(50);
    expect(await soon(tasks.result(ADA, long.id))).toMatchObject({ value: "long" });
    expect(await soon(tasks.result(BOB, bobs.id))).toMatchObject({ value: "Bob's" });
  });

  test("secrets and control characters stay out of summaries and error messages", async () => {
    const { offload, tasks } = sceneOf({ store: makeStore() });
    const slow = gate();
    const input = {
      query: "cats\u001b[31m\n",
      headers: [{ cookie: "sid=s3cr3t" }],
      client: { apiKey: "s3cr3t" },
    };
    const { id, summary } = await offloaded(offload.run(callOf({ input }), () => slow.promise));
    slow.reject(new Error("GET https://ada:s3cr3t@example.com/?token=s3cr3t\r\n\u0000failed"));
    const { error } = await ended(tasks, id);
    expect(summary).toContain("cats");
    expect(error?.message).toContain("failed");
    for (const text of [summary, error?.message]) {
      expect(text).not.toContain("s3cr3t");
      expect(text).not.toMatch(/\p{Cc}/u);
    }
  });
});
