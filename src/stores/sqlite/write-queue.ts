import { systemClock } from "../../core/time/clock.ts";
import type { Connection } from "./connection.ts";
import { callFailure, isBusy } from "./failure.ts";
import { Pauses } from "./pauses.ts";

/** What goes with each transaction. */
export interface Around {
  begun(): void;
  beforeCommit(): void;
  committed(): void;
  /** True: what went with it may have been the reason, and does not go with the next one. */
  rolledBack(): boolean;
}

/**
 * Calls that write. Those of one turn of the event loop share a transaction, and with it the price of one. If
 * that fails it comes to nothing, and each of them gets one of its own: no call suffers for another.
 */
export class WriteQueue {
  readonly #connection: Connection;
  readonly #busyTimeoutMs: number;
  readonly #around: Around;
  readonly #pauses = new Pauses();
  #waiting: Call[] = [];
  #drained: (() => void)[] = [];

  constructor(connection: Connection, busyTimeoutMs: number, around: Around) {
    this.#connection = connection;
    this.#busyTimeoutMs = busyTimeoutMs;
    this.#around = around;
  }

  add<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + this.#busyTimeoutMs;
      // At the end of the turn: when all that is settled in it has been heard, and has called in its turn.
      if (this.#waiting.length === 0) READY.then(() => nextTick(() => this.#flush()));
      this.#waiting.push({ work, resolve: resolve as Call["resolve"], reject, deadline, isAlone: false });
    });
  }

  /** Resolves when every call has been answered. */
  async drain(): Promise<void> {
    if (this.#waiting.length > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  #flush(): void {
    const calls = this.#next();
    let isBlocked = false;
    try {
      this.#transact(calls);
      this.#pauses.reset();
    } catch (error) {
      const mayRepeat = this.#around.rolledBack();
      isBlocked = isBusy(error);
      if (isBlocked) this.#rejectLate(error);
      else if (!mayRepeat) this.#failed(calls, error);
    }
    this.#goOn(isBlocked);
  }

  #goOn(isBlocked: boolean): void {
    if (this.#waiting.length === 0) for (const drained of this.#drained.splice(0)) drained();
    else if (isBlocked) setTimeout(() => this.#flush(), this.#pauses.next());
    else systemClock.nextPass(() => this.#flush());
  }

  #next(): Call[] {
    const end = this.#waiting.findIndex(({ isAlone }) => isAlone);
    const together = end === -1 ? MOST_TOGETHER : Math.min(end, MOST_TOGETHER);
    return this.#waiting.slice(0, Math.max(1, together));
  }

  #transact(calls: readonly Call[]): void {
    // It is locked from the start: one that began by reading might find that others have written since.
    const answers = this.#connection.transaction("BEGIN IMMEDIATE", () => {
      this.#around.begun();
      const answers = calls.map(({ work }) => work());
      this.#around.beforeCommit();
      return answers;
    });
    this.#waiting.splice(0, calls.length);
    this.#around.committed();
    for (const [index, { resolve }] of calls.entries()) resolve(answers[index]);
  }

  #failed(calls: readonly Call[], error: unknown): void {
    if (calls.length === 1) this.#waiting.shift()?.reject(callFailure(error));
    else for (const call of calls) call.isAlone = true;
  }

  #rejectLate(error: unknown): void {
    const now = performance.now();
    for (const { deadline, reject } of this.#waiting) if (deadline <= now) reject(callFailure(error));
    this.#waiting = this.#waiting.filter(({ deadline }) => deadline > now);
  }
}

const READY = Promise.resolve();
/** As it was when this was loaded: fake timers hold time, and not what is ready by now. */
const { nextTick } = process;

/** Calls that share a transaction: more would keep the event loop, and other processes, for too long. */
const MOST_TOGETHER = 128;

interface Call {
  work(): unknown;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
  deadline: number;
  /** It was in a transaction that came to nothing. */
  isAlone: boolean;
}
