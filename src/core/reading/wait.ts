import pTimeout from "p-timeout";
import type { Notices } from "../ledger/notices.ts";
import { checkScope } from "../model/call.ts";
import type { TaskHint } from "../model/store.ts";
import { isFinished, type TaskInfo, type TaskScope } from "../model/task.ts";
import { WAIT, type WaitOptions } from "../options/query-options.ts";
import { type Clock, MAX_TIMER_MS, Timer, timersOf } from "../time/clock.ts";
import { readArgument } from "../values/options.ts";
import { abortReasonOf, onAbort, throwIfAborted } from "../values/signals.ts";
import { invalidInput } from "../values/validate.ts";
import type { Queries } from "./queries.ts";

/** Waits for tasks, whichever process runs them. */
export class Waiter {
  readonly #clock: Clock;
  readonly #notices: Notices;
  readonly #queries: Queries;
  readonly #open = new Set<Look>();
  #isClosed = false;

  constructor(clock: Clock, notices: Notices, queries: Queries) {
    this.#clock = clock;
    this.#notices = notices;
    this.#queries = queries;
  }

  async wait(
    scope: TaskScope,
    ids: readonly string[],
    options: WaitOptions = {},
  ): Promise<(TaskInfo | undefined)[]> {
    checkScope(scope);
    const { mode, timeoutMs, signal } = readArgument(WAIT, options);
    if (!Array.isArray(ids)) throw invalidInput("ids", "a list of ids", ids);
    const wrong = ids.findIndex((id) => typeof id !== "string");
    if (wrong !== -1) throw invalidInput(`ids[${wrong}]`, "the id of a task", ids[wrong]);
    throwIfAborted(signal);
    const look = new Look(scope, ids, mode, this.#queries);
    await look.all();
    if (!look.isDone && timeoutMs > 0 && !this.#isClosed) await this.#until(look, timeoutMs, signal);
    return look.answer();
  }

  /** Ends every wait, with things as they stand. */
  close(): void {
    this.#isClosed = true;
    for (const look of this.#open) look.finish();
  }

  async #until(look: Look, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const stopHints = this.#notices.onHint((hint) => look.hinted(hint), look.scope.userId);
    const poll = this.#startPoll(look);
    const stopSignal = signal && onAbort(signal, () => look.fail(abortReasonOf(signal)));
    this.#open.add(look);
    look.again();
    try {
      throwIfAborted(signal);
      await pTimeout(look.done, {
        milliseconds: Number.isFinite(timeoutMs) ? Math.min(timeoutMs, MAX_TIMER_MS) : timeoutMs,
        fallback: () => undefined,
        customTimers: timersOf(this.#clock),
      });
    } finally {
      stopHints();
      poll.stop();
      stopSignal?.();
      this.#open.delete(look);
    }
    // Only ends are hinted at: progress since the last look is news.
    if (!look.isDone) await look.all().catch(() => undefined);
  }

  #startPoll(look: Look): { stop(): void } {
    let timer: Timer | undefined;
    const poll = () => {
      look.again();
      next();
    };
    const next = () => {
      timer = new Timer(this.#clock, poll, POLL_MS);
    };
    next();
    return { stop: () => timer?.clear() };
  }
}

/** Milliseconds between two looks at tasks that other processes may have ended without a hint. */
const POLL_MS = 1_000;

/** What is known of the tasks somebody waits for. */
class Look {
  readonly done: Promise<void>;
  readonly scope: TaskScope;
  readonly #ids: readonly string[];
  readonly #mode: "all" | "any";
  readonly #queries: Queries;
  readonly #known = new Map<string, TaskInfo | undefined>();
  readonly #pending: Set<string>;
  /** Each id once. */
  readonly #count: number;
  finish: () => void = () => undefined;
  fail: (error: unknown) => void = () => undefined;

  constructor(scope: TaskScope, ids: readonly string[], mode: "all" | "any", queries: Queries) {
    this.scope = scope;
    this.#ids = ids;
    this.#mode = mode;
    this.#queries = queries;
    this.#pending = new Set(ids);
    this.#count = this.#pending.size;
    this.done = new Promise((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
    });
    this.done.catch(() => undefined);
  }

  get isDone(): boolean {
    const { size } = this.#pending;
    return size === 0 || (this.#mode === "any" && size < this.#count);
  }

  answer(): (TaskInfo | undefined)[] {
    return this.#ids.map((id) => this.#known.get(id));
  }

  async all(): Promise<void> {
    await Promise.all([...this.#pending].map((id) => this.#look(id)));
  }

  again(): void {
    this.all().catch(this.fail);
  }

  hinted({ id, status }: TaskHint): void {
    if (isFinished(status) && this.#pending.has(id)) this.#look(id).catch(this.fail);
  }

  async #look(id: string): Promise<void> {
    const task = await this.#queries.get(this.scope, id);
    if (!this.#pending.has(id)) return;
    this.#known.set(id, task);
    if (task === undefined || isFinished(task.status)) this.#pending.delete(id);
    if (this.isDone) this.finish();
  }
}
