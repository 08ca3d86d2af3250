import { nanoid } from "nanoid";
import type { Execution } from "./calls/execution.ts";
import type { BackgroundDesk } from "./calls/race.ts";
import { RunningCalls } from "./calls/running-calls.ts";
import { closedError } from "./errors.ts";
import { Hub } from "./ledger/notices.ts";
import { Journal } from "./ledger/store-gateway.ts";
import { Retention } from "./ledger/sweeper.ts";
import { type KnownTool, knownTools } from "./model/known-tool.ts";
import { type ManagerOptions, managerSettings } from "./options/options.ts";
import { Queries } from "./reading/queries.ts";
import { Waiting } from "./reading/wait.ts";
import { Watching } from "./reading/watch.ts";
import { Adopting } from "./tasks/adopt.ts";
import { Cancelling } from "./tasks/cancel.ts";
import { HandOvers } from "./tasks/hand-overs.ts";
import { Background } from "./tasks/running-tasks.ts";
import { Scheduler } from "./tasks/scheduler.ts";
import { Starting } from "./tasks/start.ts";
import { type Clock, systemClock } from "./time/clock.ts";
import { Drain } from "./time/idle.ts";
import { Sharing } from "./upkeep/sharing.ts";

/** The parts of a manager, put together. The middleware works with these, hosts with the manager. */
export class Rooms implements BackgroundDesk {
  readonly clock: Clock;
  readonly hub: Hub;
  readonly drain: Drain;
  readonly calls: RunningCalls;
  readonly journal: Journal;
  readonly queries: Queries;
  readonly waiting: Waiting;
  readonly watching: Watching;
  readonly retention: Retention;
  readonly scheduler: Scheduler;
  readonly background: Background;
  readonly starting: Starting;
  readonly adopting: Adopting;
  readonly cancelling: Cancelling;
  readonly handOvers: HandOvers;
  readonly tools: ReadonlyMap<string, KnownTool>;
  readonly #storeTimeoutMs: number;
  readonly #sharing: Sharing | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ManagerOptions) {
    const settings = managerSettings(options);
    const { store, clock = systemClock, followUps = true, redact, tools = {} } = options;
    this.tools = knownTools(tools);
    this.#storeTimeoutMs = settings.storeTimeoutMs;
    this.clock = clock;
    this.hub = new Hub(store);
    this.drain = new Drain(clock);
    this.calls = new RunningCalls(this.drain);
    this.journal = new Journal(store, clock, settings.storeTimeoutMs, this.drain, (failure) =>
      this.hub.emit("store.failed", failure),
    );
    this.queries = new Queries(this.journal);
    this.waiting = new Waiting(clock, this.hub, this.queries);
    this.watching = new Watching(clock, this.hub, this.queries);
    this.retention = new Retention(clock, this.journal, this.hub, withoutInfinity(settings.retention));
    const { cancelGraceMs, maxResultBytes, leaseMs } = settings;
    const { running, ...limits } = settings.limits;
    this.scheduler = new Scheduler(clock, running, this.drain);
    const guard = { ...withoutInfinity(limits), exclusive: options.exclusive === "session" };
    const terms = {
      owner: nanoid(),
      followUps,
      redact,
      guard,
      cancelGraceMs,
      maxResultBytes,
      leaseMs,
      isShared: store.isShared,
    };
    this.background = new Background(this, terms);
    this.starting = new Starting(this.background, this.scheduler, this);
    this.adopting = new Adopting(this.background, this.scheduler, this);
    this.cancelling = new Cancelling(this.background, this.starting, this.queries);
    this.handOvers = new HandOvers(this.background, this.scheduler, this.cancelling, this.drain);
    if (store.isShared) this.#sharing = new Sharing(this, leaseMs);
  }

  get isAccepting(): boolean {
    return this.#closing === undefined;
  }

  handOver(execution: Execution, isExempt: boolean): void {
    this.handOvers.begin(execution, isExempt);
  }

  close(drainMs: number): Promise<void> {
    this.#closing ??= this.#close(drainMs);
    return this.#closing;
  }

  /** First what may still end by itself, then what must; at last everything that could start again. */
  async #close(drainMs: number): Promise<void> {
    this.#sharing?.stopTaking();
    await this.drain.wait(() => this.#isIdle(), drainMs);
    for (const call of [...this.calls]) if (!call.task) call.shutDown(closedError());
    const unstarted = this.starting.close();
    this.background.shutdown();
    await this.drain.wait(() => this.#isWritten(), this.#storeTimeoutMs);
    this.#sharing?.close();
    this.retention.close();
    this.journal.close();
    await unstarted;
    this.handOvers.close();
    this.scheduler.close();
    this.watching.close();
  }

  /** Every end is on record, and nothing is on its way to the store. */
  #isWritten(): boolean {
    return this.background.size === 0 && this.handOvers.size === 0 && this.journal.isIdle;
  }

  #isIdle(): boolean {
    return this.calls.size === 0 && this.background.size === 0 && this.scheduler.queued === 0;
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
