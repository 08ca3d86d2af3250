import type { TaskOffloadError } from "../errors.ts";
import type { Notices } from "../ledger/notices.ts";
import { checkScope } from "../model/call.ts";
import type { TaskUpdate } from "../model/manager-events.ts";
import { type EventPage, isDamaged, type TaskHint } from "../model/store.ts";
import { isFinished, type TaskInfo, type TaskScope } from "../model/task.ts";
import { WATCH, type WatchOptions } from "../options/query-options.ts";
import { type Clock, Timer } from "../time/clock.ts";
import { retryDelay } from "../time/retry-delay.ts";
import { readArgument, type Settings } from "../values/options.ts";
import { onAbort } from "../values/signals.ts";
import type { Queries } from "./queries.ts";

/** Follows tasks as they go. Hints say where to look; what is told is always read from the store. */
export class Watcher {
  readonly #clock: Clock;
  readonly #notices: Notices;
  readonly #queries: Queries;
  readonly #open = new Set<Watch>();
  #isClosed = false;

  constructor(clock: Clock, notices: Notices, queries: Queries) {
    this.#clock = clock;
    this.#notices = notices;
    this.#queries = queries;
  }

  watch(scope: TaskScope, options: WatchOptions = {}): AsyncIterable<TaskUpdate> {
    checkScope(scope);
    const settings = readArgument(WATCH, options);
    let iterator: AsyncIterator<TaskUpdate, void> | undefined;
    const read = () => {
      iterator ??= this.#read(new Watch(scope, settings, this.#clock, this.#notices, this.#queries));
      return iterator;
    };
    return { [Symbol.asyncIterator]: read };
  }

  #read(watch: Watch): AsyncIterator<TaskUpdate, void> {
    watch.onStop = () => this.#open.delete(watch);
    if (!watch.isOver) this.#open.add(watch);
    if (this.#isClosed) watch.finish();
    return endable(watch.read(), () => watch.stop());
  }

  /** Ends every watch, once it has told what there is. */
  close(): void {
    this.#isClosed = true;
    for (const watch of this.#open) watch.finish();
  }
}

/** Milliseconds between two looks at a watched task that another process may have changed without a hint. */
const POLL_MS = 1_000;
const PAGE = 100;
/** Tasks with news, or whose place in the telling is kept, so that a hint that comes twice is told once. */
const MOST_TOLD = 10_000;

/** Unlike a generator's own, its `return` also ends a `next` that waits. */
function endable<T>(told: AsyncGenerator<T, void>, end: () => void): AsyncIterator<T, void> {
  return {
    async next() {
      const step = await told.next().catch((error: unknown) => {
        end();
        throw error;
      });
      if (step.done) end();
      return step;
    },
    async return() {
      end();
      return told.return();
    },
  };
}

/** One watch: the tasks that have news, and how far each was told. */
class Watch {
  readonly #scope: TaskScope;
  readonly #id: string | undefined;
  readonly #clock: Clock;
  readonly #queries: Queries;
  readonly #told = new Map<string, number>();
  readonly #news = new Set<string>();
  readonly #stopSignal: (() => void) | undefined;
  readonly #stopHints: () => void;
  #wake: () => void = () => undefined;
  #isFinishing = false;
  #hasSkipped = false;
  #isOver = false;
  /** Its reader may be gone for good, and never say so. */
  onStop: () => void = () => undefined;

