import type fc from "fast-check";
import { observe } from "../../src/core/ledger/observe.ts";
import { roomsOf } from "../../src/core/manager.ts";
import { type FollowUpMode, isOutstanding } from "../../src/core/model/follow-up.ts";
import type {
  ClaimFilter,
  RetentionLimits,
  SessionClaim,
  Settlement,
  TaskStore,
} from "../../src/core/model/store.ts";
import type { Clock } from "../../src/core/time/clock.ts";
import type { Delivery, FollowUp } from "../../src/follow-up/index.ts";
import { FollowUpDispatcher, FollowUpInbox } from "../../src/follow-up/index.ts";
import {
  BackgroundTaskManager,
  isFinished,
  memoryStore,
  type TaskEvent,
  TaskOffloadError,
  type TaskRecord,
  type TaskScope,
  type ToolContext,
} from "../../src/index.ts";
import { gate } from "../support/scene.ts";
import { TestClock } from "../support/test-clock.ts";

export const MAX_ATTEMPTS = 2;
export const MAX_TURNS = 2;
export const HOLD_MS = 200;
const LEASE_MS = 120;
const GRACE_MS = 30;
/** After which a task whose process has crashed is lost. */
const TASK_LEASE_MS = 600;
/** Short enough for every timer to be met, and every store to answer, before the next step. */
export const STEP_MS = 20;

const TERMS = { maxAttempts: MAX_ATTEMPTS, leaseMs: LEASE_MS };
const BEAT = {
  coalesceMs: 10,
  deliverTimeoutMs: HOLD_MS,
  retryMs: 20,
  maxRetryMs: 40,
  busyRetryMs: 20,
  pollMs: 50,
};
const TOLD = ["follow_up.delivered", "follow_up.dropped"] as const;
const SOUND: TurnPlan = { ending: "ok", lastsMs: 0, obeys: true, starts: false, reads: false };
const NEVER = new Promise<never>(() => undefined);
/** More than can happen while no time goes by. */
const ENDLESS = 2_000;
const UNNAMED: Settlement = { type: "defer", delayMs: 0 };
const WAKING: readonly FollowUpMode[] = ["when_idle", "interrupt"];
const MODES: readonly FollowUpMode[] = [...WAKING, "silent"];

export const OPERATIONS = [
  "claim",
  "settle",
  "prolong",
  "get",
  "result",
  "resetTurns",
  "transition",
] as const;
export type Operation = (typeof OPERATIONS)[number];
/** `refused` and `swallowed` never reach the store; `reset` and `mute` do, and it is the answer that is lost. */
export type Fault = "refused" | "swallowed" | "reset" | "mute";
/** How a turn goes. One that does not obey its signal goes on after it was broken off, and may be persisted then. */
export interface TurnPlan {
  ending: "ok" | "throw" | "persist_throw" | "busy" | "gone" | "hang";
  lastsMs: number;
  obeys: boolean;
  /** It starts another tool. */
  starts: boolean;
  /** It reads the first result by itself. */
  reads: boolean;
}
export interface PullPlan {
  during: "turn" | "idle";
  ending: "acknowledge" | "release" | "forget";
  lastsMs: number;
}

/** A claim as the store has given it, whoever has heard of it. */
export interface Hold {
  readonly by: Host;
  readonly claim: SessionClaim;
  readonly filter: ClaimFilter;
  readonly since: number;
  endsAt: number;
  outcome: Record<string, Settlement> | undefined;
  turn: Turn | undefined;
}

/** A turn that was given follow-ups, by push or by pull. */
export interface Turn {
  readonly by: Host;
  readonly hold: Hold;
  readonly ids: readonly string[];
  /** Of a push. */
  readonly signal: AbortSignal | undefined;
  isPersisted: boolean;
  /** `late`: it had been broken off before. */
  ended: "ok" | "busy" | "gone" | "threw" | "late" | undefined;
}

type Given = Pick<Delivery, "scope" | "followUps" | "message">;

function nameOf({ userId, sessionId }: { userId: string; sessionId?: string | null | undefined }): string {
  return `${userId}/${sessionId ?? null}`;
}

