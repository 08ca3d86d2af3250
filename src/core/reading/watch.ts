import type { TaskOffloadError } from "../errors.ts";
import type { Notices } from "../ledger/notices.ts";
import type { ChangedTask } from "../model/changes.ts";
import type { TaskUpdate } from "../model/manager-events.ts";
import type { TaskHint } from "../model/store.ts";
import type { TaskScope } from "../model/task.ts";
import type { WATCH } from "../options/query-options.ts";
import { type Clock, Timer } from "../time/clock.ts";
import { retryDelay } from "../time/retry-delay.ts";
import type { Settings } from "../values/options.ts";
import { onAbort } from "../values/signals.ts";
import { mayPass } from "./may-pass.ts";
import { Places } from "./places.ts";
import type { Poller } from "./poller.ts";
import type { Queries } from "./queries.ts";
import { TaskLog } from "./task-log.ts";
import type { UserListener, UserTasks } from "./user-tasks.ts";

/** One watch. Hints and looks say where there is news; what is told is always read from the store. */
export class Watch implements UserListener {
  readonly #scope: TaskScope;
  readonly #id: string | undefined;
  readonly #clock: Clock;
  readonly #poller: Poller;
  readonly #places: Places;
  readonly #log: TaskLog;
  readonly #stopSignal: (() => void) | undefined;
  readonly #stopHints: () => void;
  readonly #user: UserTasks | undefined;
  readonly #stopLooks: () => void;
  #wake: () => void = () => undefined;
  /** A task that is read again after a while, and not before. */
  #failing: string | undefined;
  #isFinishing = false;
  #isOver = false;
  /** Its reader may be gone for good, and never say so. */
  onStop: () => void = () => undefined;

  constructor(
    scope: TaskScope,
    { id, after = 0, from, signal }: Settings<typeof WATCH>,
    { clock, notices, queries, poller }: WatchParts,
  ) {
    this.#scope = scope;
    this.#id = id;
    this.#clock = clock;
    this.#poller = poller;
    this.#places = new Places(new Map(id === undefined ? Object.entries(from ?? {}) : [[id, after]]));
    this.#log = new TaskLog(scope, queries, this.#places);
    this.#stopHints = notices.onHint((hint) => this.#hinted(hint), scope.userId);
    this.#user = id === undefined ? poller.joinUser(scope.userId, this) : undefined;
    this.#stopLooks = this.#startLooks();
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
    this.#stopLooks();
    this.#stopSignal?.();
    this.#wake();
  }

  /** Tells what there still is to tell, and ends. */
  finish(): void {
    this.#isFinishing = true;
    if (this.#id !== undefined) this.#noteNews(this.#id, 0);
    this.#wake();
  }

  moved({ id, sessionId, lastSeq }: ChangedTask, before: ChangedTask | undefined): void {
    if (!this.#isWanted(sessionId)) return;
    this.#places.moved(id, lastSeq, before?.lastSeq ?? 0);
    this.#wakeFor(id);
  }

  async *read(): AsyncGenerator<TaskUpdate, void> {
    for (let failures = 0; !this.#isOver; ) {
      const id = this.#places.next;
      try {
        if (id !== undefined) yield* this.#readTask(id);
        else if (this.#isFinishing) return;
        else await this.#sleep();
        failures = 0;
      } catch (error) {
        if (this.#isOver) return;
        if (id === undefined || this.#isFinishing || !mayPass(error as TaskOffloadError)) throw error;
        failures += 1;
        // After all others, which may fare better.
        this.#places.noteNews(id, 0);
        this.#failing = id;
        await this.#sleep(Math.min(LAST_RETRY_MS, retryDelay(failures)));
        this.#failing = undefined;
      }
    }
  }

  async *#readTask(id: string): AsyncGenerator<TaskUpdate, void> {
    const isOver = yield* this.#log.read(id, () => this.#isOver);
    if (isOver && id === this.#id) this.#isOver = true;
  }

  #startLooks(): () => void {
    const [id, user, { userId }] = [this.#id, this.#user, this.#scope];
    if (user !== undefined) return () => this.#poller.leaveUser(user, this);
    if (id === undefined) return () => undefined;
    const place = () => ({ id, version: this.#log.version, lastSeq: this.#places.toldOf(id) });
    return this.#poller.watchTask({ userId, id, place, moved: () => this.#noteNews(id, 0) });
  }

  #hinted(hint: TaskHint): void {
    const { id, sessionId, firstSeq } = hint;
    if (this.#id !== undefined ? id !== this.#id : !this.#isWanted(sessionId)) return;
    if (this.#user?.mayBeOld(this, hint) && !this.#places.has(id)) this.#poller.lookAgain(this.#user);
    else this.#noteNews(id, this.#user?.seqAtStart(this, id) ?? firstSeq - 1);
  }

  #isWanted(sessionId: string | null): boolean {
    return this.#scope.sessionId === undefined || sessionId === this.#scope.sessionId;
  }

  #noteNews(id: string, after: number): void {
    this.#places.noteNews(id, after);
    this.#wakeFor(id);
  }

  /** Each look finds anew what cannot be read: a busy store would be asked by every watch, every second. */
  #wakeFor(id: string): void {
    if (id !== this.#failing) this.#wake();
  }

  /** Until there is news, or for so long. */
  async #sleep(ms?: number): Promise<void> {
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (ms !== undefined) timer = new Timer(this.#clock, resolve, ms).unref();
    });
    timer?.clear();
  }
}

/** Milliseconds between two tries at most: so late a watch goes on when the store does. */
const LAST_RETRY_MS = 5_000;

/** What a watch works with. */
export interface WatchParts {
  readonly clock: Clock;
  readonly notices: Notices;
  readonly queries: Queries;
  readonly poller: Poller;
}
