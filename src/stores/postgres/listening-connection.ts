import { setTimeout as sleep } from "node:timers/promises";
import type { StoreHint } from "../../core/model/store.ts";
import { parseHint } from "../shared/check-hint.ts";
import type { NotificationListener, PostgresClientLike } from "./pool.ts";

export interface ListeningTerms {
  channel: string;
  /** The key of the lock that those who listen share. */
  watchLock: string;
  /** Who has sent a hint; this store's own are told already. */
  self: string;
  tell: (hint: StoreHint) => void;
  /** It listens from now on, and has not before. */
  missed: () => void;
}

/** One connection that listens. While it does it has a lock, by which writers know that somebody does. */
export class ListeningConnection {
  readonly #client: PostgresClientLike;
  readonly #terms: ListeningTerms;
  readonly #lost = new AbortController();
  readonly #lose = () => this.#lost.abort();

  constructor(client: PostgresClientLike, terms: ListeningTerms) {
    this.#client = client;
    this.#terms = terms;
    client.on("error", this.#lose);
    client.on("end", this.#lose);
  }

  /** Resolves when it is told to stop, and rejects when the connection is lost; either way it is given back. */
  async listen(off: AbortSignal, listening: () => void): Promise<void> {
    const client = this.#client;
    const hear: NotificationListener = ({ payload = "" }) => this.#hear(payload);
    client.on("notification", hear);
    try {
      await this.#stay(off, listening);
    } catch (error) {
      this.#lose();
      throw error;
    } finally {
      client.removeListener("notification", hear);
      this.giveBack();
    }
  }

  giveBack(): void {
    const client = this.#client;
    client.release(this.#lost.signal.aborted);
    // Only now does the pool mind its errors.
    client.removeListener("error", this.#lose);
    client.removeListener("end", this.#lose);
  }

  async #stay(off: AbortSignal, listening: () => void): Promise<void> {
    const { channel, watchLock } = this.#terms;
    const until = AbortSignal.any([off, this.#lost.signal]);
    await this.#ask(`LISTEN "${channel}"`);
    await this.#ask(`SELECT pg_advisory_lock_shared(${watchLock})`);
    listening();
    this.#terms.missed();
    while (await passes(CHECK_MS, until)) await this.#ask("SELECT 1");
    await this.#ask(`SELECT pg_advisory_unlock_shared(${watchLock})`);
    await this.#ask(`UNLISTEN "${channel}"`);
  }

  /** A connection that says nothing is as good as lost. */
  async #ask(text: string): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#lost.signal]);
    const silence = sleep(ANSWER_MS, undefined, { signal, ref: false }).then(() => {
      throw new Error("PostgreSQL does not answer.");
    });
    try {
      await Promise.race([this.#client.query(text), silence]);
    } finally {
      over.abort();
    }
  }

  /** Others may use the channel too. */
  #hear(payload: string): void {
    const hint = parseHint(payload);
    if (hint === undefined || JSON.parse(payload).from === this.#terms.self) return;
    this.#terms.tell(hint);
  }
}

/** Milliseconds between two looks at whether the connection still answers. */
const CHECK_MS = 10_000;
const ANSWER_MS = 5_000;

/** Resolves when so much time has passed; false: the signal came before that. */
async function passes(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
  return !signal.aborted;
}