/**
 * What is true: every call that has reached the store, in its order, and a naive account of what follows from
 * it. What the store or the library does against it is noted in `wrongs`: thrown, it would look like a
 * store that fails.
 */
export class Ledger {
  readonly wrongs: string[] = [];
  readonly holds: Hold[] = [];
  readonly turns: Turn[] = [];
  readonly records = new Map<string, TaskRecord>();
  /** Tasks whose end somebody has asked to be taken as read. */
  readonly observed = new Set<string>();
  readonly store: TaskStore;
  readonly #clock: Clock;
  /** Claims of a follow-up that were not given back. */
  readonly #attempts = new Map<string, number>();
  readonly #dueAt = new Map<string, number>();
  readonly #counted = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.store = memoryStore({ clock });
  }

  check(isRight: boolean, wrong: string): void {
    if (!isRight) this.wrongs.push(wrong);
  }

  attemptsOf(id: string): number {
    return this.#attempts.get(id) ?? 0;
  }

  isLive({ outcome, endsAt }: Hold): boolean {
    return outcome === undefined && endsAt > this.#clock.now();
  }

  outstanding(isIn: (record: TaskRecord) => boolean): TaskRecord[] {
    return [...this.records.values()].filter((record) => isOutstanding(record.followUp) && isIn(record));
  }

  isActive(turn: Turn): boolean {
    const isOver = turn.signal && (turn.signal.aborted || turn.ended !== undefined);
    return !isOver && turn.by.isAlive && this.isLive(turn.hold);
  }

  /** A turn begins for one of these reasons; `signal`: that of a push. */
  begin(by: Host, given: Given, modes: readonly FollowUpMode[], signal?: AbortSignal): Turn {
    const { scope, followUps, message } = given;
    const session = nameOf(scope);
    const hold = this.holds.find((one) => {
      const isOpen = one.by === by && one.turn === undefined && one.outcome === undefined;
      return isOpen && nameOf(one.claim) === session && followUps.every((followUp) => isOf(one, followUp));
    }) as Hold;
    const ids = followUps.map(({ id }) => id);
    const reasons = hold.claim.tasks.filter((task) => ids.includes(task.id) && isOneOf(modes, task));
    this.check(reasons.length > 0, `a turn of ${session} without reason: ${ids}`);
    const isTooMuch = followUps.some(({ attempt }) => attempt > MAX_ATTEMPTS);
    this.check(!isTooMuch, `a turn of ${session} after all attempts`);
    const isTold = ids.every((id) => message.text.includes(id));
    this.check(isTold, `a turn of ${session} is not told of each of ${ids}`);
    this.check(this.isLive(hold), `a turn of ${session} begins after its claim has lapsed`);
    for (const turn of this.turns) {
      const isOther = nameOf(turn.hold.claim) !== session || !this.isActive(turn);
      this.check(isOther, `two turns of ${session} at a time`);
      this.checkFenced(turn);
    }
    hold.turn = { by, hold, ids, signal, isPersisted: false, ended: undefined };
    this.turns.push(hold.turn);
    if (signal) this.#pushed(hold.turn, signal);
    return hold.turn;
  }

  #pushed({ by }: Turn, signal: AbortSignal): void {
    // Sessions of which the host says that their turn is over come on top.
    const isOneOfAll = (turn: Turn) => turn.by === by && turn.signal && !turn.hold.filter.session;
    const running = this.turns.filter((turn) => isOneOfAll(turn) && this.isActive(turn));
    this.check(running.length <= by.concurrency, `${running.length} turns run at a time`);
    this.check(by.isStarted, "a turn begins after the stop");
    const { stops } = by;
    const aborted = () => this.check(!isStopped(signal) || by.stops > stops, "an earlier stop ends a turn");
    signal.addEventListener("abort", aborted);
  }

  /** Whoever cannot reach the store knows by the clock that a claim has lapsed, and breaks its turn off. */
  checkFenced({ by, ended, signal, hold }: Turn): void {
    const isOn = by.isAlive && signal?.aborted === false && ended === undefined && hold.outcome === undefined;
    const isOver = hold.endsAt <= this.#clock.now();
    this.check(!isOn || !isOver, `a turn of ${nameOf(hold.claim)} goes on after its claim has lapsed`);
  }

  /** The store as one host reaches it. */
  storeFor(by: Host): TaskStore {
    const { store } = this;
    const keep = <Answer>(answer: Answer): Answer => {
      for (const record of recordsIn(answer)) this.records.set(record.id, record);
      return answer;
    };
    return {
      ...store,
      insert: async (...given) => keep(await store.insert(...given)),
      admit: async (...given) => keep(await store.admit(...given)),
      transition: async (...given) => keep(await store.transition(...given)),
      sweep: async (limits, most) => {
        const before = this.outstanding(() => true);
        const answer = await store.sweep(limits, most);
        this.#swept(before, answer.expired, limits);
        keep(answer.expired);
        return answer;
      },
      claim: async (claimant, leaseMs, filter) => {
        const claim = await store.claim(claimant, leaseMs, filter);
        if (claim) this.#claimed(by, claim, leaseMs, filter);
        keep(claim?.tasks);
        return claim;
      },
      prolong: async (claim, leaseMs) => {
        const hold = this.#holdOf(claim);
        const isLive = this.isLive(hold);
        const answer = await store.prolong(claim, leaseMs);
        this.check(answer === isLive, `prolong answered ${answer}`);
        if (isLive) hold.endsAt = this.#clock.now() + leaseMs;
        return answer;
      },
      settle: async (claim, outcome) => {
        const answer = await store.settle(claim, outcome);
        this.#settled(this.#holdOf(claim), outcome, answer);
        keep(answer);
        return answer;
      },
      resetTurns: async (session) => {
        await store.resetTurns(session);
        this.#counted.delete(nameOf(session));
      },
    };
  }

  #holdOf({ token }: SessionClaim): Hold {
    return this.holds.find(({ claim }) => claim.token === token) as Hold;
  }

  #claimed(by: Host, claim: SessionClaim, leaseMs: number, filter: ClaimFilter): void {
    const now = this.#clock.now();
    const session = nameOf(claim);
    const { maxTurns = Infinity } = filter;
    const counted = this.#counted.get(session) ?? 0;
    this.check(!this.#isHeld(session), `${session} is claimed twice`);
    this.check(!filter.session || nameOf(filter.session) === session, `${session} was not asked for`);
    this.check(counted < maxTurns, `${session} is claimed after ${counted} turns`);
    this.check(claim.turns === counted, `${session} has had ${counted} turns, not ${claim.turns}`);
    const hasReason = claim.tasks.some((task) => isOneOf(filter.modes ?? WAKING, task));
    this.check(hasReason, `${session} is claimed without reason`);
    for (const task of claim.tasks) {
      this.#tried(task, session);
      this.check(!!filter.session || this.#dueAtOf(task) <= now, `${task.id} is not due, and comes along`);
    }
    const isLeft = (record: TaskRecord) =>
      nameOf(record) === session && !claim.tasks.some(({ id }) => id === record.id);
    for (const task of this.outstanding(isLeft)) {
      this.check(!filter.session && this.#dueAtOf(task) > now, `${task.id} is due, and stays behind`);
    }
    const hold = { by, claim, filter, since: now, endsAt: now + leaseMs };
    this.holds.push({ ...hold, outcome: undefined, turn: undefined });
  }

  #dueAtOf({ id }: TaskRecord): number {
    return this.#dueAt.get(id) ?? 0;
  }

  #isHeld(session: string): boolean {
    return this.holds.some((hold) => this.isLive(hold) && nameOf(hold.claim) === session);
  }

  #tried(task: TaskRecord, session: string): void {
    const before = this.records.get(task.id);
    const { status, attempts } = task.followUp;
    const tried = this.attemptsOf(task.id) + 1;
    this.#attempts.set(task.id, tried);
    this.check(nameOf(task) === session, `${task.id} is claimed with ${session}`);
    this.check(before !== undefined && isOutstanding(before.followUp), `${task.id} is claimed after its end`);
    const isRight = status === "claimed" && attempts === tried;
    this.check(isRight, `${task.id} is ${status}, ${attempts} of ${tried}`);
  }

  #settled(hold: Hold, outcome: Record<string, Settlement>, answer: TaskRecord[] | undefined): void {
    this.check((answer !== undefined) === this.isLive(hold), "a claim is settled that has lapsed, or is not");
    if (answer === undefined) return;
    hold.outcome = outcome;
    for (const record of answer) this.#settledOne(hold, record, outcome[record.id]);
    const isTurn = Object.values(outcome).some(({ type }) => type === "acknowledge");
    if (!isTurn || hold.turn?.signal === undefined) return;
    const counted = (this.#counted.get(nameOf(hold.claim)) ?? 0) + 1;
    this.#counted.set(nameOf(hold.claim), counted);
    this.check(counted <= MAX_TURNS, `${nameOf(hold.claim)} has had ${counted} turns`);
  }

  #settledOne({ turn }: Hold, { id, followUp }: TaskRecord, settlement: Settlement = UNNAMED): void {
    const { type } = settlement;
    const { reason } = followUp;
    const tried = this.attemptsOf(id);
    if (type === "defer") this.#attempts.set(id, tried - 1);
    // What was deferred comes along with whatever else of its session is claimed.
    this.#dueAt.set(id, type === "release" ? this.#clock.now() + settlement.delayMs : 0);
    const how = turn?.ids.includes(id) ? turn.ended : undefined;
    const wrong = `${id} is ${followUp.status} by ${type} after ${tried} attempts; its turn: ${how}`;
    this.check(type !== "acknowledge" || (how === "ok" && turn?.isPersisted === true), wrong);
    this.check(how !== "busy" || (type === "defer" && settlement.delayMs >= BEAT.busyRetryMs), wrong);
    this.check((how === "gone") === (reason === "session_gone"), wrong);
    // The last attempt is a turn; what was claimed more often still is told no more.
    const isLast = turn?.ids.includes(id) ? tried === MAX_ATTEMPTS : tried > MAX_ATTEMPTS;
    this.check(reason !== "exhausted" || isLast, wrong);
    this.check(type !== "release" || (tried < MAX_ATTEMPTS && !isStopped(turn?.signal)), wrong);
    const isSoon = type === "release" && settlement.delayMs < BEAT.retryMs / 2;
    this.check(!isSoon || turn?.signal === undefined, `${id} is tried again at once`);
    this.check(followUp.attempts === this.attemptsOf(id), `${wrong}; recorded: ${followUp.attempts}`);
  }

  #swept(before: TaskRecord[], expired: TaskRecord[], { followUpsPerUser }: RetentionLimits): void {
    for (const { id, userId } of expired) {
      const count = before.filter((record) => record.userId === userId).length;
      this.check(count > (followUpsPerUser ?? Infinity), `${id} expired as one of ${count}`);
    }
  }
}

