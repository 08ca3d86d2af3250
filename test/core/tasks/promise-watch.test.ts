import { expect, test, vi } from "vitest";
import { FollowUpDispatcher, FollowUpInbox } from "../../../src/follow-up/index.ts";
import type { BackgroundTaskManagerOptions } from "../../../src/index.ts";
import { ADA, callOf, inFakeTime, offloaded, pass, sceneOf, soon, TIMEOUT_MS } from "../../support/scene.ts";
import { takeUnexpected } from "../../support/warnings.ts";

inFakeTime();

/** A slow call that ends some time after its placeholder. */
async function promise(options: BackgroundTaskManagerOptions = {}, endsMs = 1_000) {
  const scene = sceneOf(options);
  const slow = () => new Promise<string>((resolve) => setTimeout(() => resolve("late"), TIMEOUT_MS + endsMs));
  const task = await offloaded(scene.offload.run(callOf(), slow));
  return { ...scene, task };
}

test("rule 21: a placeholder whose result nothing brings back is warned of, once, naming what to call", async () => {
  const { task, offload } = await promise();
  await pass(31_000);
  expect(takeUnexpected()).toEqual([]);
  await pass(31_000);
  const warnings = takeUnexpected();
  expect(warnings).toEqual([expect.stringContaining(task.id)]);
  await offloaded(offload.run(callOf(), () => new Promise(() => undefined)));
  await pass(200_000);
  expect(takeUnexpected()).toEqual([]);
});

test("rule 21: so is one that a call in the background has been given", async () => {
  const { offload } = sceneOf();
  const { id } = await offloaded(offload.run(callOf({ background: true }), async () => "done"));
  await pass(62_000);
  expect(takeUnexpected()).toEqual([expect.stringContaining(id)]);
});

test("rule 21: a tool that runs for long is no broken promise", async () => {
  const { task } = await promise({}, 200_000);
  await pass(199_000);
  expect(takeUnexpected()).toEqual([]);
  await pass(100_000);
  expect(takeUnexpected()).toEqual([expect.stringContaining(task.id)]);
});

test.each<[string, BackgroundTaskManagerOptions]>([
  ["another process does", { deliveredElsewhere: true }],
  ["nothing is promised", { followUps: false }],
])("rule 21: nobody is warned where %s", async (_, options) => {
  await promise(options);
  await pass(200_000);
  expect(takeUnexpected()).toEqual([]);
});

test("rule 21: nobody is warned where a dispatcher was started, or a turn or a claim was ever made", async () => {
  const started = await promise();
  new FollowUpDispatcher({ tasks: started.tasks, deliver: () => undefined, maxConsecutiveTurns: 99 }).start();
  const turned = await promise();
  await soon(new FollowUpDispatcher({ tasks: turned.tasks }).turn({ userId: "bob" }, () => "said"));
  const claimed = await promise();
  await soon(new FollowUpInbox({ tasks: claimed.tasks }).claim(ADA, { during: "turn" }));
  await pass(200_000);
  expect(takeUnexpected()).toEqual([]);
});

test("rule 2: no timer of it is left after close", async () => {
  const { tasks } = await promise();
  await pass(2_000);
  await soon(tasks.close());
  expect(vi.getTimerCount()).toBe(0);
});
