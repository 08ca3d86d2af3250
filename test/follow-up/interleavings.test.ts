import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type CancelledBy, isFinished } from "../../src/index.ts";
import { allowWarnings } from "../support/warnings.ts";
import type { Host } from "./interleavings/host.ts";
import { judge, judgeTurns } from "./interleavings/judge.ts";
import type { Turn } from "./interleavings/ledger.ts";
import { PARAMETERS, type Plan, plans, type Step } from "./interleavings/plans.ts";
import { HOLD_MS, SCOPES, STEP_MS } from "./interleavings/terms.ts";
import { onlyStoreFailed, type Tool, World } from "./interleavings/world.ts";

/** Counted, so that the same run is the same run: ids decide between follow-ups of the same moment. */
const ids = vi.hoisted(() => ({ next: 0 }));
vi.mock("nanoid", () => ({ nanoid: () => `id-${ids.next++}` }));

const FAULTS: Step["type"][] = ["crash", "fail"];

const unhandled: unknown[] = [];
const note = (error: unknown) => unhandled.push(error);
beforeEach(() => {
  process.on("unhandledRejection", note);
  vi.spyOn(Math, "random").mockReturnValue(0.5);
});
afterEach(() => {
  process.off("unhandledRejection", note);
  vi.restoreAllMocks();
  expect(unhandled.splice(0)).toEqual([]);
});

beforeEach(allowWarnings);

test("whatever happens in whatever order: no follow-up is lost, none told twice, and one turn at a time", async () => {
  await fc.assert(fc.asyncProperty(fc.scheduler(), fc.noBias(plans), scenario), PARAMETERS);
}, 3_600_000);

async function scenario(scheduler: fc.Scheduler, plan: Plan) {
  ids.next = 0;
  const world = new World(scheduler, plan);
  for (const one of world.hosts) one.start();
  for (const { host, scope, mode, obeys } of plan.tasks) {
    await world.startTool(hostOf(world, host), scope, mode, obeys);
  }
  world.isAtRest = false;
  for (const step of plan.steps) {
    if (!plan.weather.includes("faults") && FAULTS.includes(step.type)) continue;
    if (step.type !== "advance") begin(world, step);
    else if (plan.weather.includes("leaps")) world.clock.advance(step.ms);
    else await world.elapse(step.ms);
    await world.pass(step.gap);
  }
  await untilQuiet(world);
  await takeTheRest(world);
  await closeAll(world);
  expect(world.ledger.wrongs).toEqual([]);
  expect(unhandled.splice(0)).toEqual([]);
  await judge(world, plan.followUpsPerUser);
  judgeTurns(world.ledger, plan.weather.includes("leaps"));
}

function hostOf({ hosts }: World, index: number): Host {
  return hosts[index % hosts.length] as Host;
}

function begin(world: World, step: Exclude<Step, { type: "advance" }>): void {
  const { open } = world;
  const tool = toolFor(step, world.tools);
  const by = "host" in step ? hostOf(world, step.host) : tool.host;
  if (!by.isAlive) return;
  const begun = { by };
  open.add(begun);
  perform(step, world, by, tool)
    .catch((error) => world.ledger.wrongs.push(`${step.type}: ${error}`))
    .finally(() => open.delete(begun));
}

/** What is to end has not ended yet, as long as there is something. */
function toolFor(step: Step, tools: Tool[]): Tool {
  const running = tools.filter(({ hasEnded }) => !hasEnded);
  const among = step.type === "end" && running.length > 0 ? running : tools;
  return among[("task" in step ? step.task : 0) % among.length] as Tool;
}

async function perform(step: Exclude<Step, { type: "advance" }>, world: World, by: Host, tool: Tool) {
  switch (step.type) {
    case "end":
      return end(tool, step.how);
    case "pull":
      return world.pull(by, step.scope, step);
    case "observe":
      return world.observe(by, tool.scope, tool.id);
    case "speak":
      return by.dispatcher.userSpoke(step.scope).catch(onlyStoreFailed);
    case "end_turn":
      return by.dispatcher.turnEnded(step.scope).catch(onlyStoreFailed);
    case "fail":
      return by.fail(step.operation, step.fault, step.times);
    case "stop":
    case "leave":
      return by[step.type](step.drainMs);
    default:
      return by[step.type]();
  }
}

async function end(tool: Tool, how: "complete" | "fail" | CancelledBy) {
  const { host, id, scope, resolve, reject } = tool;
  tool.hasEnded = true;
  if (how === "complete") resolve("found");
  else if (how === "fail") reject(new Error("The tool failed."));
  else await host.tasks.cancel(scope, id, { by: how }).catch(onlyStoreFailed);
}

/** No more faults, somebody who delivers, a user who speaks, and time. */
async function untilQuiet(world: World) {
  for (const one of world.hosts) one.recover();
  if (world.present.length === 0) world.addHost();
  for (const one of world.present) one.start();
  // Where the user speaks nobody delivers: whoever does has to look by itself.
  const { dispatcher } = world.addHost();
  await world.rest();
  for (let round = 0; round < 300 && !isQuiet(world); round += 1) {
    for (const tool of world.tools) tool.resolve("found at last");
    for (const scope of SCOPES) dispatcher.userSpoke(scope).catch(onlyStoreFailed);
    await world.elapse(5 * STEP_MS);
  }
  expect(world.ledger.outstanding(({ followUp }) => followUp.mode !== "silent")).toEqual([]);
  expect(isQuiet(world)).toBe(true);
}

function isQuiet({ ledger, open, clock }: World): boolean {
  // What an inbox has given out and nobody has settled is in hand for so long.
  const isInHand = ({ signal, ended, hold }: Turn) =>
    !signal && ended === undefined && hold.since + HOLD_MS >= clock.now();
  return (
    [...ledger.records.values()].every(({ status }) => isFinished(status)) &&
    ledger.outstanding(({ followUp }) => followUp.mode !== "silent").length === 0 &&
    !ledger.holds.some((hold) => ledger.isLive(hold)) &&
    !ledger.turns.some(({ by, signal, ended }) => signal && by.isAlive && ended === undefined) &&
    !ledger.turns.some(isInHand) &&
    ![...open].some(({ by }) => by.isAlive)
  );
}

/** What has waked nobody waits for the next turn that somebody else begins. */
async function takeTheRest(world: World) {
  const [by] = world.present;
  if (by === undefined) throw new Error("Nobody is left.");
  const { ledger } = world;
  // What was settled and has had no answer is in hand until the store is asked again.
  for (let round = 0; round < 100 && ledger.outstanding(() => true).length > 0; round += 1) {
    if (round > 0) await world.elapse(5 * STEP_MS);
    for (const scope of SCOPES) {
      void world.pull(by, scope, { during: "idle", ending: "acknowledge", lastsMs: 0 });
      await world.rest();
    }
  }
  expect(ledger.outstanding(() => true)).toEqual([]);
}

async function closeAll(world: World) {
  let isClosed = false;
  void Promise.all(world.present.map((one) => one.leave(0))).then(() => {
    isClosed = true;
  });
  for (let round = 0; round < 20 && !isClosed; round += 1) await world.elapse(5 * STEP_MS);
  expect(isClosed).toBe(true);
  // What was asked after the end is waited for as long as anything.
  world.clock.advance(world.storeTimeoutMs);
  await world.rest();
  for (const { clock } of world.hosts) expect(clock.size).toBe(0);
}
