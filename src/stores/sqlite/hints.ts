import type { SessionHint, SessionKey } from "../../core/model/session-claim.ts";
import { hintOf, type StoreHint } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { type HintListener, HintListeners } from "../shared/listeners.ts";
import type { Connection } from "./connection.ts";
import type { FileTime } from "./file-time.ts";
import { HintTable } from "./hint-table.ts";
import { statement } from "./statement.ts";

/** Tells listeners of writes: of its own soon after each, of those of other connections when it looks. */
export class Hints {
  readonly #connection: Connection;
  readonly #table: HintTable;
  readonly #listeners = new HintListeners();
  #untold: StoreHint[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #dataVersion: number | undefined;
  #hasFailed = false;
  #mayRepeat = false;
  #isClosed = false;

  constructor(connection: Connection, time: FileTime) {
    this.#connection = connection;
    this.#table = new HintTable(connection, time);
  }

  /** Tells of a write of the transaction that is under way, once it is written. */
  tell(record: TaskRecord, firstSeq: number): void {
    this.#untold.push(hintOf(record, firstSeq));
  }

  /** Tells of a turn, in the same way. */
  tellTurn({ userId, sessionId }: SessionKey, turn: SessionHint["turn"]): void {
    this.#untold.push({ userId, sessionId, turn });
  }

  /**
   * Leaves what this transaction has to tell for other connections, as the last part of it. It may fail, and then take the
   * transaction with it: see {@link forget}.
   */
  leave(): void {
    if (this.#hasFailed) return;
    try {
      this.#table.put(this.#untold);
    } catch {
      this.#hasFailed = true;
      this.#mayRepeat = true;
    }
  }

  /** The transaction is written: its listeners are told, soon. */
  committed(): void {
    const hints = this.#untold;
    this.forget();
    this.#hasFailed = false;
    if (hints.length > 0 && this.#listeners.size > 0) Promise.resolve().then(() => this.#pass(hints));
  }

  /** The transaction has come to nothing. True: since nothing could be left, and the next one goes without. */
  forget(): boolean {
    const mayRepeat = this.#mayRepeat;
    this.#untold = [];
    this.#mayRepeat = false;
    return mayRepeat;
  }

  /** Returns how to stop listening. */
  watch(listener: HintListener, missed?: () => void): () => void {
    if (this.#isClosed) return () => undefined;
    if (this.#listeners.size === 0) this.#startPolling();
    const remove = this.#listeners.watch(listener, missed);
    return () => {
      if (remove()) this.#stopPolling();
    };
  }

  close(): void {
    this.#isClosed = true;
    if (this.#listeners.size > 0) this.#stopPolling();
    this.#listeners.clear();
  }

  #startPolling(): void {
    this.#poll();
    this.#timer = setInterval(() => this.#poll(), POLL_MS);
    this.#timer.unref();
  }

  #stopPolling(): void {
    clearInterval(this.#timer);
    tolerantly(() => this.#table.unwatch());
  }

  /** The version tells, for next to nothing, whether another connection has written. */
  #poll(): void {
    tolerantly(() => {
      const hasLapsed = this.#table.watch();
      const row = this.#connection.get(DATA_VERSION, {});
      if (row?.data_version === this.#dataVersion && !hasLapsed) return;
      const { hints, hasMissed } = this.#table.take();
      this.#pass(hints);
      this.#dataVersion = row?.data_version;
      if (hasLapsed || hasMissed) this.#listeners.tellMissed();
    });
  }

  #pass(hints: readonly StoreHint[]): void {
    for (const hint of hints) this.#listeners.tell(hint);
  }
}

/** Milliseconds between two looks at whether others have written, while somebody listens. */
const POLL_MS = 50;

/** A number that is another whenever another connection has written. */
const DATA_VERSION = statement<never, { data_version: number }>("PRAGMA data_version");

/** Hints are no more than hints: while the database is locked there are none, and it looks again. */
function tolerantly(attempt: () => void): void {
  try {
    attempt();
  } catch {
    // The next look is not far.
  }
}
