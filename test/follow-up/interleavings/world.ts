import type fc from "fast-check";
import { markObserved } from "../../../src/core/ledger/mark-observed.ts";
import { partsOf } from "../../../src/core/manager.ts";
import type { FollowUpMode } from "../../../src/core/model/follow-up.ts";
import type { Delivery } from "../../../src/follow-up/index.ts";
import { isFinished, TaskOffloadError, type TaskScope, type ToolContext } from "../../../src/index.ts";
import { gate } from "../../support/scene.ts";
import { TestClock } from "../../support/test-clock.ts";
import { Host, type HostPlan, macrotask, NEVER } from "./host.ts";
import { Ledger } from "./ledger.ts";
import { HOLD_MS, LEASE_MS, MODES, STEP_MS, WAKING } from "./terms.ts";

const SOUND: TurnPlan = { ending: "ok", lastsMs: 0, obeys: true, starts: false, reads: false };
/** More than can happen while no time goes by. */
const ENDLESS = 2_000;

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
    const answer = await markObserved(partsOf(by.tasks), scope, id).then(() => true, onlyStoreFailed);
    const isOver = this.ledger.outstanding((record) => record.id === id).length === 0;
    this.ledger.check(!answer || !hasEnded || isOver, `${id} is outstanding, although it was observed`);
  }

  async deliver(by: Host, delivery: Delivery): Promise<string | undefined> {
    const { signal } = delivery;
    const turn = this.ledger.begin(by, delivery, WAKING, signal);
    const { ending, lastsMs, obeys, starts, reads } = this.#turns.shift() ?? SOUND;
    await this.#spend(by, ending === "hang" ? hangsMs(obeys) : lastsMs, obeys ? signal : undefined);
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
    const turn =
      this.ledger.beginWithin(by, claim) ??
      this.ledger.begin(by, claim, during === "turn" ? ["interrupt"] : MODES);
    await this.#spend(by, lastsMs);
    if (ending === "forget") return;
    turn.isPersisted = ending === "acknowledge";
    turn.ended = turn.isPersisted ? "ok" : "threw";
    const settled = await claim[ending]().catch(onlyStoreFailed);
    const isOver = turn.ids.some((id) => !this.ledger.outstanding((record) => record.id === id).length);
    this.ledger.check(
      !settled || turn.hold.outcome !== undefined || turn.hold.inner.includes(turn) || isOver,
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

/** One that hears nothing has its session until it ends: it does, some time. */
function hangsMs(obeys: boolean): number {
  return obeys ? Infinity : HOLD_MS + 3 * LEASE_MS;
}

/** What a host may be told at most: the store has failed, or it has left. */
export function onlyStoreFailed(error: unknown): undefined {
  if (TaskOffloadError.isInstance(error) && ["store_failed", "closed"].includes(error.code)) return undefined;
  throw error;
}
