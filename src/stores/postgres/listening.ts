import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "./database.ts";
import { ListeningConnection, type ListeningTerms } from "./listening-connection.ts";
import type { PostgresClientLike, PostgresPoolLike } from "./pool.ts";

/** Hears of the writes of other stores from start to stop. A connection that is lost is replaced. */
export class Listening {
  readonly #database: Database;
  readonly #pool: PostgresPoolLike;
  readonly #terms: Omit<ListeningTerms, "watchLock">;
  #off = new AbortController();
  #period: Promise<void> = Promise.resolve();

  constructor(database: Database, pool: PostgresPoolLike, terms: Omit<ListeningTerms, "watchLock">) {
    this.#database = database;
    this.#pool = pool;
    this.#terms = terms;
    this.#off.abort();
  }

  /** The next period begins when the one before has given its connection back. */
  start(): void {
    if (!this.#off.signal.aborted) return;
    this.#off = new AbortController();
    const { signal } = this.#off;
    this.#period = this.#period.then(() => this.#listenUntil(signal));
  }

  /** Resolves when the connection is given back. */
  stop(): Promise<void> {
    this.#off.abort();
    return this.#period;
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
    const connecting = this.#connect();
    const connection = await untilOver(connecting, off);
    if (connection !== undefined) return connection.listen(off, connected);
    connecting.then(
      (late) => late.giveBack(),
      () => undefined,
    );
  }

  async #connect(): Promise<ListeningConnection> {
    await this.#database.migrate();
    const terms = { ...this.#terms, watchLock: this.#database.names.watchLock };
    return connect(this.#pool, (client) => new ListeningConnection(client, terms));
  }
}

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
