import { TaskOffloadError } from "../errors.ts";
import type { StoreFailure } from "../model/manager-events.ts";
import type { TaskStore } from "../model/store.ts";
import { type Clock, Timer } from "../time/clock.ts";
import type { Idle } from "../time/idle.ts";
import { retryDelay } from "../time/retry-delay.ts";
import { Chain, type Link } from "../values/chain.ts";
import { describeError } from "../values/summary.ts";

/** The gateway for those who only read. Writes go through the ledger. */
export interface StoreReader {
  ask<T>(operation: string, run: (store: StoreReads) => Promise<T>): Promise<T>;
  retry<T>(run: () => Promise<T>): Promise<T>;
}

/** What a store is asked without changing anything. */
type StoreReads = Pick<TaskStore, "get" | "list" | "events" | "result" | "changes" | "payload" | "lapsed">;

/** Every call of the store goes through here: it is bounded in time, and its failures are made known. */
export class StoreGateway implements StoreReader {
  readonly #store: TaskStore;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #tellFailed: (failure: StoreFailure) => void;
  readonly #retries = new Map<Timer, (error: TaskOffloadError) => void>();
  readonly #idle: Idle;
  readonly #open = new Chain<AnyQuestion>();
  #isClosed = false;

  constructor(
    store: TaskStore,
    clock: Clock,
    timeoutMs: number,
    idle: Idle,
    failed: (failure: StoreFailure) => void,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#idle = idle;
    this.#tellFailed = failed;
  }

  /** Whether nothing was asked that is not answered, and nothing waits to be asked again. */
  get isIdle(): boolean {
    return this.#open.size === 0 && this.#retries.size === 0;
  }

  /**
   * Asks the store once. Rejects with `store_failed` when it fails or does not answer in time, and with
   * `closed` when the manager has no more time; `late` is told what came of it after that: the answer, or
   * `undefined` for a failure, which may be that of the answer alone.
   */
  ask<T>(operation: string, run: StoreCall<T>, late?: (answer: T | undefined) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const question = new Question(operation, resolve, reject, late);
      this.#open.add(question);
      this.#send(run, question);
      // A store in memory has answered by then, and needs no timer.
      SOON.then(() => question.isOver || this.#limit(question));
    });
  }

  /** Asks until the store has answered. Rejects only with `closed`. */
  insist<T>(operation: string, run: StoreCall<T>): Promise<T> {
    return this.retry(() => this.ask(operation, run));
  }

  /** Does something until it does not fail, waiting longer after each failure. Rejects only once this is closed. */
  async retry<T>(run: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await run();
      } catch (error) {
        if (this.#isClosed) throw error;
        await this.#pause(retryDelay(failures));
      }
    }
  }

  /**
   * Asks the store to write. If it fails, `read` tells whether that was written all the same, asked until the
   * store answers; if it was not, the failure stands. `late` is told what turns out to be written after that.
   */
  async write<T>(
    operation: string,
    run: StoreCall<T>,
    read: StoreCall<T | undefined>,
    late: (answer: T) => void,
  ): Promise<T> {
    const readBack = () => this.insist("get", read);
    const tellLate = async (answer: T | undefined) => {
      const written = answer ?? (await readBack().catch(() => undefined));
      if (written !== undefined) late(written);
    };
    try {
      return await this.ask(operation, run, tellLate);
    } catch (error) {
      const written = await readBack();
      if (written === undefined) throw error;
      return written;
    }
  }

  /** No more retries; writes that wait for the store are given up. */
  close(): void {
    this.#isClosed = true;
    for (const question of [...this.#open]) {
      this.#end(question);
      question.reject(unwrittenError());
    }
    for (const [timer, giveUp] of this.#retries) {
      timer.clear();
      giveUp(unwrittenError());
    }
    this.#retries.clear();
  }

  #send<T>(run: StoreCall<T>, question: Question<T>): void {
    const failed = (cause: unknown) => this.#failed(question, "failed", cause);
    try {
      run(this.#store).then((answer) => this.#answered(question, answer), failed);
    } catch (cause) {
      failed(cause);
    }
  }

  #limit<T>(question: Question<T>): void {
    if (this.#timeoutMs === Number.POSITIVE_INFINITY) return;
    const expired = () => this.#failed(question, `did not answer within ${this.#timeoutMs} ms`);
    question.timer = new Timer(this.#clock, expired, this.#timeoutMs);
  }

  #answered<T>(question: Question<T>, answer: T): void {
    if (question.isOver) {
      question.late?.(answer);
    } else {
      this.#end(question);
      question.resolve(answer);
    }
  }

  #failed<T>(question: Question<T>, reason: string, cause?: unknown): void {
    if (question.isOver) {
      question.late?.(undefined);
    } else {
      const error = this.#report(question.operation, reason, cause);
      this.#end(question);
      question.reject(error);
    }
  }

  #end(question: AnyQuestion): void {
    question.isOver = true;
    question.timer?.clear();
    this.#open.delete(question);
    if (this.#open.size === 0) this.#idle.check();
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
    const why = cause === undefined ? SILENT : describeError(cause);
    const message = `The store ${reason}: ${operation}. ${why}`;
    const error = new TaskOffloadError("store_failed", message, { cause });
    this.#tellFailed({ operation, error });
    return error;
  }
}

const SILENT = "Its server is down or out of reach, or storeTimeoutMs is too short for it.";
const SOON = Promise.resolve();

type StoreCall<T> = (store: TaskStore) => Promise<T>;

/** What the store was asked, and who waits for the answer. */
class Question<T> implements AnyQuestion {
  readonly operation: string;
  readonly resolve: (answer: T) => void;
  readonly reject: (error: unknown) => void;
  readonly late: ((answer: T | undefined) => void) | undefined;
  timer: Timer | undefined;
  isOver = false;
  older: AnyQuestion | undefined;
  newer: AnyQuestion | undefined;

  constructor(
    operation: string,
    resolve: (answer: T) => void,
    reject: (error: unknown) => void,
    late: ((answer: T | undefined) => void) | undefined,
  ) {
    this.operation = operation;
    this.resolve = resolve;
    this.reject = reject;
    this.late = late;
  }
}

/** A question whose answer is of no interest. */
interface AnyQuestion extends Link<AnyQuestion> {
  readonly reject: (error: unknown) => void;
  timer: Timer | undefined;
  isOver: boolean;
}

function unwrittenError(): TaskOffloadError {
  return new TaskOffloadError("closed", "The manager was closed before the store had answered.");
}
