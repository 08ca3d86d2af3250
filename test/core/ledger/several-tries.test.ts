import { expect, test } from "vitest";
import type { SessionClaim } from "../../../src/core/model/session-claim.ts";
import { memoryStore } from "../../../src/index.ts";
import { arrivesAfter, type Fault, faultyStore, losesAnswer } from "../../support/faulty-store.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
  logOf,
  offloaded,
  pass,
  sceneOf,
  soon,
  startAll,
  stubborn,
  typesOf,
} from "../../support/scene.ts";

inFakeTime();

/** The call is long on the way to the store, and its answer is lost. */
const arrivesUnanswered =
  (ms: number): Fault =>
  async (run) => {
    await pause(ms);
    await run();
    return new Promise(() => undefined);
  };

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("what a second try has taken out of the reports survives the late answer of the first", async () => {
  const store = faultyStore(memoryStore());
  const { tasks, offload } = sceneOf({ store, storeTimeoutMs: 500 });
  store.next("insert", arrivesAfter(700), arrivesAfter(400));
  const done = gate();
  const outcome = offload.run(callOf(), (_, { write }) => {
    setTimeout(() => write("hello"), 300);
    return done.promise;
  });
  const task = await offloaded(outcome);
  await pass(3_000);
  done.resolve("x");
  await ended(tasks, task.id);
  expect(await typesOf(tasks, task.id)).toEqual(["task.started", "task.output", "task.completed"]);
});

test("a start that another try has written is told as it stands in the log", async () => {
  const store = faultyStore(memoryStore());
  const { tasks } = sceneOf({ store, storeTimeoutMs: 500 });
  const seen: unknown[] = [];
  tasks.on("task.started", ({ event }) => void seen.push(event));
  store.next("admit", arrivesUnanswered(700));
  const { id } = await soon(tasks.start(callOf(), stubborn));
  await pass(10_000);
  const log = (await logOf(tasks, id)).filter(({ type }) => type === "task.started");
  expect(seen).toEqual(log);
});

test("a cancel whose answer comes together with that of an append is not forgotten", async () => {
  const store = faultyStore(memoryStore());
  const { tasks } = sceneOf({ store, cancelGraceMs: 5_000 });
  const seen: unknown[] = [];
  let write!: (text: string) => void;
  tasks.on("task.output", ({ task, event }) => void seen.push([event.chunk, task.cancel?.by]));
  const { id } = await soon(
    tasks.start(callOf(), (_, context) => {
      write = context.write;
      return stubborn();
    }),
  );
  await pass(200);
  // Both answers come in one tick, as from one packet.
  let open!: () => void;
  const packet = new Promise<void>((resolve) => {
    open = resolve;
  });
  const together: Fault = async (run) => {
    const answer = await run();
    await packet;
    return answer;
  };
  store.next("append", together);
  store.next("transition", together);
  write("one");
  await pass(1);
  const cancelling = tasks.cancel(ADA, id, { by: "user" });
  await pass(10);
  open();
  await soon(cancelling);
  await pass(10);
  write("two");
  await pass(500);
  expect(seen.at(-1)).toEqual(["two", "user"]);
});

test("an end whose answer was lost, and whose follow-up was delivered since, is swept all the same", async () => {
  const store = faultyStore(memoryStore());
  const { tasks } = sceneOf({ store, retention: { finishedPerUser: 0 }, followUps: true });
  const [first] = await startAll(tasks, 1);
  store.next("transition", losesAnswer, arrivesAfter(50));
  first?.gate.resolve("x");
  // Somebody settles the follow-up between the two tries.
  setTimeout(async () => {
    const claim = await store.claim("me", 1_000, {});
    await store.settle(claim as SessionClaim, { [first?.id ?? ""]: { type: "acknowledge" } });
  }, 50);
  await pass(5_000);
  const sweeps = store.asked.filter(({ operation }) => operation === "sweep").length;
  expect({ sweeps, left: (await soon(tasks.list(ADA))).tasks.length }).toEqual({ sweeps: 1, left: 0 });
});
