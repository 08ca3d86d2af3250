import type { Execution } from "../calls/execution.ts";
import type { Adopter } from "../calls/follower.ts";
import type { Durability } from "../calls/restart-state.ts";
import { closedError } from "../errors.ts";
import type { Hub } from "../ledger/notices.ts";
import type { Journal } from "../ledger/store-gateway.ts";
import { lastProgress, type NewTaskEvent } from "../model/events.ts";
import { changeFor } from "../model/lifecycle.ts";
import { type StoredResult, storeResult } from "../model/result.ts";
import type { TaskChange } from "../model/store.ts";
import { isFinished, scopeOf, type TaskInfo, type TaskRecord, toTaskInfo } from "../model/task.ts";
import { type Clock, Timer } from "../time/clock.ts";
import type { Redact } from "../values/redact.ts";
import { endingsOf } from "./ending.ts";

/** Milliseconds between two writes of what a task reports. */
const FLUSH_MS = 100;

/** What a running task needs of its manager. */
export interface TaskDesk {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly hub: Hub;
  readonly terms: {
    readonly cancelGraceMs: number;
    readonly maxResultBytes: number;
    readonly redact: Redact | undefined;
    readonly owner: string;
  };
  /** Gives a task up for another process to start again. False: none could. */
  letGo(task: TaskRecord, durability: Durability | undefined): boolean;
  /** The task has ended, and its store knows. */
  ended(task: RunningTask): void;
}

/**
 * A task whose tool runs in this process. It writes what the tool reports, and it ends the task exactly
 * once: when the tool settles, when the grace after a cancel is over, at the deadline, or at shutdown.
 */
export class RunningTask implements Adopter {
  readonly execution: Execution;
  readonly #desk: TaskDesk;
  #record: TaskRecord;
  /** Events taken out of the reports that no store has confirmed. */
  #unwritten: NewTaskEvent[];
  #writing: Promise<void> | undefined;
  #pause: Timer | undefined;
  #grace: Timer | undefined;
  #isEnding = false;
  #isShutDown = false;
  #isUnbegun = false;

  constructor(execution: Execution, record: TaskRecord, desk: TaskDesk, unwritten: NewTaskEvent[]) {
    this.execution = execution;
    this.#record = record;
    this.#desk = desk;
    this.#unwritten = unwritten;
  }

  get record(): TaskRecord {
    return this.#record;
  }

