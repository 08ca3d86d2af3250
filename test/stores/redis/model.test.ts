import fc from "fast-check";
import { expect, test } from "vitest";
import type { FollowUpMode, FollowUpStatus } from "../../../src/core/model/follow-up.ts";
import type { Hold, SessionClaim, Settlement, TurnBy } from "../../../src/core/model/session-claim.ts";
import type { TaskStore } from "../../../src/core/model/store.ts";
import { isFinished, type TaskRecord, type TaskStatus } from "../../../src/core/model/task.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { completed, LONG_MS, output, progress, whole } from "../../../src/testing/suite/lab.ts";
import { describeWithServer, newStore } from "./lab.ts";

const USERS = ["ada", "grace", "b/c"];
const SESSIONS = ["one", "two", null];
const MODES: FollowUpMode[] = ["when_idle", "interrupt", "silent"];
const TTLS = { finishedTtlMs: null, followUpTtlMs: null };

const user = fc.constantFrom(...USERS);
const session = fc.record({ userId: user, sessionId: fc.constantFrom(...SESSIONS) });
const which = fc.nat(9);
const owner = fc.constantFrom("process-1", "process-2");
const limit = fc.option(fc.nat(6), { freq: 2 });
const limits = fc.record({
  runningPerUser: limit,
  runningPerSession: limit,
  queuedPerUser: limit,
  exclusive: fc.nat(3).map((n) => n === 0),
});
const settlement = fc.constantFrom<(Settlement | undefined)[]>(
  { type: "acknowledge" },
  { type: "release", delayMs: 0 },
  { type: "release", delayMs: LONG_MS },
  { type: "defer", delayMs: 0 },
  { type: "defer", delayMs: LONG_MS },
  { type: "drop", reason: "session_gone" },
  undefined,
);
const followUp = fc.record({
  status: fc.constantFrom<FollowUpStatus[]>("none", "pending", "pending", "dropped"),
  mode: fc.option(fc.constantFrom(...MODES)),
});

/** One call, of tasks and claims by their number among those there have been. */
const insertion = fc.record({
  type: fc.constant("insert" as const),
  session,
  status: fc.constantFrom<TaskStatus[]>("running", "queued", "completed"),
  followUp,
  key: fc.option(fc.constantFrom("key", ""), { freq: 2 }),
  limits,
});
const settling = fc.record({
  type: fc.constant("settle" as const),
  which: fc.nat(2),
  keep: fc.boolean(),
  settlements: fc.array(settlement, { minLength: 1, maxLength: 4 }),
});
const modes = fc.uniqueArray(fc.constantFrom(...MODES));
const maxHolds = fc.nat(3);
const only = fc.option(fc.constantFrom<TurnBy[]>("user", "host", "library"));
const holding = fc.record({
  type: fc.constant("hold" as const),
  session,
  claimant: fc.constantFrom("me", "another"),
  terms: fc.record<Hold>({
    by: fc.constantFrom("user", "host"),
    take: fc.boolean(),
    maxHolds,
    waitMs: fc.constantFrom(0, LONG_MS),
  }),
});
const call = fc.oneof(
  { weight: 5, arbitrary: insertion },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("end" as const), which, followUp }) },
  fc.record({ type: fc.constant("drop" as const), which }),
  fc.record({ type: fc.constant("cancel" as const), which }),
  fc.record({ type: fc.constant("admit" as const), which, limits }),
  fc.record({ type: fc.constant("append" as const), which, owner }),
  fc.record({ type: fc.constant("renew" as const), owner }),
  fc.record({
    type: fc.constant("claim" as const),
    filter: fc.record({ session, modes, maxTurns: fc.nat(3) }, { requiredKeys: [] }),
  }),
  { weight: 4, arbitrary: fc.record({ type: fc.constant("claim" as const), filter: fc.constant({}) }) },
  { weight: 4, arbitrary: settling },
  { weight: 3, arbitrary: holding },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("extend" as const), which: fc.nat(2), modes, maxHolds }),
  },
  fc.record({ type: fc.constant("stop" as const), session, only }),
  fc.record({ type: fc.constant("prolong" as const), which }),
  fc.record({ type: fc.constant("reset" as const), session }),
  fc.record({ type: fc.constant("sweep" as const), finishedPerUser: limit, followUpsPerUser: limit }),
);
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

/** A store, with the tasks and the claims there have been. */
class Side {
  readonly store: TaskStore;
  readonly tasks: TaskRecord[] = [];
  readonly claims: SessionClaim[] = [];
  #now = 0;

  constructor(store: TaskStore) {
    this.store = store;
  }

  /** What a call answers. */
  async make(one: Call, id: string): Promise<unknown> {
    const { store } = this;
    this.#now += 1;
    switch (one.type) {
      case "insert":
        return this.#insert(one, id);
      case "renew":
        return store.renew(one.owner, this.tasks, LONG_MS);
      case "claim": {
        const claim = await store.claim("me", LONG_MS, one.filter);
        if (claim) this.claims.push(claim);
        return claim;
      }
      case "hold": {
        const answer = await store.hold(one.claimant, LONG_MS, one.session, one.terms);
        if ("token" in answer) this.claims.push(answer);
        return answer;
      }
      case "stop":
        return store.stopTurn(one.session, "Enough.", one.only);
      case "reset":
        return store.resetTurns(one.session);
      case "sweep":
        return store.sweep({ ...TTLS, ...one }, 1_000);
      case "settle":
      case "extend":
      case "prolong":
        return this.#ofClaim(one);
      default:
        return this.#ofTask(one);
    }
  }

