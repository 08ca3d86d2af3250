import type { TaskFollower } from "../calls/outcome.ts";
import type { RunningCall } from "../calls/running-calls.ts";
import { closedError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { changeFor } from "../model/lifecycle.ts";
import type { TaskChange } from "../model/store.ts";
import { isFinished, type TaskInfo, type TaskRecord, toTaskInfo } from "../model/task.ts";
import type { TaskTerms } from "../options/task-terms.ts";
import { here } from "../time/async-context.ts";
import { type Clock, Timer } from "../time/clock.ts";
import { type Ending, endingsOf } from "./ending.ts";
import { keptOf } from "./kept-result.ts";
import type { Slot } from "./slot.ts";
import { letGo } from "./stored-call.ts";

/**
 * A task whose tool runs in this process. It writes what the tool reports, and it ends the task exactly
 * once: when the tool settles, when the grace after a cancel is over, at the deadline, or at shutdown.
 */
export class RunningTask implements TaskFollower {
  readonly slot: Slot;
  readonly #call: RunningCall;
  readonly #parts: RunningTaskParts;
  #record: TaskRecord;
  #writing: Promise<void> | undefined;
  #restoring: Promise<void> | undefined;
  #pause: Timer | undefined;
  #grace: Timer | undefined;
  #isEnding = false;
  readonly #ending: Ending = { isShutDown: false, isUnbegun: false, kept: undefined };
  #closing: AbortController | undefined;

  constructor(call: RunningCall, record: TaskRecord, slot: Slot, parts: RunningTaskParts) {
    this.slot = slot;
    this.#call = call;
    this.#record = record;
    this.#parts = parts;
  }

  get record(): TaskRecord {
    return this.#record;
  }

  info(): TaskInfo {
    return toTaskInfo(this.#record);
  }

  /** Takes note of what has happened to its call while it was being written. */
  begin(): void {
    const { execution, isShutDown } = this.#call;
    const task = this.#record;
    execution.restartState?.attach((checkpoint) => this.#parts.ledger.checkpoint(task, checkpoint));
    if (task.cancel) this.cancelRequested(task);
    if (execution.outcome !== undefined) this.settled();
    else if (execution.isExpired) this.expired();
    else if (isShutDown) this.shutdown();
    else if (execution.hasReports) this.woken();
  }

  settled(): void {
    this.#end();
  }

  expired(): void {
    this.#end();
  }

  /** The tool was told to stop before it was called: there is nothing to wait for. */
  neverBegan(): void {
    this.#ending.isUnbegun = true;
    this.#end();
  }

  /** The tool has reported something. */
  woken(): void {
    if (this.#writing || this.#pause || this.#isEnding) return;
    const { clock } = this.#parts;
    this.#writing = new Promise<void>((resolve) => clock.nextPass(resolve)).then(() => this.#write());
  }

  /** A cancel is on record: the tool is told, and gets its grace. */
  cancelRequested(record: TaskRecord): void {
    this.#record = record;
    const { cancel } = record;
    const { execution } = this.#call;
    if (cancel === null || execution.outcome !== undefined || this.#grace) return;
    execution.abort(new DOMException(cancel.reason ?? "The task was cancelled.", "AbortError"));
    const { clock, terms } = this.#parts;
    const left = terms.cancelGraceMs - execution.abortedMs;
    this.#grace = new Timer(clock, () => this.#end(), Math.max(0, left));
  }

  /** Somebody else has written the record. */
  changed(record: TaskRecord): void {
    if (this.#isEnding) return;
    if (this.#isLost(record))
      this.#leave(new DOMException("Another process has this task now.", "AbortError"));
    else if (record.cancel) this.cancelRequested(record);
  }

  /** Its record is gone from the store: it is written again, or somebody else has had it. */
  vanished(): void {
    if (!this.#isEnding) this.#restoring ??= this.#restore();
  }

  /** Where another process may go on with it, it is left to that one. */
  shutdown(): void {
    // Whoever was told that the call has ended must not find it running elsewhere.
    const isOpen = !this.#isEnding && this.#record.cancel === null && !this.#call.isAnswered;
    const { terms, ledger } = this.#parts;
    const { restartState } = this.#call.execution;
    if (isOpen && letGo(this.#record, restartState, terms, ledger)) this.#leave(closedError());
    else this.#shutDown();
  }

  #shutDown(): void {
    this.#ending.isShutDown = true;
    this.#call.execution.abort(closedError());
    // The store may not be waited for much longer. What needs no time is shown all the same.
    const closing = this.#closed();
    this.#parts.clock.nextPass(() => closing.abort());
    this.#end();
  }

  /** Another process has ended it, or goes on with it: what this one does counts no more. */
  #isLost({ status, owner }: TaskRecord): boolean {
    return isFinished(status) || owner !== this.#parts.terms.owner;
  }

  #leave(reason: unknown): void {
    this.#isEnding = true;
    this.#pause?.clear();
    this.#grace?.clear();
    this.#call.execution.abort(reason);
    this.#ended();
  }

  #ended(): void {
    this.#call.release();
    this.#parts.ended(this);
  }

  async #write(): Promise<void> {
    const { clock, ledger } = this.#parts;
    const { reports } = this.#call.execution;
    const events = reports.next(clock.now());
    try {
      await ledger.append(this.#record, events, (change) => this.#appended(change));
      reports.confirm(events.length);
    } catch {
      // Written again with the next report, or with the end: a chunk may then stand in the log twice.
    }
    this.#writing = undefined;
    if (!this.#isEnding) this.#pause = new Timer(clock, () => this.#continue(), FLUSH_MS).unref();
  }

  #appended(change: Partial<TaskRecord>): TaskRecord {
    this.#record = { ...this.#record, ...change };
    return this.#record;
  }

  #continue(): void {
    this.#pause = undefined;
    if (this.#call.execution.hasReports) this.woken();
  }

  #end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#pause?.clear();
    this.#grace?.clear();
    const { inContext = here } = this.#call.execution;
    void inContext(() => this.#finish());
  }

  /** The manager may be closed while the store does not answer. */
  async #restore(): Promise<void> {
    const task = this.#record;
    const input = this.#call.execution.restartState?.kept;
    const record = await this.#parts.ledger.restore(task, input).catch(() => undefined);
    this.#restoring = undefined;
    this.changed(record ?? { ...task, owner: null });
  }

  async #finish(): Promise<void> {
    await this.#writing;
    await this.#restoring;
    try {
      await this.#writeEnd();
    } catch {
      // The manager was closed while the store did not answer; its failures were made known.
    }
    this.#ended();
  }

  /** Tries until this task is finished in the store, by this write or by somebody else's. */
  async #writeEnd(): Promise<void> {
    const { clock, ledger, terms } = this.#parts;
    const closing = () => this.#closed().signal;
    this.#ending.kept = await keptOf(this.#call.execution, { ...terms, clock, closing });
    for (let isOver = false; !isOver; ) {
      const change = this.#endChange();
      if (change === undefined) return;
      await ledger.end(this.#record, change, (record) => {
        this.#record = record ?? this.#record;
        isOver = record === undefined || this.#isLost(record);
      });
    }
  }

  /** Aborts when nothing is waited for any more. Few ask for it. */
  #closed(): AbortController {
    this.#closing ??= new AbortController();
    return this.#closing;
  }

  #endChange(): TaskChange | undefined {
    const { clock, terms } = this.#parts;
    const now = clock.now();
    const endings = endingsOf(this.#record, this.#call, this.#ending, terms.redact, now);
    const change = changeFor(this.#record, endings, now);
    if (change === undefined) return undefined;
    const { execution } = this.#call;
    const { patch } = change;
    const { result } = this.#ending.kept ?? {};
    const events = execution.hasReports ? [...execution.reports.all(now), ...change.events] : change.events;
    return patch.status === "completed" && result ? { patch, events, result } : { patch, events };
  }
}

/** What a running task works with. */
export interface RunningTaskParts {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly terms: TaskTerms;
  /** It is no longer this process's business. */
  ended(task: RunningTask): void;
}

/** Milliseconds between two writes of what a task reports. */
const FLUSH_MS = 100;
