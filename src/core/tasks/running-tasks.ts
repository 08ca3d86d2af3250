import { type CallParts, RunningCall } from "../calls/running-calls.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { TaskRecord } from "../model/task.ts";
import type { TaskTerms } from "../options/task-terms.ts";
import type { Idle } from "../time/idle.ts";
import { monotonicAt } from "../time/moment.ts";
import { Passage } from "../values/chain.ts";
import { RunningTask, type RunningTaskParts } from "./running-task.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Slot } from "./slot.ts";
import type { StoredCall } from "./stored-call.ts";

/** The tasks that run in this process. */
export class RunningTasks {
  readonly #parts: RunningTasksParts;
  readonly #taskParts: RunningTaskParts;
  readonly #tasks = new Passage<RunningTask>();
  /** Tasks on their way here: the store may know them, and cancel them, before this process has its answer. */
  readonly #expected = new Map<string, TaskRecord | undefined>();

  constructor(parts: RunningTasksParts) {
    const { clock, ledger, terms } = parts;
    this.#parts = parts;
    this.#taskParts = { clock, ledger, terms, ended: (task) => this.#ended(task) };
  }

  get size(): number {
    return this.#tasks.size;
  }

  /** Their records, as far as this process knows them. */
  get records(): TaskRecord[] {
    return this.#tasks.values().map(({ record }) => record);
  }

  recordOf(id: string): TaskRecord | undefined {
    return this.#tasks.get(id)?.record;
  }

  /** Whether it runs here, or is about to. */
  has(id: string): boolean {
    return this.#tasks.has(id) || this.#expected.has(id);
  }

  /** A task of this id may run here soon. */
  expect(id: string): void {
    this.#expected.set(id, undefined);
  }

  /** It will not. */
  forget(id: string): void {
    this.#expected.delete(id);
  }

  /** Somebody else has written a record. */
  changed(record: TaskRecord): void {
    this.#tasks.get(record.id)?.changed(record);
  }

  /** A record is gone from the store. */
  vanished(id: string): void {
    this.#tasks.get(id)?.vanished();
  }

  /** A cancel is on record. */
  cancelRequested(record: TaskRecord): void {
    this.#tasks.get(record.id)?.cancelRequested(record);
    if (this.#expected.has(record.id)) this.#expected.set(record.id, record);
  }

  /** Makes a running call the task that is on record: from now on its outcome goes to the store. */
  adopt(call: RunningCall, written: TaskRecord, slot: Slot): RunningTask {
    slot.use();
    const record = this.#expected.get(written.id) ?? written;
    this.forget(record.id);
    const task = new RunningTask(call, record, slot, this.#taskParts);
    this.#tasks.set(record.id, task);
    call.adopt(task, record.id);
    task.begin();
    return task;
  }

  /**
   * Calls the tool of a stored call, whose record says that it runs here. A cancel, or the end of the manager, may
   * have been faster than the store's answer: then the tool is not called at all. `since`: when it was first started,
   * by the monotonic clock; what another process has started is known by the wall's alone.
   */
  run(stored: StoredCall, record: TaskRecord, slot: Slot, since?: number, isShutDown = false): void {
    stored.inContext(() => this.#run(stored, record, slot, since, isShutDown));
  }

  shutdown(): void {
    for (const task of this.#tasks.values()) task.shutdown();
  }

  #run(
    stored: StoredCall,
    record: TaskRecord,
    slot: Slot,
    since: number | undefined,
    isShutDown: boolean,
  ): void {
    const { call, settings, execute, restartState, inContext } = stored;
    const { clock } = this.#parts;
    const startedAt = record.startedAt ?? clock.now();
    const begun = since ?? monotonicAt(startedAt, clock);
    const running = new RunningCall(call, settings, this.#parts, begun, restartState, startedAt);
    running.execution.inContext = inContext;
    const task = this.adopt(running, record, slot);
    if (isShutDown) task.shutdown();
    if (running.execution.aborted === undefined) running.begin(execute);
    else task.neverBegan();
  }

  #ended({ record, slot }: RunningTask): void {
    this.#tasks.delete(record.id);
    slot.release();
    this.#parts.scheduler.freed(record);
    this.#parts.idle.check();
  }
}

interface RunningTasksParts extends CallParts {
  readonly ledger: Ledger;
  readonly scheduler: Scheduler;
  readonly idle: Idle;
  readonly terms: TaskTerms;
}
