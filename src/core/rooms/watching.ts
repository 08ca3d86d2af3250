import { type Clock, Timer } from "../clock.ts";
import type { TaskEvent } from "../events.ts";
import type { TaskHint } from "../store.ts";
import { isFinished, type TaskInfo, type TaskScope } from "../task.ts";
import type { Hub } from "./hub.ts";
import { checkScope, type Queries } from "./queries.ts";

/** Milliseconds between two looks at a watched task that another process may have changed without a hint. */
const POLL_MS = 1_000;
const PAGE = 100;
/** How far back the first look at a task goes that existed before the watch began. */
const LOOK_BACK = 20;

/** Watches one task from `after` to its end, or, without an `id`, whatever happens from now on. */
export type WatchOptions =
  | { signal?: AbortSignal; id?: undefined; after?: undefined }
  | { id: string; after?: number; signal?: AbortSignal };

export interface Watched {
  event: TaskEvent;
  task: TaskInfo;
}

/** Following tasks as they go. Hints say where to look; what is told is always read from the store. */
export class Watching {
  readonly #clock: Clock;
  readonly #hub: Hub;
  readonly #queries: Queries;
  readonly #open = new Set<Watch>();

  constructor(clock: Clock, hub: Hub, queries: Queries) {
    this.#clock = clock;
    this.#hub = hub;
    this.#queries = queries;
  }

  watch(scope: TaskScope, options: WatchOptions = {}): AsyncIterable<Watched> {
    checkScope(scope);
    const watch = new Watch(scope, options, this.#clock, this.#hub, this.#queries);
    this.#open.add(watch);
    return this.#told(watch);
  }

  /** Ends every watch. */
  close(): void {
    for (const watch of this.#open) watch.stop();
  }

  async *#told(watch: Watch): AsyncGenerator<Watched, void> {
    try {
      yield* watch.read();
    } finally {
      watch.stop();
      this.#open.delete(watch);
    }
  }
}

/** One watch: the tasks that have news, and how far each was told. */
class Watch {
  readonly #scope: TaskScope;
  readonly #id: string | undefined;
  readonly #clock: Clock;
  readonly #queries: Queries;
  readonly #since: number;
  readonly #told = new Map<string, number>();
  readonly #news = new Map<string, number>();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.stop();
  readonly #stopHints: () => void;
  #wake: () => void = () => undefined;
  #isOver = false;

  constructor(scope: TaskScope, options: WatchOptions, clock: Clock, hub: Hub, queries: Queries) {
    this.#scope = scope;
    this.#id = options.id;
    this.#clock = clock;
    this.#queries = queries;
    this.#since = clock.now();
    if (options.id !== undefined) {
      this.#told.set(options.id, options.after ?? 0);
      this.#news.set(options.id, 0);
    }
    this.#stopHints = hub.onHint((hint) => this.#hinted(hint));
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#onAbort);
    if (this.#signal?.aborted) this.stop();
  }

  stop(): void {
    this.#isOver = true;
    this.#stopHints();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#wake();
  }

  async *read(): AsyncGenerator<Watched, void> {
    while (!this.#isOver) {
      const [news] = this.#news;
      if (news === undefined) await this.#sleep();
      else yield* this.#readTask(...news);
    }
  }

  async *#readTask(id: string, lastSeq: number): AsyncGenerator<Watched, void> {
    this.#news.delete(id);
    const isNew = !this.#told.has(id);
    let after = this.#told.get(id) ?? Math.max(0, lastSeq - LOOK_BACK);
    for (;;) {
      const page = await this.#queries.events(this.#scope, id, { after, limit: PAGE });
      const task = await this.#queries.get(this.#scope, id);
      if (task === undefined) return this.#gone(id);
      after = page.nextAfter;
      this.#told.set(id, after);
      for (const event of page.events) {
        if (this.#isOver) return;
        if (!isNew || event.at >= this.#since) yield { event, task };
      }
      if (page.events.length < PAGE) return this.#readToEnd(id, task, after);
    }
  }

  /** A task that has ended and was told whole is of no more interest to who watches only it. */
  #readToEnd(id: string, task: TaskInfo, after: number): void {
    if (id === this.#id && isFinished(task.status) && after >= task.lastSeq) this.#isOver = true;
  }

  #gone(id: string): void {
    this.#told.delete(id);
    if (id === this.#id) this.#isOver = true;
  }

  #hinted({ id, userId, sessionId, lastSeq }: TaskHint): void {
    const scope = this.#scope;
    if (userId !== scope.userId || (this.#id !== undefined && id !== this.#id)) return;
    if (scope.sessionId !== undefined && sessionId !== scope.sessionId) return;
    this.#news.set(id, lastSeq);
    this.#wake();
  }

  /** Until there is news, or, for a single task, until it is time to look without any. */
  async #sleep(): Promise<void> {
    let poll: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#id !== undefined) poll = new Timer(this.#clock, resolve, POLL_MS).unref();
    });
    poll?.clear();
    if (this.#id !== undefined) this.#news.set(this.#id, 0);
  }
}