function isOneOf(modes: readonly FollowUpMode[], { followUp }: TaskRecord): boolean {
  return modes.includes(followUp.mode ?? "silent");
}

function isStopped(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && /stopped/.test(signal.reason.message);
}

function isOf({ claim }: Hold, { id, attempt, task }: FollowUp): boolean {
  const isSame = nameOf({ ...claim, sessionId: task.sessionId }) === nameOf(claim);
  return isSame && claim.tasks.some((one) => one.id === id && one.followUp.attempts === attempt);
}

function recordsIn(answer: unknown): TaskRecord[] {
  if (Array.isArray(answer)) return answer.flatMap(recordsIn);
  if (typeof answer !== "object" || answer === null) return [];
  if ("record" in answer) return [answer.record as TaskRecord];
  return "followUp" in answer ? [answer as TaskRecord] : [];
}

/** The clock as one host sees it: with the host end its timers. */
class HostClock implements Clock {
  readonly #clock: TestClock;
  readonly #alarms = new Set<unknown>();
  #isDead = false;

  constructor(clock: TestClock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#alarms.size;
  }

  now = (): number => this.#clock.now();

  setTimeout = (callback: () => void, ms: number): unknown => {
    if (this.#isDead) return {};
    const ring = () => {
      this.#alarms.delete(alarm);
      callback();
    };
    const alarm = this.#clock.setTimeout(ring, ms);
    this.#alarms.add(alarm);
    return alarm;
  };

  clearTimeout = (alarm: unknown): void => {
    this.#alarms.delete(alarm);
    this.#clock.clearTimeout(alarm);
  };

  nextPass = (callback: () => void): void => this.#clock.nextPass(() => this.#isDead || callback());

  die(): void {
    this.#isDead = true;
    for (const alarm of this.#alarms) this.clearTimeout(alarm);
  }
}

export interface HostPlan {
  concurrency: number;
  hasHints: boolean;
}

/** One process: its manager, its dispatcher, its inbox, and its way to the store. */
export class Host {
  readonly clock: HostClock;
  readonly tasks: BackgroundTaskManager;
  readonly dispatcher: FollowUpDispatcher;
  readonly inbox: FollowUpInbox;
  readonly told: TaskEvent[] = [];
  isAlive = true;
  isStarted = false;
  hasLeft = false;
  /** Nothing has kept it from prolonging its claims; at most once from settling one. */
  isSteady = true;
  /** Nothing has gone wrong at all. */
  isSound = true;
  stops = 0;
  readonly concurrency: number;
  readonly #world: World;
  #faults: { operation: Operation; fault: Fault }[] = [];
  readonly #failed: Operation[] = [];

  constructor(world: World, { concurrency, hasHints }: HostPlan) {
    this.#world = world;
    this.concurrency = concurrency;
    this.clock = new HostClock(world.clock);
    this.tasks = new BackgroundTaskManager({
      clock: this.clock,
      store: this.#store(hasHints),
      retention: { followUpsPerUser: world.followUpsPerUser },
      leaseMs: TASK_LEASE_MS,
      storeTimeoutMs: world.storeTimeoutMs,
      cancelGraceMs: GRACE_MS,
    });
    for (const name of TOLD) this.tasks.on(name, ({ event }) => void this.told.push(event));
    const deliver = (delivery: Delivery) => world.deliver(this, delivery);
    const terms = { ...TERMS, ...BEAT, concurrency, maxConsecutiveTurns: MAX_TURNS };
    this.dispatcher = new FollowUpDispatcher({ tasks: this.tasks, deliver, ...terms });
    this.inbox = new FollowUpInbox({ tasks: this.tasks, holdMs: HOLD_MS, ...TERMS });
  }

  start(): void {
    if (!this.isAlive || this.hasLeft) return;
    this.isStarted = true;
    this.dispatcher.start();
  }

  async stop(drainMs: number): Promise<void> {
    if (!this.isAlive) return;
    this.isStarted = false;
    this.stops += 1;
    const running = this.#world.ledger.turns.filter(({ by, signal }) => by === this && signal);
    const isOver = () => running.every(({ ended, signal }) => ended !== undefined || signal?.aborted);
    const checkOver = () => this.#world.ledger.check(isOver() || !this.isAlive, "a turn outlasts the stop");
    this.#world.clock.setTimeout(() => void macrotask().then(checkOver), drainMs);
    await this.dispatcher.stop({ drainMs });
    checkOver();
  }

  /** A shutdown in good order. */
  async leave(drainMs: number): Promise<void> {
    if (this.hasLeft) return;
    this.hasLeft = true;
    await this.stop(drainMs);
    if (!this.isAlive) return;
    await this.tasks.close({ drainMs: 0 });
    // A tool that was cancelled at the last moment has its grace beyond the end.
    await new Promise<void>((resolve) => void this.#world.clock.setTimeout(resolve, GRACE_MS));
    const isIdle = [...this.#world.open].filter(({ by }) => by === this).length < 2;
    const isHolding = this.#world.ledger.holds.some(
      ({ by, outcome }) => by === this && outcome === undefined,
    );
    this.#world.ledger.check(!isIdle || isHolding || this.clock.size === 0, "timers are left");
  }

  crash(): void {
    this.isAlive = false;
    this.isStarted = false;
    this.clock.die();
  }

  fail(operation: Operation, fault: Fault, times: number): void {
    for (let left = times; left > 0; left -= 1) this.#faults.push({ operation, fault });
  }

  /** The faults are over. What it could not help until now is not held against it. */
  recover(): void {
    this.#faults = [];
    const { length } = this.#failed;
    const hasSettled = length === 0 || (length === 1 && this.#failed[0] === "settle" && !this.hasLeft);
    this.isSteady = this.isAlive && hasSettled;
    this.isSound = this.isAlive && length === 0;
  }

  #nextFault(operation: string): Fault | undefined {
    const index = this.#faults.findIndex((one) => one.operation === operation);
    const [next] = index < 0 ? [] : this.#faults.splice(index, 1);
    if (next) this.#failed.push(next.operation);
    return next?.fault;
  }

  #store(hasHints: boolean): TaskStore {
    const store: TaskStore = this.#world.ledger.storeFor(this);
    const calls = Object.entries(store).filter(([name]) => !["watch", "close", "isShared"].includes(name));
    const far = calls.map(([name, call]) => [name, this.#far(name, call)]);
    const { watch, ...rest } = { ...store, ...Object.fromEntries(far), isShared: true } as TaskStore;
    return hasHints && watch ? { ...rest, watch } : rest;
  }

  /** A call that reaches the store, and is answered, when the scheduler says so: if it does. */
  #far(name: string, call: (...given: unknown[]) => Promise<unknown>) {
    return async (...given: unknown[]): Promise<unknown> => {
      const fault = this.#nextFault(name);
      await this.#world.travel(`${name} reaches the store: ${fault ?? "sound"}`);
      if (fault === "refused") throw new Error("The connection was refused.");
      if (fault === "swallowed" || !this.isAlive) return NEVER;
      const answer = await call(...structuredClone(given));
      await this.#world.travel(`${name} is answered: ${fault ?? "sound"}`);
      if (fault === "reset") throw new Error("The connection was reset.");
      if (fault === "mute" || !this.isAlive) return NEVER;
      return structuredClone(answer);
    };
  }
}

/** A tool that ends when it is told to. */
export interface Tool {
  id: string;
  host: Host;
  scope: TaskScope;
  resolve: (value: string) => void;
  reject: (error: unknown) => void;
  hasEnded: boolean;
}

export interface WorldPlan {
  hosts: HostPlan[];
  turns: TurnPlan[];
  followUpsPerUser: number;
  storeTimeoutMs: number;
}

/** Some hosts around one store, on one clock, with one scheduler who says what comes next. */
export class World {
  readonly clock: TestClock;
  readonly ledger: Ledger;
  readonly hosts: Host[];
  readonly followUpsPerUser: number;
  readonly storeTimeoutMs: number;
  readonly tools: Tool[] = [];
  /** What somebody has begun and not ended. */
  readonly open = new Set<{ by: Host }>();
  /** While it is at rest, everything reaches the store at once. */
  isAtRest = true;
  readonly #scheduler: fc.Scheduler;
  readonly #turns: TurnPlan[];

  constructor(scheduler: fc.Scheduler, plan: WorldPlan) {
    this.#scheduler = scheduler;
    this.#turns = [...plan.turns];
    this.followUpsPerUser = plan.followUpsPerUser;
    this.storeTimeoutMs = plan.storeTimeoutMs;
    this.clock = new TestClock((callback) => void this.travel("pass").then(callback));
    this.ledger = new Ledger(this.clock);
    this.hosts = plan.hosts.map((plan) => new Host(this, plan));
  }

  /** Those that can still reach the store. */
  get present(): Host[] {
    return this.hosts.filter(({ isAlive, hasLeft }) => isAlive && !hasLeft);
  }

  addHost(): Host {
    const host = new Host(this, { concurrency: 1, hasHints: false });
    this.hosts.push(host);
    return host;
  }

  async travel(label: string): Promise<void> {
    if (!this.isAtRest) await this.#scheduler.schedule(Promise.resolve(), label);
  }

  /** Lets so many things happen, if there are so many. */
  async pass(count: number): Promise<void> {
    for (let left = count; left > 0; left -= 1) {
      await macrotask();
      if (this.#scheduler.count() === 0) return;
      await this.#scheduler.waitNext(1);
    }
    await macrotask();
  }

  /** Lets everything happen, until there is nothing more without time. */
  async rest(): Promise<void> {
    await this.pass(ENDLESS);
    if (this.#scheduler.count() > 0) throw new Error("There is no end to it.");
  }

  /** Time goes by, with time enough for everything that it brings about. */
  async elapse(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      await this.rest();
      this.clock.advance(Math.min(left, STEP_MS));
    }
    await this.rest();
  }

  async startTool(
    by: Host,
    scope: TaskScope,
    mode?: FollowUpMode,
    obeys?: boolean,
  ): Promise<Tool | undefined> {
    const { promise, resolve, reject } = gate();
    const execute = (_: unknown, { signal }: ToolContext) => {
      if (obeys) signal.addEventListener("abort", () => reject(signal.reason));
      return promise;
    };
    const call = { toolName: "search", input: {}, scope };
    const task = await by.tasks.start(call, execute, { followUp: mode }).catch(onlyStoreFailed);
    if (task === undefined) return undefined;
    const tool = { id: task.id, host: by, scope, resolve, reject, hasEnded: false };
    this.tools.push(tool);
    return tool;
  }

  async observe(by: Host, scope: TaskScope, id: string): Promise<void> {
    const { records, observed } = this.ledger;
    const hasEnded = isFinished(records.get(id)?.status ?? "queued");
    observed.add(id);
    const answer = await observe(roomsOf(by.tasks), scope, id).then(() => true, onlyStoreFailed);
    const isOver = this.ledger.outstanding((record) => record.id === id).length === 0;
    this.ledger.check(!answer || !hasEnded || isOver, `${id} is outstanding, although it was observed`);
  }

  async deliver(by: Host, delivery: Delivery): Promise<string | undefined> {
    const { signal } = delivery;
    const turn = this.ledger.begin(by, delivery, WAKING, signal);
    const { ending, lastsMs, obeys, starts, reads } = this.#turns.shift() ?? SOUND;
    await this.#spend(by, ending === "hang" ? Infinity : lastsMs, obeys ? signal : undefined);
    this.ledger.checkFenced(turn);
    if (starts && !signal.aborted)
      void this.startTool(by, delivery.scope).then((tool) => tool?.resolve("found"));
    if (reads) await this.observe(by, delivery.scope, turn.ids[0] ?? "");
    const isLate = signal.aborted;
    const isOver = isLate && obeys;
    turn.isPersisted = !isOver && (ending === "ok" || ending === "persist_throw");
    const isBad = isOver || ending === "hang" || ending === "throw" || ending === "persist_throw";
    const how = isBad ? "threw" : ending;
    turn.ended = isLate ? "late" : how;
    if (how === "threw") throw new Error("The turn failed.");
    return how === "ok" ? undefined : how;
  }

  async pull(by: Host, scope: TaskScope, { during, ending, lastsMs }: PullPlan): Promise<void> {
    const claim = await by.inbox.claim(scope, { during }).catch(onlyStoreFailed);
    if (!claim) return;
    const turn = this.ledger.begin(by, claim, during === "turn" ? ["interrupt"] : MODES);
    await this.#spend(by, lastsMs);
    if (ending === "forget") return;
    turn.isPersisted = ending === "acknowledge";
    turn.ended = turn.isPersisted ? "ok" : "threw";
    const settled = await claim[ending]().catch(onlyStoreFailed);
    const isOver = turn.ids.some((id) => !this.ledger.outstanding((record) => record.id === id).length);
    this.ledger.check(
      !settled || turn.hold.outcome !== undefined || isOver,
      "a claim is not settled as told",
    );
  }

  /** Some time goes by in a turn, until its signal aborts. With its host ends the turn. */
  async #spend(by: Host, ms: number, signal?: AbortSignal): Promise<void> {
    const aborted = new Promise((resolve) => signal?.addEventListener("abort", resolve));
    const lasted = new Promise<void>((resolve) => {
      if (ms > 0 && ms < Infinity) this.clock.setTimeout(resolve, ms);
      if (ms === 0) resolve();
    });
    await Promise.race([lasted, aborted]);
    await this.travel("a turn goes on");
    if (!by.isAlive) await NEVER;
  }
}

/** What a host may be told at most: the store has failed, or it has left. */
export function onlyStoreFailed(error: unknown): undefined {
  if (TaskOffloadError.isInstance(error) && ["store_failed", "closed"].includes(error.code)) return undefined;
  throw error;
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
