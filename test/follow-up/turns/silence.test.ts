import { expect, test } from "vitest";
import { FollowUpDispatcher } from "../../../src/follow-up/index.ts";
import { BackgroundTaskManager, memoryStore } from "../../../src/index.ts";
import { inFakeTime, pass } from "../../support/scene.ts";
import { takeUnexpected } from "../../support/warnings.ts";
import { hostOf, says } from "../hosts.ts";
import { complete, MOMENT_MS } from "../processes.ts";
import { around } from "./lab.ts";

inFakeTime();

test("rule 21: a session that is held without a listener is warned of, naming what to call", async () => {
  const start = (isListening: boolean) => {
    const tasks = new BackgroundTaskManager();
    if (isListening) tasks.on("session.held", () => undefined);
    const options = { tasks, deliver: () => undefined, maxConsecutiveTurns: 1 };
    return { tasks, dispatcher: new FollowUpDispatcher(options) };
  };
  for (const isListening of [true, false]) {
    const { tasks, dispatcher } = start(isListening);
    dispatcher.start();
    await complete(tasks);
    await pass(MOMENT_MS);
    expect(takeUnexpected()).toEqual(isListening ? [] : [expect.stringContaining("automatic turns")]);
  }
});

test.each<[string, () => unknown, boolean]>([
  ["a web stream", () => new ReadableStream(), true],
  ["a response", () => new Response("late"), true],
  ["an async iterable", async function* () {}, true],
  ["a result that streams", () => ({ textStream: [], text: Promise.resolve("") }), true],
  ["another text", () => "done", true],
  ["an object", () => ({ text: "told" }), false],
  ["nothing", () => undefined, false],
])(
  "rule 21: a deliver that returns %s is warned of, if the turn does not wait for it: once",
  async (_, answer, isTold) => {
    const process = around(memoryStore(), hostOf(says(answer())))();
    process.dispatcher.start();
    for (const _turn of [1, 2]) {
      await complete(process.tasks);
      await pass(MOMENT_MS);
    }
    expect(process.host.turns).toHaveLength(2);
    expect(takeUnexpected()).toEqual(isTold ? [expect.stringContaining('"deliver" has returned')] : []);
  },
);

test("rule 21: nor is one that the turn waits for", async () => {
  const host = hostOf((turn) => {
    turn.waitUntil(Promise.resolve());
    return new ReadableStream();
  });
  const process = around(memoryStore(), host)();
  process.dispatcher.start();
  await complete(process.tasks);
  await pass(MOMENT_MS);
  expect(takeUnexpected()).toEqual([]);
});
