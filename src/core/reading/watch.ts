import type { TaskOffloadError } from "../errors.ts";
import type { Notices } from "../ledger/notices.ts";
import type { TaskUpdate } from "../model/manager-events.ts";
import { isDamaged, type TaskHint } from "../model/store.ts";
import type { TaskScope } from "../model/task.ts";
import type { WATCH } from "../options/query-options.ts";
import { type Clock, Timer } from "../time/clock.ts";
import { retryDelay } from "../time/retry-delay.ts";
import type { Settings } from "../values/options.ts";
import { onAbort } from "../values/signals.ts";
import { Places } from "./places.ts";
import type { Queries } from "./queries.ts";
import { TaskLog } from "./task-log.ts";

/** One watch. Hints say where to look; what is told is always read from the store. */
export class Watch {
  readonly #scope: TaskScope;
  readonly #id: string | undefined;
  readonly #clock: Clock;
  readonly #places: Places;
  readonly #log: TaskLog;
  readonly #stopSignal: (() => void) | undefined;
  readonly #stopHints: () => void;
  #wake: () => void = () => undefined;
  #isFinishing = false;
  #isOver = false;

  constructor(
    scope: TaskScope,
    { id, after, from, signal }: Settings<typeof WATCH>,
    { clock, notices, queries }: WatchParts,
  ) {
    this.#scope = scope;
    this.#id = id;
    this.#clock = clock;
    this.#places = new Places(new Map(id === undefined ? Object.entries(from ?? {}) : [[id, after]]));
    this.#log = new TaskLog(scope, queries, this.#places);
    this.#stopHints = notices.onHint((hint) => this.#hinted(hint), scope.userId);
    this.#stopSignal = signal && onAbort(signal, () => this.stop());
    if (signal?.aborted) this.stop();
  }

  stop(): void {
    this.#isOver = true;
    this.#stopHints();
    this.#stopSignal?.();
    this.#wake();
  }

  /** Tells what there still is to tell, and ends. */
  finish(): void {
    this.#isFinishing = true;
    this.#lookAgain();
    this.#wake();
  }

  async *read(): AsyncGenerator<TaskUpdate, void> {
    for (let failures = 0; !this.#isOver; ) {
      const id = this.#places.next;
      try {
        if (id !== undefined) yield* this.#readTask(id);
        else if (this.#isFinishing) return;
        else await this.#sleep(this.#id === undefined ? undefined : POLL_MS);
        failures = 0;
      } catch (error) {
        if (this.#isOver) return;
        if (id === undefined || this.#isFinishing || !mayPass(error as TaskOffloadError)) throw error;
        failures += 1;
        // After all others, which may fare better.
        this.#places.noteNews(id, 0);
        await this.#sleep(retryDelay(failures));
      }
    }
  }

  async *#readTask(id: string): AsyncGenerator<TaskUpdate, void> {
    const isOver = yield* this.#log.read(id, () => this.#isOver);
    if (isOver && id === this.#id) this.#isOver = true;
  }

  #hinted({ id, sessionId, firstSeq }: TaskHint): void {
    const { sessionId: wanted } = this.#scope;
    if (this.#id !== undefined && id !== this.#id) return;
    if (wanted !== undefined && sessionId !== wanted) return;
    this.#places.noteNews(id, firstSeq - 1);
    this.#wake();
  }

  #lookAgain(): void {
    if (this.#id !== undefined) this.#places.noteNews(this.#id, 0);
  }

  /** Until there is news, or until it is time to look without any. */
  async #sleep(ms: number | undefined): Promise<void> {
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (ms !== undefined) timer = new Timer(this.#clock, resolve, ms).unref();
    });
    timer?.clear();
    this.#lookAgain();
  }
}

/** What a watch works with. */
export interface WatchParts {
  readonly clock: Clock;
  readonly notices: Notices;
  readonly queries: Queries;
}

/** Milliseconds between two looks at a watched task that another process may have changed without a hint. */
const POLL_MS = 1_000;

/** Whether a store has failed that may answer the next time. */
function mayPass({ code, cause }: TaskOffloadError): boolean {
  return code === "store_failed" && !isDamaged(cause);
}
