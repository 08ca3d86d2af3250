import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type FollowUpMode, type FollowUpStatus, isOutstanding } from "../../src/core/model/follow-up.ts";
import type {
  ClaimFilter,
  SessionClaim,
  SessionKey,
  Settlement,
  TaskStore,
} from "../../src/core/model/store.ts";
import type { CancelledBy, TaskEvent, TaskRecord, TaskScope } from "../../src/index.ts";
import { isFinished, memoryStore } from "../../src/index.ts";
import { makeTask } from "../../src/testing/make-task.ts";
import { TestClock } from "../support/test-clock.ts";
import {
  type Fault,
  HOLD_MS,
  type Host,
  type Ledger,
  OPERATIONS,
  type Operation,
  onlyStoreFailed,
  type PullPlan,
  STEP_MS,
  type Tool,
  type TurnPlan,
  World,
  type WorldPlan,
} from "./world.ts";

/** Counted, so that the same run is the same run: ids decide between follow-ups of the same moment. */
const ids = vi.hoisted(() => ({ next: 0 }));
vi.mock("nanoid", () => ({ nanoid: () => `id-${ids.next++}` }));

/** In CI they end in any case; whoever asks for more gets them all. */
const PARAMETERS = process.env.INTERLEAVINGS
  ? { numRuns: Number(process.env.INTERLEAVINGS) }
  : { numRuns: 1_000, interruptAfterTimeLimit: 25_000 };
const WAKING: readonly FollowUpMode[] = ["when_idle", "interrupt"];
const NO_GUARD = { runningPerUser: null, runningPerSession: null, queuedPerUser: null, exclusive: false };
const GIVEN_UP = "The store answered too late.";
const FAULTS: Step["type"][] = ["crash", "fail"];
const TERMINAL = ["task.completed", "task.failed", "task.cancelled"];
const SCOPES: [TaskScope, ...TaskScope[]] = [
  { userId: "ada", sessionId: "s1" },
  { userId: "ada" },
  { userId: "ada", sessionId: "s2" },
  { userId: "bob", sessionId: "s1" },
];

type Step = { gap: number } & (
  | { type: "end"; task: number; how: "complete" | "fail" | "user" | "model" | "host" }
  | ({ type: "pull"; host: number; scope: TaskScope } & PullPlan)
  | { type: "observe"; host: number; task: number }
  | { type: "speak" | "end_turn"; host: number; scope: TaskScope }
  | { type: "stop" | "leave"; host: number; drainMs: number }
  | { type: "start" | "crash"; host: number }
  | { type: "advance"; ms: number }
  | { type: "fail"; host: number; operation: Operation; fault: Fault; times: number }
);

interface TaskPlan {
  host: number;
  scope: TaskScope;
  mode: "when_idle" | "interrupt" | "silent";
  obeys: boolean;
}

interface Plan extends WorldPlan {
  tasks: TaskPlan[];
  steps: Step[];
  /**
   * In `leaps` goes time by for a process that was suspended, or a store that is slow. With `faults`, calls of
   * the store fail, and processes crash.
   */
  weather: readonly ("leaps" | "faults")[];
}

const host = fc.nat({ max: 2 });
const task = fc.nat({ max: 7 });
const scope = fc.constantFrom(SCOPES[0], ...SCOPES, SCOPES[0]);
const lastsMs = fc.constantFrom(0, 0, 30, 150, 300);
/** How much happens before the next step: something, or everything. */
const gap = fc.oneof(fc.nat({ max: 8 }), fc.constant(500));
const how = fc.constantFrom("complete", "complete", "complete", "fail", "user", "model", "host");
const pull = {
  during: fc.constantFrom("idle", "turn"),
  ending: fc.constantFrom("acknowledge", "release", "forget"),
  lastsMs,
};
const ms = fc.constantFrom(10, 20, 50, 130, 300);
const drainMs = fc.constantFrom(0, 50, 1_000);
const operation = fc.constantFrom(...OPERATIONS, "settle", "settle", "prolong");
const times = fc.constantFrom(1, 1, 6);
const fault = fc.constantFrom("refused", "swallowed", "reset", "mute");

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("end"), task, how, gap }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant("advance"), ms, gap }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("pull"), host, scope, ...pull, gap }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("observe"), host, task, gap }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("speak", "end_turn"), host, scope, gap }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("stop", "leave"), host, drainMs, gap }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("start", "start", "crash"), host, gap }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("fail"), host, operation, fault, times, gap }) },
) as fc.Arbitrary<Step>;

