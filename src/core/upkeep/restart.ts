import { Execution, type ExecutionDesk } from "../calls/execution.ts";
import { Durability, readKept } from "../calls/restart-state.ts";
import type { KnownTool } from "../model/known-tool.ts";
import { changeFor } from "../model/lifecycle.ts";
import type { Payload, TaskStore } from "../model/store.ts";
import { scopeOf, type TaskRecord } from "../model/task.ts";
import { toolSettings } from "../options/tool-settings.ts";
import type { QueuedCall } from "../tasks/queued-task.ts";
import type { Background } from "../tasks/running-tasks.ts";
import type { Scheduler } from "../tasks/scheduler.ts";
import type { Starting } from "../tasks/start.ts";

interface ResumingDesk extends ExecutionDesk {
  readonly isAccepting: boolean;
  readonly scheduler: Scheduler;
}

/** A call as its new process makes it. */
type Restart = Omit<QueuedCall, "order"> & { durability: Durability };

/**
 * What has become of a lapsed task. `left`: there is no place for it here. One may become free, and other processes
 * look too. `impossible`: it cannot be started again.
 */
type Resumption = "resumed" | "left" | "impossible";

/** Starts tools again whose process is gone, where they are declared to allow it. */
export class Resuming {
  readonly #background: Background;
  readonly #starting: Starting;
  readonly #desk: ResumingDesk;

  constructor(background: Background, starting: Starting, desk: ResumingDesk) {
    this.#background = background;
    this.#starting = starting;
    this.#desk = desk;
  }

  /** @throws `store_failed` */
  async resume(record: TaskRecord): Promise<Resumption> {
    const tool = this.#desk.tools.get(record.toolName);
    if (!tool?.isRestartable || record.runs >= tool.attempts) return "impossible";
    if (record.cancel !== null || isOverdue(record, this.#desk.clock.now())) return "impossible";
    if (record.status === "running" && !this.#desk.scheduler.hasPlace) return "left";
    const { journal } = this.#background;
    const payload = await journal.ask("payload", (store) => store.payload(record));
    if (payload === undefined) return "impossible";
    return this.#takeOver(record, restartOf(record, tool, payload));
  }

  async #takeOver(record: TaskRecord, restart: Restart): Promise<Resumption> {
    const { journal, hub, clock, terms } = this.#background;
    const isRunning = record.status === "running";
    const event = { type: "task.taken_over", owner: terms.owner } as const;
    const change = changeFor(record, [event], clock.now());
    if (change === undefined || (isRunning && !this.#desk.scheduler.take())) return "left";
    this.#background.expect(record.id);
    const begin = (written: TaskRecord | undefined) => {
      if (written === undefined) return this.#leave(record, isRunning);
      hub.publish(written, change.events);
      this.#begin(written, restart);
    };
    const late = (written: TaskRecord | undefined) => {
      if (written !== undefined && isRunning) this.#background.takePlaceAnyway();
      if (written !== undefined) begin(written);
    };
    const write = (store: TaskStore) => store.transition(record, record.version, change);
    const answer = journal.ask<TaskRecord | undefined>("transition", write, late);
    begin(
      await answer.catch((error: unknown) => {
        this.#leave(record, isRunning);
        throw error;
      }),
    );
    return "resumed";
  }

  /** Somebody else was faster, or the store has failed. */
  #leave({ id }: TaskRecord, hasPlace: boolean): void {
    this.#background.forget(id);
    if (hasPlace) this.#desk.scheduler.giveBack();
  }

  #begin(record: TaskRecord, restart: Restart): void {
    if (!this.#desk.isAccepting) this.#passOn(record, restart);
    else if (record.status === "queued") this.#takeUp(record, restart);
    else this.#start(record, restart);
  }

  #start(record: TaskRecord, restart: Restart): void {
    const { call, settings, execute, durability } = restart;
    const startedAt = record.startedAt ?? this.#background.clock.now();
    const execution = new Execution(call, settings, this.#desk, startedAt, durability);
    const task = this.#background.adopt(execution, record);
    if (execution.aborted === undefined) execution.begin(execute);
    else task.neverBegan();
  }

  /** The manager was closed meanwhile: the next process may have it at once. */
  #passOn(record: TaskRecord, { durability }: Restart): void {
    this.#leave(record, record.status === "running");
    this.#background.letGo(record, durability);
  }

  #takeUp(record: TaskRecord, restart: Restart): void {
    this.#background.forget(record.id);
    this.#starting.takeUp(restart, record).catch(() => undefined);
  }
}

function isOverdue({ deadlineAt }: TaskRecord, now: number): boolean {
  return deadlineAt !== null && deadlineAt <= now;
}

function restartOf(record: TaskRecord, tool: KnownTool, { input: kept, checkpoint }: Payload): Restart {
  const { id, toolName, toolCallId, priority, followUp } = record;
  const { input, deadlineMs } = readKept(kept);
  const metadata = record.metadata ?? undefined;
  const call = { toolName, input, scope: scopeOf(record), toolCallId, metadata };
  const settings = toolSettings({ priority, deadlineMs, followUp: followUp.mode ?? undefined });
  const lastCheckpoint: unknown = checkpoint === null ? undefined : JSON.parse(checkpoint);
  const durability = new Durability(input, settings.deadlineMs, tool, { id, lastCheckpoint });
  return { call, settings, execute: tool.execute, durability };
}
