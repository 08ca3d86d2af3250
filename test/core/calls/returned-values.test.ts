import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { Page, pagePromise, subprocess } from "../../support/iterable-values.ts";
import { ADA, callOf, forbidUnhandledRejections, sceneOf, taskOf } from "../../support/scene.ts";

forbidUnhandledRejections();

type Scene = ReturnType<typeof sceneOf>;
type Execute = () => unknown;

/** What a tool returns, and what is kept of the value that it is. */
const VALUES: [name: string, execute: Execute, kept: unknown][] = [
  ["a promise of a page", async () => new Page("one", "two"), { data: [{ id: "one" }, { id: "two" }] }],
  ["a page", () => new Page("one"), { data: [{ id: "one" }] }],
  ["a promise of a page that can be iterated", () => pagePromise("one"), { data: [{ id: "one" }] }],
  ["a subprocess of execa", () => subprocess("one", "two"), { stdout: "one\ntwo", exitCode: 0 }],
  ["a promise of a generator", async () => generator(), "[AsyncGenerator]"],
];

async function* generator() {
  yield "one";
}

/** What a tool returns that is a stream. */
const STREAMS: [name: string, execute: Execute][] = [
  ["an async generator", generator],
  ["a stream of Node", () => Readable.from(["one"])],
  ["a web stream", () => new ReadableStream()],
  ["the output of a child process", () => subprocess("one").stdout],
];

/** Where a tool comes in, and what becomes of its call. */
const IN_FRONT: Record<string, (scene: Scene, execute: Execute) => Promise<unknown>> = {
  run: async ({ offload }, execute) => valueIn(await offload.run(callOf(), execute)),
  wrap: async ({ offload }, execute) => {
    const wrapped = offload.wrap({ name: "search", execute });
    return valueIn(await wrapped({}, { scope: ADA }));
  },
};

const BEHIND: Record<string, (scene: Scene, execute: Execute) => Promise<string>> = {
  run: async ({ offload }, execute) => taskOf(await offload.run(callOf({ background: true }), execute)).id,
  start: async ({ tasks }, execute) => (await tasks.start(callOf(), execute)).id,
};

function valueIn(outcome: Awaited<ReturnType<Scene["offload"]["run"]>>): unknown {
  return outcome.status === "completed" ? outcome.value : outcome;
}

const patientScene = () => sceneOf({}, { timeoutMs: 60_000 });

describe.each(Object.entries(IN_FRONT))("by %s", (_, run) => {
  test.each(VALUES)("%s is the value that it is or comes to", async (_name, execute, kept) => {
    const value = await run(patientScene(), execute);
    if (typeof kept === "object") expect(value).toMatchObject(kept as object);
    else expect(String(value)).toBe("[object AsyncGenerator]");
  });

  test.each(STREAMS)("%s is refused, and stream named", async (_name, execute) => {
    const refused = { code: "not_supported", message: expect.stringContaining("stream()") };
    await expect(run(patientScene(), execute)).rejects.toMatchObject(refused);
  });
});

describe.each(Object.entries(BEHIND))("by %s, in the background", (_, start) => {
  test.each(VALUES)("%s is kept as the value that it is or comes to", async (_name, execute, kept) => {
    const scene = patientScene();
    const id = await start(scene, execute);
    expect(await scene.tasks.wait(ADA, [id])).toMatchObject([{ status: "completed" }]);
    const result = await scene.tasks.result(ADA, id);
    expect(result).toMatchObject({ status: "completed", value: kept });
  });

  test.each(STREAMS)("%s fails the task", async (_name, execute) => {
    const scene = patientScene();
    const id = await start(scene, execute);
    expect(await scene.tasks.wait(ADA, [id])).toMatchObject([{ status: "failed" }]);
  });
});

test("what is adopted is a promise, whatever else it can do", async () => {
  const { tasks } = sceneOf();
  const outside = { promise: subprocess("one"), abort: () => undefined, startedAt: Date.now() };
  const { id } = await tasks.adopt(callOf(), outside);
  await tasks.wait(ADA, [id]);
  expect(await tasks.result(ADA, id)).toMatchObject({ value: { stdout: "one" } });
});