  /** All that can be read. */
  async read(): Promise<unknown> {
    const { store } = this;
    const pages = USERS.map((userId) => store.list({ userId }, { limit: 99 }));
    const open = USERS.map((userId) =>
      store.list({ userId, sessionId: "one" }, { limit: 99, status: ["running"] }),
    );
    const logs = this.tasks.map(({ userId, id }) => store.events({ userId }, id, { after: 0, limit: 99 }));
    const results = this.tasks.map(({ userId, id }) => store.result({ userId }, id));
    const payloads = this.tasks.map((task) => store.payload(task));
    return Promise.all([...pages, ...open, ...logs, ...results, ...payloads]);
  }

  #insert({ session, status, followUp, key, limits }: Call & { type: "insert" }, id: string) {
    const isEnded = status === "completed";
    const fields = { ...session, status, duplicateKey: key, createdAt: this.#now, id };
    const task = makeTask(
      isEnded ? { ...fields, followUp: { ...followUp, attempts: 0, reason: null } } : fields,
    );
    this.tasks.push(task.record);
    return this.store.insert({ ...task, input: key === null ? undefined : key }, limits, LONG_MS);
  }

  async #ofClaim(one: Call & { type: "settle" | "extend" | "prolong" }) {
    const claim = this.claims[this.claims.length - 1 - one.which];
    if (claim === undefined) return undefined;
    if (one.type === "prolong") return this.store.prolong(claim, LONG_MS);
    if (one.type === "extend") return this.#extend(claim, one);
    const outcomes = claim.tasks.flatMap(({ id }, index) => {
      const settlement = one.settlements[index % one.settlements.length];
      return settlement ? [[id, settlement] as const] : [];
    });
    return this.store.settle(claim, Object.fromEntries(outcomes), one.keep);
  }

  async #extend(claim: SessionClaim, one: Call & { type: "extend" }) {
    const taken = await this.store.extend(claim, one.modes, one.maxHolds);
    claim.tasks.push(...(taken ?? []));
    return taken;
  }

  async #ofTask(one: Call & { type: "end" | "drop" | "cancel" | "admit" | "append" }) {
    const { store } = this;
    const known = this.tasks[this.tasks.length - 1 - one.which];
    if (known === undefined) return undefined;
    const { userId, id } = known;
    const record = await store.get({ userId }, id);
    const version = record?.version ?? 1;
    const followUp = record?.followUp ?? known.followUp;
    switch (one.type) {
      case "end": {
        const ended = { ...followUp, ...one.followUp };
        const patch = { status: "completed", completedAt: this.#now, followUp: ended } as const;
        return store.transition(known, version, { patch, events: [completed], result: whole(this.#now) });
      }
      case "drop": {
        const patch = { followUp: { ...followUp, status: "dropped", reason: "observed" } } as const;
        return store.transition(known, version, { patch, events: [] });
      }
      case "cancel": {
        const patch = { cancel: { at: 1, by: "user", reason: null }, owner: "process-2" } as const;
        return store.transition(known, version, { patch, events: [progress(this.#now)] });
      }
      case "admit":
        if (record && isFinished(record.status)) return undefined;
        return store.admit(known, version, { patch: { status: "running" }, events: [] }, one.limits);
      case "append":
        return store.append(known, one.owner, [output("x"), progress(this.#now)]);
    }
  }
}

/** What ends at the same one comes in another order than where microseconds are counted. */
async function nextMillisecond(): Promise<void> {
  for (const now = Date.now(); Date.now() === now; ) await new Promise(setImmediate);
}

/** An answer without what two stores may say in different ways: when they wrote, and how they call a claim. */
function essence(answer: unknown): unknown {
  const text = JSON.stringify(answer ?? null, (key, value) => {
    if (key === "updatedAt" || key === "token" || key === "number" || key === "at") return 0;
    if (key !== "expired") return value;
    return [...(value as TaskRecord[])].sort((one, other) => (one.id < other.id ? -1 : 1));
  });
  return JSON.parse(text);
}

describeWithServer("whatever is done", [], (lab) => {
  test("it answers as the store in memory does", async () => {
    let runs = 0;
    const property = fc.asyncProperty(fc.array(call, { minLength: 40, maxLength: 80 }), async (calls) => {
      runs += 1;
      const sides = [new Side(memoryStore()), new Side(newStore(lab.client))];
      for (const [index, one] of calls.entries()) {
        const [expected, answer] = await Promise.all(
          sides.map((side) => side.make(one, `t${runs}.${index}`)),
        );
        expect([one, essence(answer)]).toEqual([one, essence(expected)]);
        if (one.type === "end") await nextMillisecond();
        const [kept, stored] = await Promise.all(sides.map((side) => side.read()));
        expect([one, essence(stored)]).toEqual([one, essence(kept)]);
      }
    });
    await fc.assert(property, { numRuns: Number(process.env.MODEL_RUNS ?? 60) });
  }, 60_000);
});
