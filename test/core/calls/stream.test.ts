import { describe, expect, test, vi } from "vitest";
import { Page, pagePromise, subprocess } from "../../support/iterable-values.ts";
import {
  ADA,
  callOf,
  ended,
  type Gate,
  gate,
  inFakeTime,
  isPending,
  logOf,
  offloaded,
  onlyTask,
  pass,
  read,
  realTime,
  sceneOf,
  soon,
  stubborn,
  TIMEOUT_MS,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

/** A tool that gives out each chunk when its gate opens. */
function gated(gates: Gate<string>[]) {
  return async function* () {
    for (const { promise } of gates) yield await promise;
  };
}

/** Reads a stream to its end. */
async function collect<C>(stream: AsyncIterable<C>): Promise<C[]> {
  const chunks: C[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

inFakeTime();

describe.each(STORES)("rule 5: streams on $name", ({ makeStore }) => {
  const scene = () => sceneOf({ store: makeStore() });

  test("rule 5: chunks go through live, each before the next exists", async () => {
    const gates = [gate(), gate()];
    const iterator = scene().offload.stream(callOf(), gated(gates))[Symbol.asyncIterator]();
    for (const [index, { resolve }] of gates.entries()) {
      const next = iterator.next();
      expect(await isPending(next)).toBe(true);
      resolve(`chunk ${index}`);
      expect(await next).toEqual({ done: false, value: `chunk ${index}` });
    }
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test("rule 5: the result is the last chunk, or what reduce makes of them", async () => {
    const { offload } = scene();
    const count = async function* () {
      yield 1;
      yield 2;
    };
    const last = offload.stream(callOf(), count);
    expect(await collect(last)).toEqual([1, 2]);
    expect(await last.outcome).toEqual({ status: "completed", value: 2 });
    const sum = offload.stream(callOf(), count, { initial: 0, reduce: (sum, chunk) => sum + chunk });
    await collect(sum);
    expect(await sum.outcome).toEqual({ status: "completed", value: 3 });
  });

  test("rule 5: at the timeout the stream ends, outcome holds the placeholder, and the rest is drained", async () => {
    const { offload, tasks } = scene();
    const gates = [gate(), gate(), gate()];
    const stream = offload.stream(callOf(), gated(gates), {
      initial: "",
      reduce: (all, chunk) => all + chunk,
    });
    const chunks = collect(stream);
    gates[0]?.resolve("one ");
    await pass(TIMEOUT_MS - 1);
    expect(await isPending(chunks)).toBe(true);
    expect(await soon(chunks)).toEqual(["one "]);
    const { id } = await offloaded(stream.outcome);
    gates[1]?.resolve("two ");
    gates[2]?.resolve("three");
    expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
    expect(await soon(tasks.result(ADA, id))).toMatchObject({ value: "one two three" });
  });

  test("rule 5: what was streamed before the offload and after it is in the log, in order", async () => {
    const { offload, tasks } = scene();
    const gates = [gate(), gate()];
    const stream = offload.stream(callOf(), gated(gates));
    const chunks = collect(stream);
    gates[0]?.resolve("one ");
    await soon(chunks);
    const { id } = await offloaded(stream.outcome);
    gates[1]?.resolve("two");
    await ended(tasks, id);
    const output = (await logOf(tasks, id)).map((event) => (event.type === "task.output" ? event.chunk : ""));
    expect(output.join("")).toBe("one two");
  });

  test("rule 5: leaving the loop early is an abort of the turn", async () => {
    const { offload, tasks } = scene();
    const aborted = vi.fn();
    const stream = offload.stream(callOf(), async function* (_, { signal }) {
      signal.addEventListener("abort", aborted);
      yield "one";
      yield "two";
    });
    for await (const chunk of stream) {
      expect(chunk).toBe("one");
      break;
    }
    await expect(stream.outcome).rejects.toMatchObject({ name: "AbortError" });
    expect(aborted).toHaveBeenCalledOnce();
    await pass(100);
    expect((await soon(tasks.list(ADA))).tasks).toEqual([]);
  });

  test("rule 5: a tool that does not stop when the loop is left becomes a cancelled task", async () => {
    const { offload, tasks } = scene();
    const stream = offload.stream(callOf(), async function* () {
      yield "one";
      yield await stubborn();
    });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    iterator.next().catch(() => undefined);
    await pass(10);
    await iterator.return?.();
    await expect(stream.outcome).rejects.toMatchObject({ name: "AbortError" });
    await pass(50);
    expect(await onlyTask(tasks)).toMatchObject({ status: "running", cancel: { by: "turn" } });
  });

  test("rule 5: who has left the loop is told no more", async () => {
    const stream = scene().offload.stream(callOf(), async function* () {
      yield "one";
      yield "two";
    });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.return?.();
    await pass(10);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test("rule 5: leaving the stream after the offload does not touch the tool", async () => {
    const { offload, tasks } = scene();
    const last = gate();
    const stream = offload.stream(callOf(), gated([last]));
    const iterator = stream[Symbol.asyncIterator]();
    const next = iterator.next();
    const { id } = await offloaded(stream.outcome);
    expect(await next).toEqual({ done: true, value: undefined });
    await iterator.return?.();
    await pass(5_000);
    expect(await read(tasks, id)).toMatchObject({ status: "running", cancel: null });
    last.resolve("done");
    expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
  });

  test("rule 5: what the tool throws half-way ends the loop and the outcome", async () => {
    const stream = scene().offload.stream(callOf(), async function* () {
      yield "one";
      throw new Error("half-way");
    });
    const iterator = stream[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: "one" });
    await expect(iterator.next()).rejects.toThrow("half-way");
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    await expect(stream.outcome).rejects.toThrow("half-way");
  });

  test("rule 5: what the tool throws after the offload is the task's failure", async () => {
    const { offload, tasks } = scene();
    const slow = gate();
    const stream = offload.stream(callOf(), gated([slow]));
    const chunks = collect(stream);
    const { id } = await offloaded(stream.outcome);
    expect(await chunks).toEqual([]);
    slow.reject(new Error("half-way"));
    expect(await ended(tasks, id)).toMatchObject({
      status: "failed",
      error: { code: "tool_error", message: "half-way" },
    });
  });

  test("rule 5: a tool that streams for ever does not block the process once it is offloaded", async () => {
    realTime();
    const { offload, tasks } = sceneOf({ store: makeStore(), storeTimeoutMs: 60_000 }, { timeoutMs: 20 });
    let chunks = 0;
    let isOffloaded = false;
    const stream = offload.stream(callOf(), async function* () {
      while (chunks < 300_000) {
        chunks += 1;
        yield chunks;
      }
      throw new Error("Nothing else ran meanwhile.");
    });
    const reading = (async () => {
      for await (const _ of stream) await new Promise((resolve) => setImmediate(resolve));
    })();
    const outcome = await stream.outcome;
    isOffloaded = outcome.status === "offloaded";
    await reading;
    expect(isOffloaded).toBe(true);
    const { id } = await tasks.list(ADA).then(({ tasks: [task] }) => task ?? { id: "" });
    await tasks.cancel(ADA, id);
    const [task] = await tasks.wait(ADA, [id]);
    expect(task).toMatchObject({ status: "cancelled" });
    expect(chunks).toBeLessThan(300_000);
  });

  test("rule 5: the turn's abort rejects the loop and the outcome with its reason", async () => {
    const turn = new AbortController();
    const stream = scene().offload.stream(callOf({ signal: turn.signal }), gated([gate()]));
    const next = stream[Symbol.asyncIterator]().next();
    turn.abort("stop");
    await expect(next).rejects.toBe("stop");
    await expect(stream.outcome).rejects.toBe("stop");
  });

  test("rule 5: a source that comes as a promise is a source too", async () => {
    const stream = scene().offload.stream(callOf(), async () =>
      gated([{ ...gate(), promise: Promise.resolve("one") }])(),
    );
    expect(await collect(stream)).toEqual(["one"]);
  });

  test("rule 5: stream refuses what is no async iterable, and names run", async () => {
    const noStream = (async () => "text") as unknown as () => AsyncIterable<string>;
    const stream = scene().offload.stream(callOf(), noStream);
    await expect(stream.outcome).rejects.toMatchObject({
      code: "not_supported",
      message: expect.stringContaining("run"),
    });
  });

  test("rule 5: a promise that can be iterated is a promise to stream too, and a page of it a value", async () => {
    realTime();
    const { offload } = sceneOf({ store: makeStore() }, { timeoutMs: 60_000 });
    for (const execute of [() => subprocess("one", "two"), () => pagePromise("one")]) {
      const stream = offload.stream<unknown, unknown>(callOf(), execute);
      await expect(collect(stream)).rejects.toMatchObject({ code: "not_supported" });
    }
  });

  test("rule 5: whatever can be iterated is a source to stream, if it comes without a promise", async () => {
    const stream = scene().offload.stream(callOf(), () => new Page("one", "two"));
    expect(await collect(stream)).toEqual([{ id: "one" }, { id: "two" }]);
  });

  test("rule 5: run refuses an async iterable, names stream, and lets the generator clean up", async () => {
    const cleaned = vi.fn();
    const outcome = scene().offload.run(callOf(), () => ({
      [Symbol.asyncIterator]: stubborn,
      return: async () => cleaned(),
    }));
    await expect(outcome).rejects.toMatchObject({
      code: "not_supported",
      message: expect.stringContaining("stream"),
    });
    expect(cleaned).toHaveBeenCalledOnce();
  });

  test("rule 5: in the background from the first moment, everything is drained", async () => {
    const { offload, tasks } = scene();
    const stream = offload.stream(callOf({ background: true }), async function* () {
      yield "one";
      yield "two";
    });
    expect(await soon(collect(stream))).toEqual([]);
    const { id } = await offloaded(stream.outcome);
    expect(await ended(tasks, id)).toMatchObject({ status: "completed" });
    expect(await soon(tasks.result(ADA, id))).toMatchObject({ value: "two" });
  });
});
