import { expect, test } from "vitest";
import { memoryStore } from "../../../src/index.ts";
import { answersAfter, faultyStore, losesAnswer } from "../../support/faulty-store.ts";
import {
  ADA,
  callOf,
  ended,
  inFakeTime,
  logOf,
  obedient,
  pass,
  read,
  sceneOf,
  soon,
  stubborn,
} from "../../support/scene.ts";

const STORE_TIMEOUT_MS = 2_000;
const TOO_LATE = answersAfter(STORE_TIMEOUT_MS + 500);

inFakeTime();

test("rule 9: a cancel that the store answers too late is told to the tool all the same", async () => {
  const store = faultyStore(memoryStore());
  const { tasks } = sceneOf({ store, cancelGraceMs: 100 });
  const { id } = await soon(tasks.start(callOf(), stubborn));
  await pass(10);
  store.next("transition", TOO_LATE);
  const cancelling = tasks.cancel(ADA, id, { by: "user" });
  await expect(soon(cancelling, 3_000)).rejects.toMatchObject({ code: "store_failed" });
  await pass(1_000);
  expect(await read(tasks, id)).toMatchObject({ status: "cancelled", cancel: { by: "user" } });
});

test("rule 9: cancelling again tells the tool of a cancel whose answer was lost", async () => {
  const store = faultyStore(memoryStore());
  const { tasks } = sceneOf({ store, cancelGraceMs: 100 });
  const { id } = await soon(tasks.start(callOf(), obedient));
  await pass(10);
  store.next("transition", losesAnswer);
  await expect(soon(tasks.cancel(ADA, id))).rejects.toMatchObject({ code: "store_failed" });
  await soon(tasks.cancel(ADA, id));
  expect(await ended(tasks, id)).toMatchObject({ status: "cancelled" });
});

test("rule 12: an admission that is answered during the next attempt takes one place, not two", async () => {
  const store = faultyStore(memoryStore());
  const { tasks } = sceneOf({ store, limits: { running: 1 }, storeTimeoutMs: 500 });
  store.next("admit", answersAfter(1_200), answersAfter(400));
  const slow = () => new Promise((resolve) => setTimeout(resolve, 800));
  const first = await soon(tasks.start(callOf({ toolName: "first" }), slow));
  await pass(10_000);
  expect(await read(tasks, first.id)).toMatchObject({ status: "completed" });
  const second = await soon(tasks.start(callOf({ toolName: "second" }), () => "done"));
  expect(await ended(tasks, second.id)).toMatchObject({ status: "completed" });
});

test("rule 9: a task that is cancelled while the store admits it does not call its tool", async () => {
  const store = faultyStore(memoryStore());
  const { tasks } = sceneOf({ store });
  let calls = 0;
  store.next("admit", answersAfter(100));
  const { id } = await soon(
    tasks.start(callOf(), () => {
      calls += 1;
    }),
  );
  await pass(10);
  await soon(tasks.cancel(ADA, id));
  await pass(500);
  expect(calls).toBe(0);
  expect(await read(tasks, id)).toMatchObject({ status: "cancelled" });
  expect((await logOf(tasks, id)).at(-1)).toMatchObject({ type: "task.cancelled", mayStillRun: false });
});

test("rule 7: an adoption whose answer is lost, or comes too late, leaves no task behind", async () => {
  for (const fault of [losesAnswer, TOO_LATE]) {
    const store = faultyStore(memoryStore());
    const { tasks } = sceneOf({ store });
    store.next("insert", fault);
    const outside = { promise: stubborn(), abort: () => undefined, startedAt: Date.now() };
    const adopting = tasks.adopt(callOf(), outside);
    await expect(soon(adopting, 3_000)).rejects.toMatchObject({ code: "store_failed" });
    await pass(1_000);
    const [task] = (await soon(tasks.list(ADA))).tasks;
    expect(task).toMatchObject({ status: "cancelled", followUp: { status: "dropped", reason: "returned" } });
    expect(await tasks.stats()).toMatchObject({ running: 0, foreground: 0 });
  }
});