const plans: fc.Arbitrary<Plan> = fc.record({
  hosts: fc.array(fc.record({ concurrency: fc.constantFrom(2, 1), hasHints: fc.boolean() }), {
    minLength: 1,
    maxLength: 3,
  }),
  tasks: fc.array(
    fc.record<TaskPlan>({
      host,
      scope,
      mode: fc.constantFrom("when_idle", "interrupt", "silent"),
      obeys: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8, size: "max" },
  ),
  turns: fc.array(
    fc.record<TurnPlan>({
      ending: fc.constantFrom("ok", "ok", "ok", "throw", "persist_throw", "busy", "gone", "hang"),
      lastsMs,
      obeys: fc.boolean(),
      starts: fc.boolean(),
      reads: fc.constantFrom(false, false, true),
    }),
    { maxLength: 10, size: "max" },
  ),
  steps: fc.array(steps, { minLength: 1, maxLength: 24, size: "max" }),
  weather: fc.subarray<"leaps" | "faults">(["leaps", "faults"]),
  storeTimeoutMs: fc.constantFrom(50, 50, 400),
  followUpsPerUser: fc.constantFrom(Infinity, Infinity, Infinity, 2),
});

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

function isQuiet({ ledger, open }: World): boolean {
  return (
    [...ledger.records.values()].every(({ status }) => isFinished(status)) &&
    ledger.outstanding(({ followUp }) => followUp.mode !== "silent").length === 0 &&
    !ledger.holds.some((hold) => ledger.isLive(hold)) &&
    ![...open].some(({ by }) => by.isAlive)
  );
}

/** What has waked nobody waits for the next turn that somebody else begins. */
async function takeTheRest(world: World) {
  const [by] = world.present;
  if (by === undefined) throw new Error("Nobody is left.");
  for (const scope of SCOPES) {
    void world.pull(by, scope, { during: "idle", ending: "acknowledge", lastsMs: 0 });
    await world.rest();
  }
  expect(world.ledger.outstanding(() => true)).toEqual([]);
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

async function judge({ ledger, hosts }: World, followUpsPerUser: number) {
  const logs = new Map<string, TaskEvent[]>();
  for (const record of ledger.records.values()) {
    const { userId } = record;
    const page = await ledger.store.events({ userId }, record.id, { after: 0, limit: 1_000 });
    const events = page?.events ?? [];
    logs.set(record.id, events);
    judgeLog(record, events);
    judgeFollowUp(record, ledger, followUpsPerUser);
  }
  for (const { told } of hosts) {
    for (const { at: _, ...event } of told) {
      expect(logs.get(event.taskId)?.[event.seq - 1]).toMatchObject(event);
    }
  }
}

function judgeLog({ lastSeq, followUp }: TaskRecord, events: TaskEvent[]) {
  expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: lastSeq }, (_, index) => index + 1));
  const types = events.map(({ type }) => type);
  expect(types.filter((type) => TERMINAL.includes(type))).toHaveLength(1);
  const last = events.filter(({ type }) => type.startsWith("follow_up."));
  if (followUp.status === "delivered") expect(last).toMatchObject([{ type: "follow_up.delivered" }]);
  else if (followUp.status !== "dropped") expect(last).toEqual([]);
  else expect(last).toMatchObject([{ type: "follow_up.dropped", reason: followUp.reason }]);
}

function judgeFollowUp({ id, status, cancel, followUp }: TaskRecord, ledger: Ledger, kept: number) {
  expect(isFinished(status)).toBe(true);
  expect(cancel?.by === "model" ? ["none"] : ["delivered", "dropped"]).toContain(followUp.status);
  expect(followUp.attempts).toBe(ledger.attemptsOf(id));
  const reasons = [null, "session_gone", "exhausted"];
  if (cancel?.reason === GIVEN_UP) reasons.push("returned");
  if (ledger.observed.has(id)) reasons.push("observed");
  if (kept < Infinity) reasons.push("expired");
  expect(reasons).toContain(followUp.reason);
}

/**
 * A turn that ended well was acknowledged: only where its claim has lapsed may another have followed. None
 * lapses before its time unless something was in the way.
 */
function judgeTurns({ holds }: Ledger, leaps: boolean) {
  for (const { by, turn, outcome, since, endsAt } of holds) {
    if (outcome === undefined) {
      const isHeld = turn !== undefined && endsAt - since >= HOLD_MS;
      if (by.isSteady && !leaps) expect(isHeld).toBe(true);
      if (by.isSound && !leaps) expect(turn?.signal).toBeUndefined();
    } else if (turn?.ended === "ok") {
      expect(turn.ids.map((id) => outcome[id]?.type)).toEqual(turn.ids.map(() => "acknowledge"));
    }
  }
}

