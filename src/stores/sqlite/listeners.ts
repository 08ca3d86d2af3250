import type { TaskHint } from "../../core/model/store.ts";
import { type HintListener, HintListeners } from "../shared/listeners.ts";
import type { Connection } from "./connection.ts";
import type { HintLog } from "./hint-log.ts";

/** Tells listeners of writes: of its own soon after each, of those of others when it looks. */
export class Listeners {
  readonly #connection: Connection;
  readonly #log: HintLog;
  readonly #listeners = new HintListeners();
  #timer: ReturnType<typeof setInterval> | undefined;
  #dataVersion: number | undefined;
  #isClosed = false;

  constructor(connection: Connection, log: HintLog) {
    this.#connection = connection;
    this.#log = log;
  }

  /** Returns how to stop listening. */
  add(listener: HintListener): () => void {
    if (this.#isClosed) return () => undefined;
    if (this.#listeners.size === 0) this.#startPolling();
    const remove = this.#listeners.add(listener);
    return () => {
      if (remove()) this.#stopPolling();
    };
  }

  /** Takes what this connection has written, to tell it soon. */
  written(): void {
    const hints = this.#log.takeOwn();
    if (hints.length > 0 && this.#listeners.size > 0) queueMicrotask(() => this.#tell(hints));
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
    tolerantly(() => this.#log.unwatch());
  }

  /** The version tells, for next to nothing, whether another connection has written. */
  #poll(): void {
    tolerantly(() => {
      this.#log.watch();
      const row = this.#connection.get<{ data_version: number }>(DATA_VERSION);
      if (row?.data_version === this.#dataVersion) return;
      this.#tell(this.#log.takeForeign());
      this.#dataVersion = row?.data_version;
    });
  }

  #tell(hints: readonly TaskHint[]): void {
    for (const hint of hints) this.#listeners.tell(hint);
  }
}

/** Milliseconds between two looks at whether others have written, while somebody listens. */
const POLL_MS = 50;

const DATA_VERSION = "PRAGMA data_version";

/** Hints are no more than hints: while the database is locked there are none, and it looks again. */
function tolerantly(attempt: () => void): void {
  try {
    attempt();
  } catch {
    // The next look is not far.
  }
}
