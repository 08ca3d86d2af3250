import { expect } from "vitest";
import type { BackgroundTaskManagerOptions, TaskInfo, TaskStore } from "../../src/index.ts";
import { type ControlToolsOptions, controlTools } from "../../src/tools/index.ts";
import { ADA, callOf, ended, sceneOf, soon } from "../support/scene.ts";

/** A scene with the control tools of Ada's session. */
export function labOf(
  options: BackgroundTaskManagerOptions & { store: TaskStore },
  more: Partial<ControlToolsOptions> = {},
) {
  const { tasks, offload } = sceneOf(options);
  const tools = controlTools({ tasks, scope: ADA, ...more });
  /** A task that runs, or waits for its place. */
  const start = async (execute: () => unknown, scope = ADA): Promise<TaskInfo> =>
    soon(tasks.start(callOf({ scope }), execute));
  /** A task that has completed with a value. */
  const completed = async (value: unknown, scope = ADA): Promise<TaskInfo> =>
    ended(tasks, (await start(() => value, scope)).id, { scope });
  return { store: options.store, tasks, offload, tools, start, completed };
}

export type Lab = ReturnType<typeof labOf>;

/** What a tool answers about a task that there is. */
export async function found<Answer extends { found: boolean }>(answer: Promise<Answer>) {
  const given = await soon(answer, 60_000);
  expect(given).toMatchObject({ found: true });
  return given as Extract<Answer, { found: true }>;
}

/** Leases the session of a task for a minute, with the follow-up that is due there. */
export async function claimOf(store: TaskStore) {
  const claim = await soon(store.claim("a dispatcher", 60_000, {}));
  if (claim === undefined) throw new Error("No follow-up is due.");
  return claim;
}

/** Acknowledges every follow-up of a session, as after a delivery. */
export async function deliver(store: TaskStore): Promise<void> {
  const claim = await claimOf(store);
  const outcome = claim.tasks.map(({ id }) => [id, { type: "acknowledge" }] as const);
  await soon(store.settle(claim, Object.fromEntries(outcome)));
}

/** Whether a value is plain JSON: nothing is lost on the way to a model. */
export function expectJson(value: unknown): void {
  expect(JSON.parse(JSON.stringify(value))).toEqual(value);
}
