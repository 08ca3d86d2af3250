import { duplicateError } from "../calls/duplicates.ts";
import { durabilityOf } from "../calls/execution.ts";
import { closedError, TaskOffloadError } from "../errors.ts";
import type { Execute, ToolCall } from "../model/call.ts";
import type { NewTask, Refused } from "../model/store.ts";
import { isFinished, type TaskInfo, type TaskRecord, toTaskInfo } from "../model/task.ts";
import type { ToolSettings } from "../options/tool-settings.ts";
import { insertForCaller } from "./insert.ts";
import { type JoiningDesk, joinRunning } from "./join.ts";
import { type QueuedCall, QueuedTask } from "./queued-task.ts";
import { newRecord } from "./record.ts";
import type { Background } from "./running-tasks.ts";
import type { Scheduler } from "./scheduler.ts";

/** Tasks that are in the background from the first moment: they queue, and start when there is a place. */
export class Starting {
  readonly #background: Background;
  readonly #scheduler: Scheduler;
  readonly #desk: JoiningDesk;
  readonly #queued = new Map<string, QueuedTask>();
  #order = 0;
  #isClosed = false;

  constructor(background: Background, scheduler: Scheduler, desk: JoiningDesk) {
    this.#background = background;
    this.#scheduler = scheduler;
    this.#desk = desk;
  }

  async start<I, R>(call: ToolCall<I>, execute: Execute<I, R>, settings: ToolSettings): Promise<TaskInfo> {
    const equal = await joinRunning(call, settings, this.#desk);
    if (equal !== undefined) return equal;
    const queued: QueuedCall = {
      call,
      settings,
      execute: execute as Execute<unknown, unknown>,
      order: this.#order++,
      durability: durabilityOf(call, settings, this.#desk),
    };
    const task = this.#describe(queued);
    const answer = await insertForCaller(task, this.#background);
    if (answer.status === "refused") throw refusal(answer, call);
    if (answer.status === "duplicate") return joined(answer.record, call, settings);
    this.#background.hub.publish(answer.record, task.events);
    await this.#enqueue(queued, answer.record);
    return toTaskInfo(answer.record);
  }

  /** Takes up a task that was queued in a process that is gone. */
  async takeUp(queued: Omit<QueuedCall, "order">, record: TaskRecord): Promise<void> {
    await this.#enqueue({ ...queued, order: this.#order++ }, record);
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
    const isOwn = record.owner === this.#background.terms.owner;
    if (isFinished(record.status) || !isOwn) this.cancelled(record);
  }

  /** A queued task was cancelled: it will not start. */
  cancelled(record: TaskRecord): void {
    const job = this.#queued.get(record.id);
    if (job) this.#scheduler.remove(job);
    this.#queued.delete(record.id);
    if (isFinished(record.status)) this.#background.finished();
  }

  /** Ends what has not started. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const jobs = this.#scheduler.clear();
    this.#queued.clear();
    await Promise.all(jobs.map((job) => job.shutdown()));
  }

  #describe({ call, settings, durability }: QueuedCall): NewTask {
    const now = this.#background.clock.now();
    const record = newRecord(call, settings, this.#background.terms, now, undefined, durability?.id);
    return { record, events: [{ at: now, type: "task.queued" }], input: durability?.kept };
  }

  async #enqueue(queued: QueuedCall, record: TaskRecord): Promise<void> {
    const over = () => this.cancelled(record);
    const job = new QueuedTask(queued, record, this.#background, this.#desk, over);
    if (this.#isClosed) {
      await job.shutdown();
      throw closedError();
    }
    this.#queued.set(record.id, job);
    this.#scheduler.enqueue(job);
  }
}

/** An equal task runs: its caller gets that one, unless the tool refuses duplicates. */
export function joined(record: TaskRecord, call: ToolCall, settings: ToolSettings): TaskInfo {
  if (settings.onDuplicate === "reject") throw duplicateError(call);
  return toTaskInfo(record);
}

/** What a caller is told whose task met a limit that it cannot wait for. */
export function refusal({ limit }: Refused, call: ToolCall): TaskOffloadError {
  if (limit === "exclusive") {
    const message = `The session has an unfinished task already; "${call.toolName}" was not started.`;
    return new TaskOffloadError("conflict", message);
  }
  const what = limit === "queued_per_user" ? "queued" : "running";
  const message = `The user has too many ${what} tasks (limits); "${call.toolName}" was not started.`;
  return new TaskOffloadError("overloaded", message);
}
