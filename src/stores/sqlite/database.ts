import type { Connection } from "./connection.ts";
import { callFailure, isBusy } from "./failure.ts";
import { Pauses } from "./pauses.ts";
import { type Around, WriteQueue } from "./write-queue.ts";

/** Where every call goes through. Each sees one moment, and waits while other processes are in its way. */
export class Database {
  readonly #connection: Connection;
  readonly #busyTimeoutMs: number;
  readonly #writes: WriteQueue;
  #isClosed = false;

  constructor(connection: Connection, busyTimeoutMs: number, around: Around) {
    this.#connection = connection;
    this.#busyTimeoutMs = busyTimeoutMs;
    this.#writes = new WriteQueue(connection, busyTimeoutMs, around);
  }

  /** All that `work` does, or nothing. */
  async write<T>(work: () => T): Promise<T> {
    this.#checkOpen();
    return this.#writes.add(work);
  }

  /** For several statements. */
  read<T>(look: () => T): Promise<T> {
    return this.peek(() => this.#connection.transaction("BEGIN", look));
  }

  /** For one statement, which sees one moment by itself. */
  async peek<T>(look: () => T): Promise<T> {
    const deadline = performance.now() + this.#busyTimeoutMs;
    for (const pauses = new Pauses(); ; await sleep(pauses.next())) {
      this.#checkOpen();
      try {
        return look();
      } catch (error) {
        if (!isBusy(error) || performance.now() >= deadline) throw callFailure(error);
      }
    }
  }

  /** Takes no more calls, and finishes those that it has taken. False: it was closed before. */
  async close(): Promise<boolean> {
    if (this.#isClosed) return false;
    this.#isClosed = true;
    await this.#writes.drain();
    return true;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Error("The store is closed.");
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
