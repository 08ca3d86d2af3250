import { describe, expect, test } from "vitest";
import type { TaskScope } from "../../../src/index.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
  managersOn,
  offloaded,
  read,
  scenesOn,
  soon,
  stubborn,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

describe.each(STORES)("what is kept of a task has bounds, on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);
  const sceneOf = scenesOn(makeStore);

  const long = "x".repeat(257);
  const tooLong: [string, object][] = [
    ["toolName", { toolName: long }],
    ["scope.userId", { scope: { userId: long } }],
    ["scope.sessionId", { scope: { ...ADA, sessionId: long } }],
    ["scope.agentId", { scope: { ...ADA, agentId: long } }],
  ];
  test.each(tooLong)("%s of a new call has at most 256 characters", async (field, fields) => {
    const { tasks, offload } = sceneOf();
    const call = callOf(fields);
    const outside = { promise: stubborn(), abort: () => undefined, startedAt: Date.now() };
    const stream = offload.stream(call, async function* () {});
    const refused = {
      code: "invalid_input",
      message: `${field} must have at most 256 characters; it has 257.`,
    };
    for (const answer of [
      offload.run(call, stubborn),
      stream.outcome,
      tasks.start(call, stubborn),
      tasks.adopt(call, outside),
    ]) {
      await expect(answer).rejects.toMatchObject(refused);
    }
  });

  test("names of 256 characters are found again", async () => {
    const tasks = managerOf();
    // What takes most room in the keys of databases.
    for (const name of ["x".repeat(256), "\ud83e\udd8a".repeat(128), "\u0001".repeat(256)]) {
      const scope = { userId: name, sessionId: name, agentId: name };
      const { id } = await soon(tasks.start(callOf({ scope, toolName: name }), async () => name));
      const task = await ended(tasks, id, { scope });
      expect(task).toMatchObject({ toolName: name, sessionId: name, agentId: name, status: "completed" });
      expect((await soon(tasks.list(scope))).tasks).toEqual([task]);
    }
  });

  test("who reads may have any name: tasks of earlier releases have longer ones", async () => {
    const tasks = managerOf();
    const scope: TaskScope = { userId: long, sessionId: long };
    expect((await soon(tasks.list(scope))).tasks).toEqual([]);
    expect(await soon(tasks.cancelSession({ userId: long, sessionId: long }))).toEqual([]);
  });

  test("an id of a call is kept whole up to 8,192 characters, a longer one as its head and a digest", async () => {
    const { tasks, offload } = sceneOf();
    const whole = "i".repeat(8_192);
    const start = async (toolCallId: string, input: number) =>
      (await soon(tasks.start(callOf({ toolCallId, input }), stubborn))).id;
    const ids = [await start(whole, 1), await start(`${whole}1`, 2), await start(`${whole}2`, 3)];
    const kept = (await Promise.all(ids.map((id) => read(tasks, id)))).map(({ toolCallId }) => toolCallId);
    expect(kept[0]).toBe(whole);
    expect(kept.slice(1)).toEqual([expect.stringMatching(/^i{8174}…\w{16}$/), expect.any(String)]);
    expect(new Set(kept).size).toBe(3);
    // Equal ones are equal still.
    expect(await start(`${whole}1`, 2)).toBe(ids[1]);
    const slow = offload.run(callOf({ toolCallId: `${whole}2`, input: 3 }), stubborn);
    expect((await offloaded(slow)).id).toBe(ids[2]);
    await soon(tasks.close({ drainMs: 0 }));
  });

  test("metadata is what was measured, whatever a getter says next", async () => {
    const { tasks, offload } = sceneOf();
    let reads = 0;
    const metadata = {
      get text() {
        reads += 1;
        return "x".repeat(reads === 1 ? 10 : 1_000_000);
      },
    };
    const slow = await offloaded(offload.run(callOf({ metadata }), stubborn));
    expect(slow.metadata).toEqual({ text: "x".repeat(10) });
    expect(reads).toBe(1);
    await soon(tasks.close({ drainMs: 0 }));
  });

  test("a value and the paths of what it lacks are within maxResultBytes together", async () => {
    const maxResultBytes = 50_000;
    const tasks = managerOf({ maxResultBytes });
    const key = "k".repeat(5_000);
    const items = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${index}`, 1n]));
    const { id } = await soon(tasks.start(callOf(), () => ({ [key]: { [key]: items } })));
    await ended(tasks, id);
    const result = await soon(tasks.result(ADA, id));
    if (result?.status !== "completed") throw new Error("It has not completed.");
    expect(bytesOf(result.value) + bytesOf(result.lossy)).toBeLessThanOrEqual(maxResultBytes);
    expect(result.value).toMatchObject({ [key]: { [key]: { 0: "[BigInt 1]" } } });
    for (const path of result.lossy) expect(path.length).toBeLessThanOrEqual(256);
  });

  test("a checkpoint has at most 1,048,576 characters", async () => {
    const refused = gate<unknown>();
    const execute = (_: unknown, context: object) => {
      const { checkpoint } = context as { checkpoint(data: unknown): Promise<void> };
      return checkpoint("x".repeat(1_048_575)).catch(refused.resolve);
    };
    const tasks = managerOf({ tools: { search: { resumable: true, execute } } });
    await soon(tasks.start(callOf(), execute));
    expect(await soon(refused.promise)).toMatchObject({
      code: "invalid_input",
      message: "A checkpoint must have at most 1048576 characters of JSON; it has more.",
    });
  });

  test("an input of more is not kept, and the call runs as if nobody could repeat it", async () => {
    const store = makeStore();
    const execute = stubborn;
    const tasks = managerOf({ store, tools: { search: { idempotent: true, execute } } });
    const payloadOf = async (input: unknown) => {
      const { id } = await soon(tasks.start(callOf({ input }), execute));
      return soon(store.payload({ userId: ADA.userId, id }));
    };
    expect(await payloadOf("small")).toMatchObject({ input: expect.stringContaining("small") });
    expect(await payloadOf("x".repeat(1_048_576))).toBeUndefined();
    await soon(tasks.close({ drainMs: 0 }));
  });
});