/** A follow-up as the model knows it. */
interface Waiting {
  id: string;
  session: SessionKey;
  mode: FollowUpMode;
  completedAt: number;
  status: FollowUpStatus;
  attempts: number;
  dueAt: number;
  isDeferred: boolean;
}

interface Held {
  claim: SessionClaim | undefined;
  session: SessionKey;
  tasks: Waiting[];
  endsAt: number;
  counts: boolean;
}

/** What a store is to make of claims, in a form that is easy to believe. */
class Model {
  readonly clock = new TestClock();
  readonly tasks: Waiting[] = [];
  readonly held: Held[] = [];
  readonly turns = new Map<string, number>();

  finish(session: SessionKey, mode: FollowUpMode, ago: number): Waiting {
    const id = `task-${this.tasks.length}`;
    const completedAt = this.clock.now() - ago;
    const task: Waiting = {
      id,
      session,
      mode,
      completedAt,
      status: "pending",
      attempts: 0,
      dueAt: 0,
      isDeferred: false,
    };
    this.tasks.push(task);
    return task;
  }

  claim(leaseMs: number, { session, modes = WAKING, minAgeMs = 0, maxTurns }: ClaimFilter): Held | undefined {
    const now = this.clock.now();
    const open = this.tasks
      .filter(({ status }) => status === "pending" || status === "claimed")
      .filter((task) => !this.held.some((held) => this.isLive(held) && isIn(held.session, task)))
      .filter((task) => session === undefined || isIn(session, task))
      .sort((one, other) => one.completedAt - other.completedAt || (one.id < other.id ? -1 : 1));
    const isDue = ({ dueAt }: Waiting) => session !== undefined || dueAt <= now;
    const oldest = open
      .filter((task) => modes.includes(task.mode) && isDue(task))
      .find((task) => this.turnsOf(task.session) < (maxTurns ?? Infinity));
    if (oldest === undefined || now - oldest.completedAt < minAgeMs) return undefined;
    const comesAlong = (task: Waiting) => task.isDeferred || isDue(task);
    const tasks = open.filter((task) => isIn(oldest.session, task) && comesAlong(task));
    for (const task of tasks) Object.assign(task, { status: "claimed", attempts: task.attempts + 1 });
    const counts = maxTurns !== undefined;
    const held = { claim: undefined, session: oldest.session, tasks, endsAt: now + leaseMs, counts };
    this.held.push(held);
    return held;
  }

  isLive({ endsAt }: Held): boolean {
    return endsAt > this.clock.now();
  }

  turnsOf(session: SessionKey): number {
    return this.turns.get(JSON.stringify(session)) ?? 0;
  }

  prolong(held: Held, leaseMs: number): boolean {
    const isLive = this.isLive(held);
    if (isLive) held.endsAt = this.clock.now() + leaseMs;
    return isLive;
  }

  settle(held: Held, outcome: Record<string, Settlement>): Waiting[] | undefined {
    if (!this.isLive(held)) return undefined;
    const tasks = held.tasks.filter(({ status }) => status === "claimed");
    for (const task of tasks) this.#settle(task, outcome[task.id] ?? { type: "defer", delayMs: 0 });
    const isTold = Object.values(outcome).some(({ type }) => type === "acknowledge");
    if (held.counts && isTold) this.turns.set(JSON.stringify(held.session), this.turnsOf(held.session) + 1);
    held.endsAt = 0;
    return tasks;
  }

  #settle(task: Waiting, settlement: Settlement): void {
    const { type } = settlement;
    task.isDeferred = type === "defer";
    if (type === "defer") task.attempts -= 1;
    if ("delayMs" in settlement) task.dueAt = this.clock.now() + settlement.delayMs;
    const ended = type === "acknowledge" ? "delivered" : "dropped";
    task.status = "delayMs" in settlement ? "pending" : ended;
  }
}

function isIn({ userId, sessionId }: SessionKey, { session }: Waiting): boolean {
  return session.userId === userId && session.sessionId === sessionId;
}

type Run = (model: Model, store: TaskStore) => Promise<unknown>;
const command = <Given>(name: string, given: fc.Arbitrary<Given>, run: (given: Given) => Run) =>
  given.map(
    (one): fc.AsyncCommand<Model, TaskStore> => ({
      check: () => true,
      run: async (model, store) => void (await run(one)(model, store)),
      toString: () => `${name}(${JSON.stringify(one)})`,
    }),
  );