  constructor(
    scope: TaskScope,
    { id, after, signal }: Settings<typeof WATCH>,
    clock: Clock,
    notices: Notices,
    queries: Queries,
  ) {
    this.#scope = scope;
    this.#id = id;
    this.#clock = clock;
    this.#queries = queries;
    if (id !== undefined) this.#noteNews(id, after + 1);
    this.#stopHints = notices.onHint((hint) => this.#hinted(hint), scope.userId);
    this.#stopSignal = signal && onAbort(signal, () => this.stop());
    if (signal?.aborted) this.stop();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  stop(): void {
    this.#isOver = true;
    this.onStop();
    this.#stopHints();
    this.#stopSignal?.();
    this.#wake();
  }

  /** Tells what there still is to tell, and ends. */
  finish(): void {
    this.#isFinishing = true;
    if (this.#id !== undefined) this.#news.add(this.#id);
    this.#wake();
  }

  async *read(): AsyncGenerator<TaskUpdate, void> {
    for (let failures = 0; !this.#isOver; ) {
      const [id] = this.#news;
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
        this.#news.add(id);
        await this.#sleep(retryDelay(failures));
      }
    }
  }

  async *#readTask(id: string): AsyncGenerator<TaskUpdate, void> {
    this.#news.delete(id);
    for (let isMore = true; isMore; ) {
      const after = this.#told.get(id) ?? 0;
      const look = await this.#look(id, after);
      if (look === undefined) return this.#missing(id);
      const { page, task } = look;
      // Anybody may have written the hint: where it leads beyond the end, the next says where to begin.
      if (page.nextAfter > task.lastSeq && id !== this.#id) this.#told.delete(id);
      else this.#told.set(id, page.nextAfter);
      for (const [index, event] of page.events.entries()) {
        if (this.#isOver) return;
        const truncated = (page.truncated && index === 0) || this.#hasSkipped;
        this.#hasSkipped = false;
        yield { scope: scopeOfTask(this.#scope, task), task, event, truncated };
      }
      isMore = page.events.length === PAGE;
      if (!isMore && isFinished(task.status) && page.nextAfter >= task.lastSeq) this.#ended(id);
    }
  }

  /** A damaged task, which anybody may hint at, does not end the watch of all others. */
  async #look(id: string, after: number): Promise<{ page: EventPage; task: TaskInfo } | undefined> {
    try {
      const page = await this.#queries.events(this.#scope, id, { after, limit: PAGE });
      const task = await this.#queries.get(this.#scope, id);
      return task && { page, task };
    } catch (error) {
      if (id === this.#id || !isDamaged((error as Error).cause)) throw error;
      return undefined;
    }
  }

  #missing(id: string): void {
    if (id !== this.#id) this.#told.delete(id);
    this.#ended(id);
  }

  /** Nothing more is expected of it, which is the end for who watches only this one. */
  #ended(id: string): void {
    if (id === this.#id) this.#isOver = true;
  }

  #hinted({ id, sessionId, firstSeq }: TaskHint): void {
    const { sessionId: wanted } = this.#scope;
    if (this.#id !== undefined && id !== this.#id) return;
    if (wanted !== undefined && sessionId !== wanted) return;
    this.#noteNews(id, firstSeq);
    this.#wake();
  }

  /** A task heard of for the first time is told from this event on. */
  #noteNews(id: string, firstSeq: number): void {
    if (!this.#told.has(id)) this.#told.set(id, firstSeq - 1);
    this.#news.add(id);
    if (this.#told.size > MOST_TOLD) this.#forgetOldest();
  }

  /** Of a watch that is not read, the news go too, and the next one that is told says so. */
  #forgetOldest(): void {
    const [oldest = ""] = this.#told.keys();
    this.#told.delete(oldest);
    this.#hasSkipped = this.#news.delete(oldest) || this.#hasSkipped;
  }

  /** Until there is news, or until it is time to look without any. */
  async #sleep(ms: number | undefined): Promise<void> {
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (ms !== undefined) timer = new Timer(this.#clock, resolve, ms).unref();
    });
    timer?.clear();
    if (this.#id !== undefined) this.#news.add(this.#id);
  }
}

/** Whether a store has failed that may answer the next time. */
function mayPass({ code, cause }: TaskOffloadError): boolean {
  return code === "store_failed" && !isDamaged(cause);
}

function scopeOfTask({ userId }: TaskScope, { sessionId, agentId }: TaskInfo): TaskScope {
  return { userId, ...(sessionId !== null && { sessionId }), ...(agentId !== null && { agentId }) };
}
