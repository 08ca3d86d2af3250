import { setTimeout as sleep } from "node:timers/promises";
import type { TaskHint } from "../../core/model/store.ts";
import type { HintListener, HintListeners } from "../shared/listeners.ts";
import type { Database } from "./database.ts";
import { Ear, type EarTerms } from "./ear.ts";
import type { PostgresClientLike, PostgresPoolLike } from "./pool.ts";

export interface ListenerTerms extends Pick<EarTerms, "channel" | "self"> {
  pool: PostgresPoolLike;
}

/** Hears of the writes of other stores, on a connection that is there only while somebody wants to know. */
export class Listener {
  readonly #database: Database;
  readonly #listeners: HintListeners;
  readonly #terms: ListenerTerms;
  #wanted = 0;
  #isClosed = false;
  #off = new AbortController();
  #period: Promise<void> = Promise.resolve();

  constructor(database: Database, listeners: HintListeners, terms: ListenerTerms) {
    this.#database = database;
    this.#listeners = listeners;
    this.#terms = terms;
    this.#off.abort();
  }

  /** Answers how to stop listening. */
  watch(listener: HintListener): () => void {
    if (this.#isClosed) return () => {};
    const stop = this.#listeners.add(listener);
    this.#wanted += 1;
    if (this.#off.signal.aborted) this.#begin();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      stop();
      this.#wanted -= 1;
      if (this.#wanted === 0) setTimeout(() => this.#endUnlessWanted(), LINGER_MS).unref();
    };
  }

  /** Resolves when the connection is given back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#off.abort();
    await this.#period;
  }

  /** The next period begins when the one before has given its connection back. */
  #begin(): void {
    this.#off = new AbortController();
    const { signal } = this.#off;
    this.#period = this.#period.then(() => this.#listenUntil(signal));
  }

  #endUnlessWanted(): void {
    if (this.#wanted === 0) this.#off.abort();
  }

  async #listenUntil(off: AbortSignal): Promise<void> {
    let failures = 0;
    const connected = () => {
      failures = 0;
    };
    while (!off.aborted) {
      try {
        await this.#listenOnce(off, connected);
      } catch {
        failures += 1;
        const delayMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
        await sleep(delayMs, undefined, { signal: off, ref: false }).catch(() => undefined);
      }
    }
  }

  /** Rejects when the connection is lost. */
  async #listenOnce(off: AbortSignal, connected: () => void): Promise<void> {
    const { pool, channel, self } = this.#terms;
    const tell = (hint: TaskHint) => this.#listeners.tell(hint);
    const terms = { schema: this.#database.schema, channel, self, tell };
    const connecting = this.#database.migrate().then(() => connect(pool, (client) => new Ear(client, terms)));
    const ear = await untilOver(connecting, off);
    if (ear === undefined) {
      connecting.then(
        (late) => late.giveBack(),
        () => undefined,
      );
      return;
    }
    await ear.listen(off, connected);
  }
}

/** Milliseconds it goes on listening after the last has stopped: those who wait come and go. */
const LINGER_MS = 500;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 10_000;

/**
 * Takes a connection of the pool. The pool of pg hands it to a callback in the moment in which it ceases to mind
 * its errors, and to a promise too late: an error in between would end the process.
 */
function connect<T>(pool: PostgresPoolLike, take: (client: PostgresClientLike) => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const answer = pool.connect?.((error, client) => {
      if (client) resolve(take(client));
      else reject(error);
    });
    answer?.then(take).then(resolve, reject);
  });
}

/** What a promise comes to, unless a signal comes first. */
function untilOver<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const over = () => resolve(undefined);
    signal.addEventListener("abort", over, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", over));
  });
}