const short = fc.nat({ max: 3 });
const leaseMs = fc.integer({ min: 1, max: 9 });
const which = fc.nat({ max: 99 });
const mode = fc.constantFrom<FollowUpMode>("when_idle", "interrupt", "silent");
const session = fc.constantFrom(...SCOPES.map(({ userId, sessionId = null }) => ({ userId, sessionId })));
const settlement = fc.oneof(
  fc.constant<Settlement>({ type: "acknowledge" }),
  fc.constant<Settlement>({ type: "drop", reason: "session_gone" }),
  fc.record({ type: fc.constantFrom("release", "defer"), delayMs: short }),
);
const filters: fc.Arbitrary<ClaimFilter> = fc.oneof(
  fc.record({ session, modes: fc.uniqueArray(mode), minAgeMs: short, maxTurns: short }, { requiredKeys: [] }),
  fc.constant<ClaimFilter>({ maxTurns: 2 }),
);

const commands = [
  command("finish", fc.record({ session, mode, ago: short }), (given) => async (model, store) => {
    const { id, completedAt } = model.finish(given.session, given.mode, given.ago);
    const followUp = { status: "pending", mode: given.mode, attempts: 0, reason: null } as const;
    const fields = { ...given.session, id, status: "completed", completedAt, followUp } as const;
    await store.insert(makeTask(fields), NO_GUARD, 1_000);
  }),
  command("claim", fc.record({ leaseMs, filter: filters }), ({ leaseMs, filter }) => async (model, store) => {
    const held = model.claim(leaseMs, filter);
    const claim = await store.claim("me", leaseMs, filter);
    expect(claim && stateOf(claim.tasks)).toEqual(held && stateOf(held.tasks));
    expect(claim?.turns).toBe(held && model.turnsOf(held.session));
    if (held) held.claim = claim;
  }),
  command("prolong", fc.record({ which, leaseMs }), ({ which, leaseMs }) => async (model, store) => {
    const held = model.held[which % model.held.length];
    if (held?.claim) expect(await store.prolong(held.claim, leaseMs)).toBe(model.prolong(held, leaseMs));
  }),
  command("settle", fc.record({ which, settlements: fc.array(fc.option(settlement)) }), (given) => {
    return async (model, store) => {
      const held = model.held[given.which % model.held.length];
      if (held?.claim === undefined) return;
      const named = held.tasks.map(({ id }, index) => [id, given.settlements[index]] as const);
      const outcome = Object.fromEntries(named.flatMap(([id, one]) => (one ? [[id, one]] : [])));
      const records = await store.settle(held.claim, outcome);
      const settled = model.settle(held, outcome);
      expect(records && stateOf(records)).toEqual(settled && stateOf(settled));
    };
  }),
  command("observe", which, (which) => async (model, store) => {
    const task = model.tasks[which % model.tasks.length];
    const record = task && (await store.get({ userId: task.session.userId }, task.id));
    if (record === undefined || !isOutstanding(record.followUp)) return;
    const followUp = { ...record.followUp, status: "dropped" } as const;
    await store.transition(record, record.version, { patch: { followUp }, events: [] });
    Object.assign(task ?? {}, { status: "dropped" });
  }),
  command("reset", session, (session) => async (model, store) => {
    model.turns.delete(JSON.stringify(session));
    await store.resetTurns(session);
  }),
  command("advance", short, (ms) => async (model) => model.clock.advance(ms)),
];

/** What the model knows of a follow-up. */
function stateOf(tasks: readonly (TaskRecord | Waiting)[]) {
  return tasks.map((task) => {
    const { status, attempts } = "followUp" in task ? task.followUp : task;
    return `${task.id}: ${status}, ${attempts} attempts`;
  });
}

test("the memory store claims, prolongs, settles and counts as the model does", async () => {
  const property = fc.asyncProperty(
    fc.commands(commands, { maxCommands: 60, size: "max" }),
    async (given) => {
      const model = new Model();
      const store = memoryStore({ clock: model.clock });
      await fc.asyncModelRun(() => ({ model, real: store }), given);
      const records = model.tasks.map(({ id, session }) => store.get({ userId: session.userId }, id));
      expect(stateOf((await Promise.all(records)).flatMap((one) => one ?? []))).toEqual(stateOf(model.tasks));
    },
  );
  await fc.assert(property, PARAMETERS);
}, 3_600_000);
