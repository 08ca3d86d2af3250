import { setTimeout as sleep } from "node:timers/promises";
import type { StoreHint } from "../../core/model/store.ts";
import type { PostgresQueryable } from "./pool.ts";
import { inOrder, toQuery } from "./statement.ts";

/** A hint on its way to other stores. */
export type SentHint = StoreHint & { from: string };

/**
 * Sends hints to those who listen elsewhere, after the write and beside it: a NOTIFY within the write would keep
 * all commits of the server waiting for each other. While some are on their way, the next gather.
 */
export class HintSender {
  readonly #pool: PostgresQueryable;
  readonly #channel: string;
  readonly #from: string;
  #unsent: string[] = [];
  #sending: Promise<void> | undefined;

  constructor(pool: PostgresQueryable, channel: string, from: string) {
    this.#pool = pool;
    this.#channel = channel;
    this.#from = from;
  }

  send(hint: StoreHint): void {
    const sent: SentHint = { ...hint, from: this.#from };
    const payload = JSON.stringify(sent);
    if (payload.length > MAX_CHARS) return;
    this.#unsent.push(payload);
    this.#sending ??= this.#sendAll();
  }

  /** Resolves when all of it is sent, if that does not take long. */
  async close(): Promise<void> {
    const over = new AbortController();
    const late = sleep(CLOSE_MS, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([this.#sending, late]);
    over.abort();
  }

  async #sendAll(): Promise<void> {
    while (this.#unsent.length > 0) {
      const values = inOrder(NOTIFY, { channel: this.#channel, hints: JSON.stringify(this.#unsent) });
      this.#unsent = [];
      // A hint that is lost is found by polling.
      await this.#pool.query(NOTIFY.text, values).catch(() => undefined);
    }
    this.#sending = undefined;
  }
}

const CLOSE_MS = 1_000;
/** PostgreSQL takes less than 8,000 bytes, and a character may have three. */
const MAX_CHARS = 2_600;

/** `hints` are a list as JSON, of texts that are JSON in their turn. */
const NOTIFY = toQuery<"channel" | "hints">(
  "SELECT pg_notify(:channel, hint) FROM json_array_elements_text(:hints) AS hint",
);
