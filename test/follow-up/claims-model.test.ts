import fc from "fast-check";
import { expect, test } from "vitest";
import { type FollowUpMode, type FollowUpStatus, isOutstanding } from "../../src/core/model/follow-up.ts";
import type {
  ClaimFilter,
  SessionClaim,
  SessionKey,
  Settlement,
} from "../../src/core/model/session-claim.ts";
import type { TaskStore } from "../../src/core/model/store.ts";
import type { TaskRecord } from "../../src/core/model/task.ts";
import { memoryStore } from "../../src/index.ts";
import { makeTask } from "../../src/testing/make-task.ts";
import { forbidUnhandledRejections } from "../support/scene.ts";
import { TestClock } from "../support/test-clock.ts";
import { PARAMETERS } from "./interleavings/plans.ts";
import { SCOPES, WAKING } from "./interleavings/terms.ts";

const NO_GUARD = { runningPerUser: null, runningPerSession: null, queuedPerUser: null, exclusive: false };

forbidUnhandledRejections();

/** A follow-up as the model knows it. */
interface Waiting {
  id: string;
  session: SessionKey;
  mode: FollowUpMode;
  endedAt: number;
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

  finish(session: SessionKey, mode: FollowUpMode): Waiting {
    // In the order of their ids: among equals that counts, or the order in which they ended.
    const id = `task-${String(this.tasks.length).padStart(3, "0")}`;
    const endedAt = this.clock.monotonic();
    const task: Waiting = {
      id,
      session,
      mode,
      endedAt,
      status: "pending",
      attempts: 0,
      dueAt: 0,
      isDeferred: false,
    };
    this.tasks.push(task);
    return task;
  }

  claim(
    leaseMs: number,
    { session, onlyDue, modes = WAKING, minAgeMs = 0, maxTurns }: ClaimFilter,
  ): Held | undefined {
    const now = this.clock.monotonic();
    const open = this.tasks
      .filter(({ status }) => status === "pending" || status === "claimed")
      .filter((task) => !this.held.some((held) => this.isLive(held) && isIn(held.session, task)))
      .filter((task) => session === undefined || isIn(session, task))
      .sort((one, other) => one.endedAt - other.endedAt || (one.id < other.id ? -1 : 1));
    const isAsked = session !== undefined && onlyDue !== true;
    const isDue = ({ dueAt }: Waiting) => isAsked || dueAt <= now;
    const oldest = open
      .filter((task) => modes.includes(task.mode) && isDue(task))
      .find((task) => this.turnsOf(task.session) < (maxTurns ?? Infinity));
    if (oldest === undefined || now - oldest.endedAt < minAgeMs) return undefined;
    const comesAlong = (task: Waiting) => task.isDeferred || isDue(task);
    const tasks = open.filter((task) => isIn(oldest.session, task) && comesAlong(task));
    for (const task of tasks) Object.assign(task, { status: "claimed", attempts: task.attempts + 1 });
    const counts = maxTurns !== undefined;
    const held = { claim: undefined, session: oldest.session, tasks, endsAt: now + leaseMs, counts };
    this.held.push(held);
    return held;
  }

  isLive({ endsAt }: Held): boolean {
    return endsAt > this.clock.monotonic();
  }

  turnsOf(session: SessionKey): number {
    return this.turns.get(JSON.stringify(session)) ?? 0;
  }

  prolong(held: Held, leaseMs: number): boolean {
    const isLive = this.isLive(held);
    if (isLive) held.endsAt = this.clock.monotonic() + leaseMs;
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
    if ("delayMs" in settlement) task.dueAt = this.clock.monotonic() + settlement.delayMs;
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
  fc.record(
    { session, onlyDue: fc.boolean(), modes: fc.uniqueArray(mode), minAgeMs: short, maxTurns: short },
    { requiredKeys: [] },
  ),
  fc.constant<ClaimFilter>({ maxTurns: 2 }),
);

const commands = [
  command(
    "finish",
    fc.record({ session, mode, completedAt: fc.integer() }),
    (given) => async (model, store) => {
      const { id } = model.finish(given.session, given.mode);
      const { completedAt } = given;
      const followUp = { status: "pending", mode: given.mode, attempts: 0, reason: null } as const;
      const fields = { ...given.session, id, status: "completed", completedAt, followUp } as const;
      await store.insert(makeTask(fields), NO_GUARD, 1_000);
    },
  ),
  command("claim", fc.record({ leaseMs, filter: filters }), ({ leaseMs, filter }) => async (model, store) => {
    const held = model.claim(leaseMs, filter);
    const claim = await store.claim("me", leaseMs, filter);
    expect(claim && stateOf(claim.tasks)).toEqual(held && stateOf(held.tasks));
    expect(claim?.turns).toBe(held && model.turnsOf(held.session));
    if (held) held.claim = claim;
  }),
  command("prolong", fc.record({ which, leaseMs }), ({ which, leaseMs }) => async (model, store) => {
    const held = model.held[which % model.held.length];
    if (held?.claim)
      expect((await store.prolong(held.claim, leaseMs)) !== undefined).toBe(model.prolong(held, leaseMs));
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
