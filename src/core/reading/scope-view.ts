import { isNewer, type TaskInfo, type TaskPlace, type TaskScope } from "../model/task.ts";
import type { StateUpdate, TasksSnapshot } from "../model/tasks-update.ts";
import { Timer } from "../time/clock.ts";
import { retryDelay } from "../time/retry-delay.ts";
import type { PacedParts } from "./paced-reads.ts";
import { readSnapshot, updated } from "./snapshot.ts";
import type { StateReader } from "./state-reader.ts";

/** The readers of one scope: their snapshots are read for all of them at once. */
export class ScopeView {
  readonly #scope: TaskScope;
  readonly #parts: PacedParts;
  readonly #readers = new Set<StateReader>();
  #waiting = new Set<StateReader>();
  /** Tasks that any of them may have been told of, and how far. */
  #seen = new Map<string, TaskPlace>();
  /** States that were told since a snapshot is being read. */
  readonly #meanwhile = new Map<string, TaskInfo>();
  #isCheckDue = false;
  #isReading = false;
  #isOver = false;
  #timer: Timer | undefined;
  #endPause: () => void = () => undefined;

  constructor(scope: TaskScope, parts: PacedParts) {
    this.#scope = scope;
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return this.#readers.size === 0;
  }

  join(reader: StateReader): void {
    this.#readers.add(reader);
    if (this.#timer === undefined) this.#awaitCheck();
  }

  leave(reader: StateReader): void {
    this.#readers.delete(reader);
    this.#waiting.delete(reader);
    if (this.isEmpty) this.end();
  }

  finish(): void {
    for (const reader of this.#readers) reader.finish();
  }

  end(): void {
    this.#isOver = true;
    this.#timer?.clear();
    this.#endPause();
  }

  giveSnapshotTo(reader: StateReader): void {
    this.#waiting.add(reader);
    void this.#readAll();
  }

  tell(state: StateUpdate): void {
    const { task } = state;
    if (this.#scope.sessionId !== undefined && task.sessionId !== this.#scope.sessionId) return;
    const seen = this.#seen.get(task.id);
    // A snapshot has overtaken it. Those who have not had that are told of the next state, which is on its way.
    if (seen !== undefined && isNewer(seen, task)) return;
    this.#seen.set(task.id, task);
    if (this.#isReading) this.#meanwhile.set(task.id, task);
    for (const reader of this.#readers) reader.give(state);
  }

  #awaitCheck(): void {
    const check = () => {
      this.#awaitCheck();
      this.#isCheckDue = this.#seen.size > 0;
      void this.#readAll();
    };
    this.#timer = new Timer(this.#parts.clock, check, CHECK_MS).unref();
  }

  /** One at a time: whoever comes while one is read waits for the next. */
  async #readAll(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    // Who comes at the same moment shares the first.
    await undefined;
    for (let failures = 0; this.#isWanted; ) {
      failures = (await this.#readOne()) ? 0 : failures + 1;
      if (failures > 0) await this.#pause(retryDelay(failures));
    }
    this.#isReading = false;
    this.#meanwhile.clear();
  }

  get #isWanted(): boolean {
    return !this.#isOver && (this.#waiting.size > 0 || this.#isCheckDue);
  }

  /** Returns whether the store has answered. */
  async #readOne(): Promise<boolean> {
    const [waiting, isCheck] = [this.#waiting, this.#isCheckDue];
    this.#waiting = new Set();
    this.#isCheckDue = false;
    this.#meanwhile.clear();
    try {
      const read = await readSnapshot(this.#parts.queries, this.#scope);
      this.#told(updated(read, this.#meanwhile), waiting, isCheck);
      return true;
    } catch {
      // The gateway has told of it.
      for (const reader of waiting) if (this.#readers.has(reader)) this.#waiting.add(reader);
      this.#isCheckDue ||= isCheck;
      return false;
    }
  }

  /** A check is told to all if anything has gone. */
  #told(snapshot: TasksSnapshot, waiting: ReadonlySet<StateReader>, isCheck: boolean): void {
    const told = new Map(snapshot.tasks.map((task) => [task.id, task]));
    const hasGone = isCheck && [...this.#seen.keys()].some((id) => !told.has(id));
    const update = { type: "snapshot", ...snapshot } as const;
    for (const reader of hasGone ? this.#readers : waiting) reader.giveSnapshot(update);
    this.#seen = isCheck ? told : new Map([...this.#seen, ...told]);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = new Timer(this.#parts.clock, resolve, ms).unref();
      this.#endPause = () => {
        timer.clear();
        resolve();
      };
    });
  }
}

/** Milliseconds between two looks at whether anything has gone, of which nothing else tells. */
const CHECK_MS = 60_000;
