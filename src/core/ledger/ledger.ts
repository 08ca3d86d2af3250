import { isEnd, lastProgress, type NewTaskEvent } from "../model/events.ts";
import { changeFor, endWithoutFollowUp, type LifecycleEvent } from "../model/lifecycle.ts";
import {
  type Insertion,
  type NewTask,
  NO_LIMITS,
  type Refused,
  type Renewal,
  type TaskChange,
  type TaskLimits,
  type TaskStore,
} from "../model/store.ts";
import type { TaskRecord } from "../model/task.ts";
import type { SteadyClock } from "../time/clock.ts";
import { LostRecords } from "./lost-records.ts";
import type { Notices } from "./notices.ts";
import type { StoreGateway } from "./store-gateway.ts";
import type { Sweeper } from "./sweeper.ts";
import { isWrittenEnd, readInserted, readStarted } from "./written.ts";

/**
 * The one door for writes of tasks. What it has written it makes known, and where the store answers too late for
 * whoever asked, it sees to that: nobody else need think of it. Its methods throw `store_failed`; those that go on until
 * the store answers, only `closed`.
 */
export class Ledger {
  readonly #clock: SteadyClock;
  readonly #gateway: StoreGateway;
  readonly #notices: Notices;
  readonly #sweeper: Sweeper;
  readonly #terms: LedgerTerms;
  readonly #lost: LostRecords;

  constructor(parts: LedgerParts, terms: LedgerTerms) {
    this.#clock = parts.clock;
    this.#gateway = parts.gateway;
    this.#notices = parts.notices;
    this.#sweeper = parts.sweeper;
    this.#terms = terms;
    const { leaseMs, isShared } = terms;
    this.#lost = new LostRecords(parts, leaseMs, isShared ? leaseMs : Number.POSITIVE_INFINITY);
  }

  /**
   * Writes a task whose caller is told when the store fails. What was written all the same, or will be, is taken
   * back: its caller believes that there is none. Where it may ask again, `found` is told of it instead.
   */
  async insert(task: NewTask, found?: (record: TaskRecord) => void): Promise<Insertion> {
    const { limits, leaseMs } = this.#terms;
    const failed = found ? this.#lookFor(task, found) : () => this.#takeBack(task.record);
    try {
      const write = (store: TaskStore) => store.insert(task, limits, leaseMs);
      const answer = await this.#gateway.ask("insert", write, failed);
      if (answer.status === "inserted") this.#makeKnown(answer.record, task.events);
      return answer;
    } catch (error) {
      failed();
      throw error;
    }
  }

