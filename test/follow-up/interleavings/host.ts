import type { TaskStore } from "../../../src/core/model/store.ts";
import type { Clock } from "../../../src/core/time/clock.ts";
import { type Delivery, FollowUpDispatcher, FollowUpInbox } from "../../../src/follow-up/index.ts";
import { BackgroundTaskManager, type TaskEvent } from "../../../src/index.ts";
import type { TestClock } from "../../support/test-clock.ts";
import { BEAT, GRACE_MS, HOLD_MS, MAX_TURNS, TASK_LEASE_MS, TERMS } from "./terms.ts";
import type { World } from "./world.ts";

const TOLD = ["follow_up.delivered", "follow_up.dropped"] as const;

/** What a call comes to that nobody answers. */
export const NEVER = new Promise<never>(() => undefined);

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
    // A plan may let any delivery fail: nobody need be warned.
    this.tasks.on("delivery.failed", () => undefined);
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

/** A turn of the event loop. */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
