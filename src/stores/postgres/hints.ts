import { nanoid } from "nanoid";
import type { SessionHint, SessionKey } from "../../core/model/session-claim.ts";
import type { StoreHint } from "../../core/model/store.ts";
import { type HintListener, HintListeners } from "../shared/listeners.ts";
import type { Database } from "./database.ts";
import { HintSender } from "./hint-sender.ts";
import { Listening } from "./listening.ts";
import type { PostgresStoreTerms } from "./options.ts";

/** Tells listeners of writes: of this store's own at once, of those of others while somebody watches. */
export class Hints {
  readonly #listeners = new HintListeners();
  readonly #sender: HintSender | undefined;
  readonly #listening: Listening | undefined;
  #isClosed = false;

  constructor(database: Database, { pool, schema: channel, notify }: PostgresStoreTerms) {
    if (!notify) return;
    const self = nanoid();
    this.#sender = new HintSender(pool, channel, self);
    // A pool without connections to spare would have none left for the store.
    if (pool.connect === undefined || pool.options?.max === 1) return;
    const tell = (hint: StoreHint) => this.#listeners.tell(hint);
    const missed = () => this.#listeners.tellMissed();
    this.#listening = new Listening(database, pool, { channel, self, tell, missed });
  }

  /** Whether it would hear of the writes of others. */
  get canWatch(): boolean {
    return this.#listening !== undefined;
  }

  /** `watched`: there are others to tell. */
  tell(hint: StoreHint, watched: boolean): void {
    if (watched) this.#sender?.send(hint);
    this.#listeners.tell(hint);
  }

  tellTurn({ userId, sessionId }: SessionKey, turn: SessionHint["turn"], watched: boolean): void {
    this.tell({ userId, sessionId, turn }, watched);
  }

  /** Returns how to stop listening. */
  watch(listener: HintListener, missed?: () => void): () => void {
    if (this.#isClosed) return () => {};
    const remove = this.#listeners.watch(listener, missed);
    this.#listening?.start();
    return () => {
      if (remove()) setTimeout(() => this.#stopUnlessWatched(), LINGER_MS).unref();
    };
  }

  /** Resolves when everything is sent, and the connection that listened is given back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
    await Promise.all([this.#listening?.stop(), this.#sender?.close()]);
  }

  #stopUnlessWatched(): void {
    if (this.#listeners.size === 0) void this.#listening?.stop();
  }
}

/** Milliseconds it goes on listening after the last has stopped: those who wait come and go. */
const LINGER_MS = 500;