  /**
   * Writes a task whose tool runs already and will not stop for a store that fails: it resolves once it is known
   * whether there is a task now, however long that takes. `isExempt`: whatever the limits.
   */
  async insertRunning(task: NewTask, isExempt: boolean, taker: Taker): Promise<Insertion> {
    const { limits, leaseMs } = this.#terms;
    const answered = (answer: Insertion) => {
      if (answer.status !== "inserted") return;
      // An earlier try may have written it, with fewer events than this one has.
      const written = task.events.slice(0, answer.record.lastSeq);
      this.#handOver(answer.record, taker, () => this.#makeKnown(answer.record, written, FIRST_SEQ));
    };
    const answer = await this.#gateway.write(
      "insert",
      (store) => store.insert(task, isExempt ? NO_LIMITS : limits, leaseMs),
      (store) => readInserted(store, task.record),
      answered,
    );
    answered(answer);
    return answer;
  }

  /** Starts a queued task under the running limits. `undefined`: somebody was faster. */
  async admit(
    task: TaskRecord,
    deadlineAt: number | null,
    taker: Taker,
  ): Promise<TaskRecord | Refused | undefined> {
    const { owner, limits } = this.#terms;
    const change = this.#changeFor(task, { type: "task.started", owner, deadlineAt });
    if (change === undefined) return undefined;
    const answered = (answer: TaskRecord | Refused | undefined) => {
      if (answer === undefined || answer.status === "refused") return;
      // Another try may have written it, at another moment.
      const started = { type: "task.started", at: answer.startedAt ?? this.#clock.now() } as const;
      this.#handOver(answer, taker, () => this.#makeKnown(answer, [started], STARTED_SEQ));
    };
    const answer = await this.#gateway.write(
      "admit",
      async (store) =>
        (await store.admit(task, task.version, change, limits)) ?? readStarted(store, task, owner),
      (store) => readStarted(store, task, owner),
      answered,
    );
    answered(answer);
    return answer;
  }

  /** Makes a task whose process is gone this one's own. False: somebody was faster. */
  async takeOver(task: TaskRecord, taker: Taker): Promise<boolean> {
    const change = this.#changeFor(task, { type: "task.taken_over", owner: this.#terms.owner });
    if (change === undefined) return false;
    const answered = (written: TaskRecord | undefined) => {
      if (written !== undefined)
        this.#handOver(written, taker, () => this.#makeKnown(written, change.events));
    };
    const written = await this.#transition(task, change, answered);
    answered(written);
    return written !== undefined;
  }

  /**
   * Has something happen to a task. Resolves with its record, unchanged if that cannot happen to it; `undefined`:
   * somebody was faster. `done` is told of what was written, even where that turns out after the rejection.
   */
  async change(
    task: TaskRecord,
    events: readonly LifecycleEvent[],
    at = this.#clock.now(),
    done?: (written: TaskRecord) => void,
  ): Promise<TaskRecord | undefined> {
    const change = changeFor(task, events, at);
    if (change === undefined) return task;
    const answered = (written: TaskRecord | undefined) => {
      if (written === undefined) return;
      this.#makeKnown(written, change.events);
      done?.(written);
    };
    const written = await this.#transition(task, change, answered);
    answered(written);
    return written;
  }

  /**
   * Writes the end of a task until the store has answered. `seen` is told of the record as it is then, whoever has
   * written it, and of one that was lost as it is again; `undefined`: it is gone.
   */
  async end(
    task: TaskRecord,
    change: TaskChange,
    seen: (record: TaskRecord | undefined) => void,
  ): Promise<void> {
    const write = (store: TaskStore) => store.transition(task, task.version, change);
    const written = await this.#gateway.insist("transition", write);
    const record = written ?? (await this.#lost.readOrRestore(task));
    seen(record);
    const isOurs = written !== undefined || isWrittenEnd(record, task, change);
    if (record !== undefined && isOurs) this.#makeKnown(record, change.events);
    else this.#sweeper.finished();
  }

  /**
   * Appends what the tool of a running task has reported. `appended` makes its record of what has changed, unless
   * the task has ended or is another process's.
   */
  async append(
    task: TaskRecord,
    events: readonly NewTaskEvent[],
    appended: (change: Partial<TaskRecord>) => TaskRecord,
  ): Promise<void> {
    const { owner } = this.#terms;
    const lastSeq = await this.#gateway.ask("append", (store) => store.append(task, owner, [...events]));
    if (lastSeq === 0) return;
    const progress = lastProgress(events);
    const change = { lastSeq, updatedAt: this.#clock.now(), ...(progress && { progress }) };
    this.#makeKnown(appended(change), events);
  }

  /** Replaces a task's checkpoint. False: it has ended, or is another process's. */
  checkpoint(task: TaskRecord, checkpoint: string): Promise<boolean> {
    const { owner } = this.#terms;
    return this.#gateway.insist("checkpoint", (store) => store.checkpoint(task, owner, checkpoint));
  }

  /** Says that this process is alive and has these tasks. */
  async renew(tasks: readonly TaskRecord[]): Promise<Renewal[]> {
    const { owner, leaseMs } = this.#terms;
    this.#lost.renewing();
    const write = (store: TaskStore) => store.renew(owner, tasks, leaseMs);
    const renewals = tasks.length === 0 ? [] : await this.#gateway.ask("renew", write);
    this.#lost.renewed();
    return renewals;
  }

  /** Writes a running task of this process again that is gone. `undefined`: the store has not lost it. */
  restore(task: TaskRecord, input: string | undefined): Promise<TaskRecord | undefined> {
    return this.#lost.restore(task, input);
  }

  /** Ends the lease of a task, so that another process takes it up at once. */
  async release(task: TaskRecord): Promise<void> {
    const { owner } = this.#terms;
    await this.#gateway.insist("renew", (store) => store.renew(owner, [task], 0));
  }

  #transition(
    task: TaskRecord,
    change: TaskChange,
    late: (written: TaskRecord | undefined) => void,
  ): Promise<TaskRecord | undefined> {
    const write = (store: TaskStore) => store.transition(task, task.version, change);
    return this.#gateway.ask<TaskRecord | undefined>("transition", write, late);
  }

  /** Ends a task as it was written first. If it was not, or somebody has changed it, nothing happens. */
  #takeBack(task: TaskRecord): void {
    const now = this.#clock.now();
    const change = changeFor(task, endWithoutFollowUp(task, TAKEN_BACK, now), now);
    if (change === undefined) return;
    const write = this.#gateway.insist("transition", (store) => store.transition(task, task.version, change));
    write.then(
      () => this.#sweeper.finished(),
      () => undefined,
    );
  }

  /** Looks for a task, whenever it is called, until it was found. */
  #lookFor({ record, events }: NewTask, found: (record: TaskRecord) => void): () => void {
    let isFound = false;
    const look = async () => {
      const written = await this.#gateway.insist("get", (store) => readInserted(store, record));
      if (written === undefined || isFound) return;
      isFound = true;
      this.#makeKnown(written.record, events, FIRST_SEQ);
      found(written.record);
    };
    return () => void look().catch(() => undefined);
  }

  #handOver(record: TaskRecord, taker: Taker, makeKnown: () => void): void {
    if (taker.isTaken()) return;
    makeKnown();
    taker.take(record);
  }

  #makeKnown(record: TaskRecord, events: readonly NewTaskEvent[], firstSeq?: number): void {
    this.#notices.publish(record, events, firstSeq);
    if (events.some(isEnd)) this.#sweeper.finished();
  }

  #changeFor(task: TaskRecord, event: LifecycleEvent): TaskChange | undefined {
    return changeFor(task, [event], this.#clock.now());
  }
}

interface LedgerParts {
  readonly clock: SteadyClock;
  readonly gateway: StoreGateway;
  readonly notices: Notices;
  readonly sweeper: Sweeper;
}

/** In whose name this process writes, and under which limits. */
interface LedgerTerms {
  readonly owner: string;
  readonly isShared: boolean;
  readonly leaseMs: number;
  readonly limits: TaskLimits;
}

/** Takes a task up in this process, once it is on record that it runs here. */
interface Taker {
  /** It was taken up already: an answer that comes late, or twice, means nothing then. */
  isTaken(): boolean;
  take(record: TaskRecord): void;
}

const TAKEN_BACK: LifecycleEvent = {
  type: "task.cancelled",
  by: "host",
  reason: "The store answered too late.",
  mayStillRun: false,
};

const FIRST_SEQ = 1;
/** `task.queued` is the first event, the start the second, whatever has happened since. */
const STARTED_SEQ = 2;
