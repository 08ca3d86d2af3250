import { type Clock, Timer } from "../clock.ts";
import { TaskOffloadError } from "../errors.ts";
import type { TaskStore } from "../store.ts";

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;

/** Milliseconds to wait before the next try, after so many failed ones. */
export function retryDelay(failures: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
}

export interface StoreFailure {
  operation: string;
  error: TaskOffloadError;
}

export type StoreCall<T> = (store: TaskStore) => Promise<T>;

/** Every call of the store goes through here: it is bounded in time, and its failures are made known. */
export class Journal {
  readonly #store: TaskStore;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #failed: (failure: StoreFailure) => void;
  readonly #retries = new Map<Timer, (error: TaskOffloadError) => void>();
  #isClosed = false;

  constructor(store: TaskStore, clock: Clock, timeoutMs: number, failed: (failure: StoreFailure) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#failed = failed;
  }

  /**
   * Asks the store once. Rejects with `store_failed` when it fails or does not answer in time; `late` is
   * told an answer that came after that.
   */
  call<T>(operation: string, run: StoreCall<T>, late?: (answer: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const answered = (answer: T) => {
        if (question.isOver) late?.(answer);
        else if (question.end()) resolve(answer);
      };
      const failed = (reason: string, cause?: unknown) => {
        if (question.end()) reject(this.#report(operation, reason, cause));
      };
      const question = new Question(this.#clock, this.#timeoutMs, () =>
        failed(`did not answer within ${this.#timeoutMs} ms`),
      );
      try {
        run(this.#store).then(answered, (cause) => failed("failed", cause));
      } catch (cause) {
        failed("failed", cause);
      }
    });
  }

  /** Asks until the store has answered, waiting longer after each failure. Rejects only when closed. */
  async insist<T>(operation: string, run: StoreCall<T>): Promise<T> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.call(operation, run);
      } catch (error) {
        if (this.#isClosed) throw error;
        await this.#pause(retryDelay(failures));
      }
    }
  }

  /** No more retries; those that wait are given up. */
  close(): void {
    this.#isClosed = true;
    for (const [timer, giveUp] of this.#retries) {
      timer.clear();
      giveUp(new TaskOffloadError("closed", "The manager was closed before the store could be written."));
    }
    this.#retries.clear();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const proceed = () => {
        this.#retries.delete(timer);
        resolve();
      };
      const timer = new Timer(this.#clock, proceed, ms);
      this.#retries.set(timer, reject);
    });
  }

  #report(operation: string, reason: string, cause: unknown): TaskOffloadError {
    const error = new TaskOffloadError("store_failed", `The store ${reason}: ${operation}.`, { cause });
    this.#failed({ operation, error });
    return error;
  }
}

/** A store that has been asked and may take its time, but not for ever. */
class Question {
  isOver = false;
  readonly #timer: Timer | undefined;

  constructor(clock: Clock, timeoutMs: number, expired: () => void) {
    if (timeoutMs !== Number.POSITIVE_INFINITY) this.#timer = new Timer(clock, expired, timeoutMs);
  }

  /** True the first time. */
  end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.#timer?.clear();
    return true;
  }
}