  info(): TaskInfo {
    return toTaskInfo(this.#record);
  }

  settled(): void {
    void this.#end();
  }

  expired(): void {
    void this.#end();
  }

  /** The tool was told to stop before it was called: there is nothing to wait for. */
  neverBegan(): void {
    this.#isUnbegun = true;
    void this.#end();
  }

  /** The tool has reported something. */
  woken(): void {
    if (this.#writing || this.#pause || this.#isEnding) return;
    this.#writing = new Promise<void>((resolve) => this.#desk.clock.nextPass(resolve)).then(() =>
      this.#write(),
    );
  }

  /** A cancel is on record: the tool is told, and gets its grace. */
  cancelRequested(record: TaskRecord): void {
    this.#record = record;
    const { cancel } = record;
    if (cancel === null || this.execution.outcome !== undefined || this.#grace) return;
    this.execution.abort(new DOMException(cancel.reason ?? "The task was cancelled.", "AbortError"));
    const left = cancel.at + this.#desk.terms.cancelGraceMs - this.#desk.clock.now();
    this.#grace = new Timer(this.#desk.clock, () => void this.#end(), Math.max(0, left));
  }

  /** Somebody else has written the record. */
  changed(record: TaskRecord): void {
    if (this.#isEnding) return;
    if (this.#isLost(record))
      this.#leave(new DOMException("Another process has this task now.", "AbortError"));
    else if (record.cancel) this.cancelRequested(record);
  }

  /** Where another process may go on with it, it is left to that one. */
  shutdown(): void {
    const { durability, wasReturned, wasOffloaded } = this.execution;
    // Whoever was told that the call has ended must not find it running elsewhere.
    const isOpen = !this.#isEnding && this.#record.cancel === null && (wasOffloaded || !wasReturned);
    if (isOpen && this.#desk.letGo(this.#record, durability)) this.#leave(closedError());
    else this.#shutDown();
  }

  #shutDown(): void {
    this.#isShutDown = true;
    this.execution.abort(closedError());
    void this.#end();
  }

  /** Another process has ended it, or goes on with it: what this one does counts no more. */
  #isLost({ status, owner }: TaskRecord): boolean {
    return isFinished(status) || owner !== this.#desk.terms.owner;
  }

  #leave(reason: unknown): void {
    this.#isEnding = true;
    this.#pause?.clear();
    this.#grace?.clear();
    this.execution.abort(reason);
    this.#ended();
  }

  #ended(): void {
    this.execution.release();
    this.#desk.ended(this);
  }

  async #write(): Promise<void> {
    const { clock, journal, hub, terms } = this.#desk;
    const task = this.#record;
    if (this.#unwritten.length === 0) this.#takeReports();
    const events = this.#unwritten;
    try {
      const lastSeq = await journal.ask("append", (store) => store.append(task, terms.owner, events));
      this.#unwritten = [];
      if (lastSeq > 0) hub.publish(this.#appended(events, lastSeq), events);
    } catch {
      // Written again with the next report, or with the end: a chunk may then stand in the log twice.
    }
    this.#writing = undefined;
    if (!this.#isEnding) this.#pause = new Timer(clock, () => this.#continue(), FLUSH_MS).unref();
  }

  #continue(): void {
    this.#pause = undefined;
    if (this.execution.hasReports || this.#unwritten.length > 0) this.woken();
  }

  #takeReports(): void {
    if (!this.execution.hasReports) return;
    const reported = this.execution.reports.drain(this.#desk.clock.now());
    this.#unwritten = [...this.#unwritten, ...reported];
  }

  #appended(events: NewTaskEvent[], lastSeq: number): TaskRecord {
    const progress = lastProgress(events) ?? this.#record.progress;
    this.#record = { ...this.#record, progress, lastSeq, updatedAt: this.#desk.clock.now() };
    return this.#record;
  }

  async #end(): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#pause?.clear();
    this.#grace?.clear();
    await this.#writing;
    try {
      await this.#writeEnd();
    } catch {
      // The manager was closed while the store did not answer; its failures were made known.
    }
    this.#ended();
  }

  /** Tries until this task is finished in the store, by this write or by somebody else's. */
  async #writeEnd(): Promise<void> {
    const result = this.#result();
    for (;;) {
      const change = this.#endChange(result);
      if (change === undefined || (await this.#commit(change)) || !(await this.#reload(change))) return;
    }
  }

  #endChange(result: StoredResult | undefined): TaskChange | undefined {
    const now = this.#desk.clock.now();
    const endings = endingsOf(
      this.#record,
      this.execution,
      this.#isShutDown,
      this.#isUnbegun,
      this.#desk.terms.redact,
      now,
    );
    const change = changeFor(this.#record, endings, now);
    if (change === undefined) return undefined;
    this.#takeReports();
    const events = [...this.#unwritten, ...change.events];
    const isCompleted = change.patch.status === "completed";
    return { ...change, events, ...(isCompleted && result ? { result } : {}) };
  }

  async #commit(change: TaskChange): Promise<boolean> {
    const task = this.#record;
    const { journal, hub } = this.#desk;
    const record = await journal.insist("transition", (store) =>
      store.transition(task, task.version, change),
    );
    if (record === undefined) return false;
    this.#record = record;
    hub.publish(record, change.events);
    return true;
  }

  /** The end is on record already, in a write of this process whose answer was lost: it is made known. */
  #isOwnEnd({ status, completedAt, lastSeq }: TaskRecord, { patch, events }: TaskChange): boolean {
    const isSame = status === patch.status && completedAt === patch.completedAt;
    return isSame && lastSeq === this.#record.lastSeq + events.length;
  }

  /** Somebody else has written the record: start from what it is now. */
  async #reload(change: TaskChange): Promise<boolean> {
    const { id } = this.#record;
    const scope = scopeOf(this.#record);
    const record = await this.#desk.journal.insist("get", (store) => store.get(scope, id));
    if (record === undefined) return false;
    if (this.#isOwnEnd(record, change)) this.#desk.hub.publish(record, change.events);
    this.#record = record;
    return !this.#isLost(record);
  }

  #result(): StoredResult | undefined {
    const { outcome } = this.execution;
    return outcome?.ok ? storeResult(outcome.value, this.#desk.terms.maxResultBytes) : undefined;
  }
}
