import { Execution, type ExecutionDesk } from "../calls/execution.ts";
import type { Durability } from "../calls/restart-state.ts";
import type { Execute, ToolCall } from "../model/call.ts";
import { changeFor, type LifecycleEvent } from "../model/lifecycle.ts";
import type { Refused, TaskChange, TaskStore } from "../model/store.ts";
import { isFinished, scopeOf, type TaskRecord } from "../model/task.ts";
import type { ToolSettings } from "../options/tool-settings.ts";
import type { Admission, Job } from "./queue.ts";
import { deadlineOf } from "./record.ts";
import type { Background } from "./running-tasks.ts";

/** What is needed to start a tool later. */
export interface QueuedCall {
  readonly call: ToolCall;
  readonly settings: ToolSettings;
  readonly execute: Execute<unknown, unknown>;
  readonly order: number;
  readonly durability: Durability | undefined;
}

/** `task.queued` is the first event, this the second, whatever has happened since. */
const STARTED_SEQ = 2;

const SHUTDOWN: LifecycleEvent = {
  type: "task.failed",
  error: { code: "shutdown", message: "The manager was closed before the tool had started." },
};

/** A task on record whose tool waits in this process for a place to run. */
export class QueuedTask implements Job {
  readonly #queued: QueuedCall;
  readonly #record: TaskRecord;
  readonly #background: Background;
  readonly #desk: ExecutionDesk;
  readonly #over: () => void;
  #hasBegun = false;
  #isShutDown = false;
  #admission: Promise<Admission> | undefined;

  constructor(
    queued: QueuedCall,
    record: TaskRecord,
    background: Background,
    desk: ExecutionDesk,
    over: () => void,
  ) {
    this.#queued = queued;
    this.#record = record;
    this.#background = background;
    this.#desk = desk;
    this.#over = over;
  }

  get record(): TaskRecord {
    return this.#record;
  }

  get userId(): string {
    return this.#record.userId;
  }

  get sessionId(): string | null {
    return this.#record.sessionId;
  }

  get priority(): number {
    return this.#record.priority;
  }

  get order(): number {
    return this.#queued.order;
  }

  admit(): Promise<Admission> {
    this.#admission = this.#admit();
    return this.#admission;
  }

  /** Ends it unstarted, unless another process may start it. An admission that is under way comes first: the store may have let it in. */
  async shutdown(): Promise<void> {
    this.#isShutDown = true;
    await this.#admission;
    if (this.#hasBegun || this.#background.letGo(this.#record, this.#queued.durability)) return;
    const change = this.#change(SHUTDOWN);
    const task = this.#record;
    const { journal, hub } = this.#background;
    const write = journal.insist("transition", (store) => store.transition(task, task.version, change));
    const written = await write.catch(() => undefined);
    if (written) hub.publish(written, change.events);
  }

  async #admit(): Promise<Admission> {
    const change = this.#change(this.#started());
    const task = this.#record;
    const { journal, terms } = this.#background;
    this.#background.expect(task.id);
    try {
      const answer = await journal.write(
        "admit",
        async (store) =>
          (await store.admit(task, task.version, change, terms.guard)) ?? this.#ownStart(store),
        (store) => this.#ownStart(store),
        (late) => this.#late(late),
      );
      return this.#answered(answer);
    } catch {
      return "failed";
    }
  }

  /** What another attempt of this process, whose answer was lost, has written. */
  async #ownStart(store: TaskStore): Promise<TaskRecord | undefined> {
    const record = await store.get(scopeOf(this.#record), this.#record.id);
    const isOwn = record?.status === "running" && record.owner === this.#background.terms.owner;
    return isOwn ? record : undefined;
  }

  #started(): LifecycleEvent {
    const deadlineAt = deadlineOf(this.#background.clock.now(), this.#queued.settings);
    return { type: "task.started", owner: this.#background.terms.owner, deadlineAt };
  }

  #change(event: LifecycleEvent): TaskChange {
    return changeFor(this.#record, [event], this.#background.clock.now()) ?? { patch: {}, events: [] };
  }

  #answered(answer: TaskRecord | Refused | undefined): Admission {
    if (answer === undefined) {
      this.#background.forget(this.#record.id);
      this.#over();
      return "gone";
    }
    if (this.#hasBegun) return "gone";
    if (answer.status !== "refused") this.#begin(answer);
    this.#background.forget(this.#record.id);
    return answer.status === "refused" ? answer.limit : "admitted";
  }

  /** What came after its time: the task may be running on record, so it must run. */
  #late(answer: TaskRecord | Refused | undefined): void {
    if (answer === undefined || answer.status === "refused" || this.#hasBegun) return;
    this.#background.takePlaceAnyway();
    this.#begin(answer);
  }

  #begin(record: TaskRecord): void {
    if (this.#hasBegun || isFinished(record.status)) return;
    this.#hasBegun = true;
    this.#over();
    const { call, settings, execute, durability } = this.#queued;
    const startedAt = record.startedAt ?? this.#background.clock.now();
    const execution = new Execution(call, settings, this.#desk, startedAt, durability);
    const started = { type: "task.started", at: startedAt } as const;
    this.#background.hub.publish(record, [started], STARTED_SEQ);
    execution.isShutDown = this.#isShutDown;
    const task = this.#background.adopt(execution, record);
    // A cancel, or the end of the manager, may have been faster than the store's answer.
    if (execution.aborted === undefined) execution.begin(execute);
    else task.neverBegan();
  }
}
