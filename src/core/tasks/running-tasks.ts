import type { Execution } from "../calls/execution.ts";
import type { Durability } from "../calls/restart-state.ts";
import type { Hub } from "../ledger/notices.ts";
import type { Journal } from "../ledger/store-gateway.ts";
import type { Retention } from "../ledger/sweeper.ts";
import type { NewTaskEvent } from "../model/events.ts";
import { changeFor } from "../model/lifecycle.ts";
import type { Guard, NewTask, TaskKey } from "../model/store.ts";
import type { TaskRecord } from "../model/task.ts";
import type { Clock } from "../time/clock.ts";
import type { Drain } from "../time/idle.ts";
import type { Redact } from "../values/redact.ts";
import { deadlineOf, newRecord } from "./record.ts";
import { RunningTask, type TaskDesk } from "./running-task.ts";
import type { Scheduler } from "./scheduler.ts";

interface BackgroundRooms {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly hub: Hub;
  readonly scheduler: Scheduler;
  readonly retention: Retention;
  readonly drain: Drain;
}

interface BackgroundTerms {
  readonly owner: string;
  readonly followUps: boolean;
  readonly redact: Redact | undefined;
  readonly guard: Guard;
  readonly cancelGraceMs: number;
  readonly maxResultBytes: number;
  readonly leaseMs: number;
  readonly isShared: boolean;
}

/** The reason on record when the turn's abort cancelled a task. */
export const TURN_ABORTED = "The turn was aborted.";

/** The tasks that run in this process. */
export class Background implements TaskDesk {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly hub: Hub;
  readonly terms: BackgroundTerms;
  readonly #scheduler: Scheduler;
  readonly #retention: Retention;
  readonly #drain: Drain;
  readonly #tasks = new Map<string, RunningTask>();
  /** Tasks on their way here: the store may know them, and cancel them, before this process has its answer. */
  readonly #expected = new Map<string, TaskRecord | undefined>();

  constructor(rooms: BackgroundRooms, terms: BackgroundTerms) {
    this.clock = rooms.clock;
    this.journal = rooms.journal;
    this.hub = rooms.hub;
    this.#scheduler = rooms.scheduler;
    this.#retention = rooms.retention;
    this.#drain = rooms.drain;
    this.terms = terms;
  }

  get size(): number {
    return this.#tasks.size;
  }

  /** Their records, as far as this process knows them. */
  get records(): TaskRecord[] {
    return [...this.#tasks.values()].map(({ record }) => record);
  }

  recordOf(id: string): TaskRecord | undefined {
    return this.#tasks.get(id)?.record;
  }

  /** Whether it runs here, or is about to. */
  has(id: string): boolean {
    return this.#tasks.has(id) || this.#expected.has(id);
  }

  /** Somebody else has written a record. */
  changed(record: TaskRecord): void {
    this.#tasks.get(record.id)?.changed(record);
  }

  /** A running execution as a new task, not yet written, with what it has reported in its log. */
  describe(execution: Execution, reported: readonly NewTaskEvent[], id?: string): NewTask {
    const { call, settings, startedAt, turnAbort, durability } = execution;
    const now = this.clock.now();
    const record = newRecord(
      call,
      settings,
      this.terms,
      now,
      () => execution.canonicalInput,
      durability?.id ?? id,
    );
    record.status = "running";
    record.startedAt = startedAt;
    record.runs = 1;
    record.deadlineAt = deadlineOf(startedAt, settings);
    const task: NewTask = { record, events: [{ at: now, type: "task.started" }, ...reported] };
    if (durability) task.input = durability.kept;
    if (turnAbort) addCancelByTurn(task, turnAbort.at);
    return task;
  }

  /** A task of this id is about to be adopted. */
  expect(id: string): void {
    this.#expected.set(id, undefined);
  }

  /** It will not be adopted. */
  forget(id: string): void {
    this.#expected.delete(id);
  }

  /** A cancel is on record. */
  cancelRequested(record: TaskRecord): void {
    this.#tasks.get(record.id)?.cancelRequested(record);
    if (this.#expected.has(record.id)) this.#expected.set(record.id, record);
  }

  /** For a task that runs already: it has a place whether there is one or not. */
  takePlaceAnyway(): void {
    this.#scheduler.takeAnyway();
  }

  /**
   * Takes a running execution over: from now on its outcome goes to the store. Its place is taken already.
   * `unwritten`: what it has reported since its record was written.
   */
  adopt(execution: Execution, written: TaskRecord, unwritten: NewTaskEvent[] = []): RunningTask {
    const record = this.#expected.get(written.id) ?? written;
    this.forget(record.id);
    const task = new RunningTask(execution, record, this, unwritten);
    this.#tasks.set(record.id, task);
    execution.adopt(task, record.id);
    execution.durability?.attach((checkpoint) => this.#checkpoint(record, checkpoint));
    if (record.cancel) task.cancelRequested(record);
    if (execution.outcome !== undefined) task.settled();
    else if (execution.isExpired) task.expired();
    else if (execution.isShutDown) task.shutdown();
    else if (execution.hasReports || unwritten.length > 0) task.woken();
    return task;
  }

  letGo(task: TaskRecord, durability: Durability | undefined): boolean {
    const { isShared } = this.terms;
    if (!isShared || durability?.kept === undefined || task.runs >= durability.attempts) return false;
    this.#endLease(task, durability).catch(() => undefined);
    return true;
  }

  /** After the last checkpoint, so that who goes on has it. */
  async #endLease(task: TaskRecord, durability: Durability): Promise<void> {
    const { owner } = this.terms;
    await durability.written;
    await this.journal.insist("renew", (store) => store.renew(owner, [task], 0));
  }

  #checkpoint(task: TaskKey, checkpoint: string): Promise<boolean> {
    const { owner } = this.terms;
    return this.journal.insist("checkpoint", (store) => store.checkpoint(task, owner, checkpoint));
  }

  /** Something has finished, so that something older may have to go. */
  finished(): void {
    this.#retention.finished();
  }

  ended(task: RunningTask): void {
    const { record } = task;
    this.#tasks.delete(record.id);
    this.finished();
    this.#scheduler.freed(record.userId);
    this.#drain.check();
  }

  shutdown(): void {
    for (const task of [...this.#tasks.values()]) task.shutdown();
  }
}

function addCancelByTurn(task: NewTask, at: number): void {
  const event = { type: "task.cancel_requested", by: "turn", reason: TURN_ABORTED } as const;
  const change = changeFor(task.record, [event], at);
  if (change === undefined) return;
  // It must be seen, whatever else runs: it joins nothing.
  task.record = { ...task.record, ...change.patch, duplicateKey: null };
  task.events.push(...change.events);
}
