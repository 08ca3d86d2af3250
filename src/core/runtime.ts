import { nanoid } from "nanoid";
import { type CallParts, RunningCalls } from "./calls/running-calls.ts";
import { closedError } from "./errors.ts";
import { HeldSessions } from "./ledger/held-sessions.ts";
import { Ledger } from "./ledger/ledger.ts";
import { Notices } from "./ledger/notices.ts";
import { SessionClaims } from "./ledger/session-claims.ts";
import { StoreGateway } from "./ledger/store-gateway.ts";
import { Sweeper } from "./ledger/sweeper.ts";
import { type KnownTool, knownTools } from "./model/known-tool.ts";
import { type ManagerOptions, managerSettings } from "./options/manager-options.ts";
import type { TaskTerms } from "./options/task-terms.ts";
import { Poller } from "./reading/poller.ts";
import { Queries } from "./reading/queries.ts";
import { UserWatches } from "./reading/user-watches.ts";
import { Waiter } from "./reading/wait.ts";
import { Watcher } from "./reading/watcher.ts";
import { Adopter } from "./tasks/adopt.ts";
import { Canceller } from "./tasks/cancel.ts";
import { TaskOffloader } from "./tasks/offload.ts";
import { PromiseWatch } from "./tasks/promise-watch.ts";
import { RunningTasks } from "./tasks/running-tasks.ts";
import { Scheduler } from "./tasks/scheduler.ts";
import { Starter } from "./tasks/start.ts";
import type { InContext, KeepContext } from "./time/async-context.ts";
import { type SteadyClock, steady } from "./time/clock.ts";
import { Idle } from "./time/idle.ts";
import { TimeLimit } from "./time/time-limit.ts";
import { Upkeep } from "./upkeep/upkeep.ts";

/** Puts the parts of a manager together, from the ground up. Each part is given those it works with. */
export class Runtime implements CallParts {
  readonly clock: SteadyClock;
  readonly keepContext: KeepContext;
  /** In the async context of who made the manager. */
  readonly inOwnContext: InContext;
  readonly idle: Idle;
  readonly notices: Notices;
  readonly gateway: StoreGateway;
  readonly sweeper: Sweeper;
  readonly ledger: Ledger;
  readonly claims: SessionClaims;
  readonly tools: ReadonlyMap<string, KnownTool>;
  readonly calls: RunningCalls;
  readonly queries: Queries;
  readonly waiter: Waiter;
  readonly poller: Poller;
  readonly watcher: Watcher;
  readonly userWatches: UserWatches;
  readonly terms: TaskTerms;
  readonly scheduler: Scheduler;
  readonly runningTasks: RunningTasks;
  readonly starter: Starter;
  readonly adopter: Adopter;
  readonly canceller: Canceller;
  readonly promises: PromiseWatch;
  readonly offloader: TaskOffloader;
  readonly #upkeep: Upkeep | undefined;
  readonly #storeTimeoutMs: number;
  readonly #drain: TimeLimit;
  #closing: Promise<void> | undefined;

  constructor(options: ManagerOptions, keepContext: KeepContext) {
    const settings = managerSettings(options);
    const { store, followUps, redact, cancelGraceMs, maxResultBytes, leaseMs, storeTimeoutMs } = settings;
    const clock = steady(settings.clock);
    const { running, ...limits } = settings.limits;
    const owner = nanoid();
    this.clock = clock;
    this.keepContext = keepContext;
    this.inOwnContext = keepContext();
    this.idle = new Idle(clock);
    this.notices = new Notices(store, keepContext);
    this.gateway = new StoreGateway(store, clock, storeTimeoutMs, this.idle, (failure) =>
      this.notices.emit("store.failed", failure),
    );
    this.sweeper = new Sweeper(this, withoutInfinity(settings.retention));
    const inStore = { ...withoutInfinity(limits), exclusive: settings.exclusive === "session" };
    this.ledger = new Ledger(this, { owner, isShared: store.isShared, leaseMs, limits: inStore });
    this.claims = new SessionClaims(this.gateway, this.notices, new HeldSessions(clock));
    this.tools = knownTools(settings.tools);
    this.calls = new RunningCalls(this.idle);
    this.queries = new Queries(this.gateway);
    this.waiter = new Waiter(clock, this.notices, this.queries);
    this.poller = new Poller(this);
    this.watcher = new Watcher(this);
    this.userWatches = new UserWatches(this);
    this.terms = { owner, isShared: store.isShared, followUps, redact, cancelGraceMs, maxResultBytes };
    this.scheduler = new Scheduler(clock, running, this.idle);
    this.runningTasks = new RunningTasks(this);
    this.starter = new Starter(this);
    this.adopter = new Adopter(this);
    this.canceller = new Canceller(this);
    this.promises = new PromiseWatch(this, followUps && !settings.deliveredElsewhere);
    this.offloader = new TaskOffloader(this);
    if (store.isShared) this.#upkeep = new Upkeep(this, leaseMs);
    this.#storeTimeoutMs = storeTimeoutMs;
    this.#drain = new TimeLimit(clock);
  }

  get isAccepting(): boolean {
    return this.#closing === undefined;
  }

  close(drainMs: number): Promise<void> {
    this.#drain.within(drainMs);
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** First what may still end by itself, then what must; at last everything that could start again. */
  async #close(): Promise<void> {
    this.#upkeep?.stopTaking();
    await this.idle.wait(() => this.#isIdle(), this.#drain);
    for (const call of [...this.calls]) if (!call.task) call.shutDown(closedError());
    const unstarted = this.starter.close();
    this.runningTasks.shutdown();
    await this.idle.wait(() => this.#isWritten(), new TimeLimit(this.clock).within(this.#storeTimeoutMs));
    this.#upkeep?.close();
    this.sweeper.close();
    this.gateway.close();
    await unstarted;
    this.offloader.close();
    this.promises.close();
    this.scheduler.close();
    this.waiter.close();
    this.watcher.close();
    this.userWatches.close();
    this.poller.close();
    this.notices.close();
  }

  /** Every end is on record, and nothing is on its way to the store. */
  #isWritten(): boolean {
    return this.runningTasks.size === 0 && this.offloader.size === 0 && this.gateway.isIdle;
  }

  #isIdle(): boolean {
    return this.calls.size === 0 && this.runningTasks.size === 0 && this.scheduler.queued === 0;
  }
}

/** JSON has no Infinity, and some stores speak JSON. */
function withoutInfinity<Limits extends Record<string, number>>(limits: Limits) {
  const entries = Object.entries(limits).map(([name, limit]) => [
    name,
    Number.isFinite(limit) ? limit : null,
  ]);
  return Object.fromEntries(entries) as { [Name in keyof Limits]: number | null };
}
