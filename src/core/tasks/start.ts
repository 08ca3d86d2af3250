import type { Offloader } from "../calls/race.ts";
import { restartStateOf } from "../calls/restart-state.ts";
import type { CallParts } from "../calls/running-calls.ts";
import { closedError } from "../errors.ts";
import type { ToolCall, ToolExecuteFunction } from "../model/call.ts";
import type { KnownTool } from "../model/known-tool.ts";
import { type Idempotency, isFinished, type TaskInfo, type TaskRecord, toTaskInfo } from "../model/task.ts";
import type { ToolSettings } from "../options/task-options.ts";
import { repeatedTask } from "./idempotency.ts";
import { joinRunning, joinStored } from "./join-equal.ts";
import { QueuedTask, type QueuedTaskParts } from "./queued-task.ts";
import { newQueuedTask } from "./record.ts";
import { refusedError } from "./refused-error.ts";
import type { StoredCall } from "./stored-call.ts";

/** Starts tasks in the background from the first moment: they queue, and run when there is a slot. */
export class Starter {
  readonly #parts: StarterParts;
  readonly #queued = new Map<string, QueuedTask>();
  #isClosed = false;

  constructor(parts: StarterParts) {
    this.#parts = parts;
  }

  async start<I, R>(
    call: ToolCall<I>,
    execute: ToolExecuteFunction<I, R>,
    settings: ToolSettings,
    idempotency?: Idempotency,
  ): Promise<TaskInfo> {
    const { clock, calls, offloader, ledger, terms, tools } = this.#parts;
    const inContext = this.#parts.keepContext();
    const isKeyed = idempotency !== undefined;
    const equal = isKeyed ? undefined : await joinRunning(call, settings, calls, offloader);
    if (equal !== undefined) return equal;
    const order = this.#parts.scheduler.nextOrder();
    const restartState = restartStateOf(call, settings, tools);
    const stored = {
      call,
      settings,
      execute: execute as ToolExecuteFunction<unknown, unknown>,
      restartState,
      inContext,
    };
    const task = newQueuedTask(call, settings, restartState, terms, clock.now(), idempotency);
    const answer = await ledger.insert(task, isKeyed ? (record) => this.#found(stored, record) : undefined);
    if (answer.status === "refused") throw refusedError(answer, call);
    if (answer.status === "repeated") return repeatedTask(answer.record, idempotency);
    if (answer.status === "duplicate") return joinStored(answer.record, call, settings);
    await this.#enqueue(stored, answer.record, order);
    return toTaskInfo(answer.record);
  }

  /** Takes up a task that was queued in a process that is gone. */
  takeUp(stored: StoredCall, record: TaskRecord): Promise<void> {
    return this.#enqueue(stored, record, this.#parts.scheduler.nextOrder());
  }

  /** The records of what waits here. */
  get records(): TaskRecord[] {
    return [...this.#queued.values()].map(({ record }) => record);
  }

  recordOf(id: string): TaskRecord | undefined {
    return this.#queued.get(id)?.record;
  }

  has(id: string): boolean {
    return this.#queued.has(id);
  }

  /** Somebody else has written the record of a queued task. */
  changed(record: TaskRecord): void {
    const isOwn = record.owner === this.#parts.terms.owner;
    if (isFinished(record.status) || !isOwn) this.drop(record.id);
  }

  /** A queued task will not start here. */
  drop(id: string): void {
    if (this.#queued.has(id)) this.#parts.runningTasks.forget(id);
    this.#leave(id);
  }

  /** Ends what has not started. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const jobs = [...this.#queued.values()];
    for (const { record } of jobs) this.#leave(record.id);
    await Promise.all(jobs.map((job) => job.shutdown()));
  }

  /** It was written, and who has asked for it was not told: they may ask again. */
  #found(stored: StoredCall, record: TaskRecord): void {
    if (record.status === "queued") this.takeUp(stored, record).catch(() => undefined);
  }

  #leave(id: string): void {
    const job = this.#queued.get(id);
    job?.left();
    if (job) this.#parts.scheduler.remove(job);
    this.#queued.delete(id);
  }

  async #enqueue(stored: StoredCall, record: TaskRecord, order: number): Promise<void> {
    const job = new QueuedTask(stored, record, order, this.#parts, () => this.#leave(record.id));
    if (this.#isClosed) {
      await job.shutdown();
      throw closedError();
    }
    this.#queued.set(record.id, job);
    job.entered();
    this.#parts.scheduler.enqueue(job);
  }
}

interface StarterParts extends QueuedTaskParts, CallParts {
  /** The tools that the manager knows by name. */
  readonly tools: ReadonlyMap<string, KnownTool>;
  readonly offloader: Offloader;
}
