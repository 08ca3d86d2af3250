import { TaskOffloadError } from "../errors.ts";
import type { ToolCall, ToolContext, ToolExecuteFunction } from "../model/call.ts";
import type { TaskScope } from "../model/task.ts";
import type { ToolSettings } from "../options/task-options.ts";
import { here, type InContext } from "../time/async-context.ts";
import { type SteadyClock, Timer } from "../time/clock.ts";
import { closeQuietly, isStream } from "../values/iterables.ts";
import { canonicalInput } from "./canonical-input.ts";
import { createContext, setTaskId } from "./context.ts";
import type { Outcome } from "./outcome.ts";
import { Reports } from "./reports.ts";
import type { RestartState } from "./restart-state.ts";

/**
 * One tool as it runs in this process: its own signal, what it reports, its deadline, and how it ends. Who waits for
 * it, and what they were told, is its keeper's business.
 */
export class Execution {
  readonly call: ToolCall;
  readonly settings: ToolSettings;
  readonly context: ToolContext;
  readonly restartState: RestartState | undefined;
  /** In the async context of who made the call, once that is kept. */
  inContext: InContext | undefined;
  readonly #clock: SteadyClock;
  readonly #keeper: ExecutionKeeper;
  readonly #since: number;
  #startedAt: number | undefined;
  #outcome: Outcome | undefined;
  #isExpired = false;
  #deadline: Timer | undefined;
  #controller: AbortController | undefined;
  #abort: { reason: unknown; since: number } | undefined;
  #onAbort: ((reason: unknown) => void) | undefined;
  #reports: Reports | undefined;
  #canonical: string | undefined;
  #isObserved = false;

  /** `since`: when it began, by the monotonic clock; `startedAt`: what is on record of that, if it is. */
  constructor(
    call: ToolCall,
    settings: ToolSettings,
    clock: SteadyClock,
    keeper: ExecutionKeeper,
    since: number,
    restartState: RestartState | undefined,
    startedAt: number | undefined,
  ) {
    this.call = call;
    this.settings = settings;
    this.#clock = clock;
    this.#keeper = keeper;
    this.#since = since;
    this.#startedAt = startedAt;
    this.context = createContext(this, contextScope(call.scope));
    this.restartState = restartState;
    restartState?.extend(this.context);
    if (settings.deadlineMs !== Number.POSITIVE_INFINITY) this.#startDeadline();
    if (settings.onDuplicate !== "allow") this.#canonical = canonicalInput(call.input);
  }

  /** When it began, as it is shown. Most calls are over before anybody asks. */
  get startedAt(): number {
    this.#startedAt ??= Math.round(this.#clock.now() - this.#elapsed(this.#since));
    return this.#startedAt;
  }

  /** How the tool ended; `undefined` while it runs. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Its deadline has passed. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  /**
   * The input as text that equal inputs share. Where others may join this call it is taken at the start,
   * before the tool can change its input.
   */
  get canonicalInput(): string {
    this.#canonical ??= canonicalInput(this.call.input);
    return this.#canonical;
  }

  /** Calls the tool. Whatever it does, synchronous throws included, becomes its outcome. */
  begin<I, R>(execute: ToolExecuteFunction<I, R>): void {
    try {
      this.follow(execute(this.call.input as I, this.context));
    } catch (error) {
      this.#settle({ ok: false, error });
    }
  }

  /** Takes the outcome from a value, promise or thenable. */
  follow(returned: unknown): void {
    if (isStream(returned)) this.#refuseStream(returned);
    else Promise.resolve(returned).then(this.#answered, this.#threw);
  }

  readonly #answered = (value: unknown): void => this.#settle({ ok: true, value });

  readonly #threw = (error: unknown): void => this.#settle({ ok: false, error });

  /** The tool's signal; made when first asked for. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abort !== undefined) this.#controller.abort(this.#abort.reason);
    }
    return this.#controller.signal;
  }

  get aborted(): { reason: unknown } | undefined {
    return this.#abort;
  }

  /** Has one listener told when the tool is told to stop. */
  onAbort(listener: (reason: unknown) => void): void {
    this.#onAbort = listener;
    if (this.#abort !== undefined) listener(this.#abort.reason);
  }

  /** Tells the tool to stop. Only the first reason counts. */
  abort(reason: unknown): void {
    if (this.#abort !== undefined) return;
    this.#abort = { reason, since: this.#clock.monotonic() };
    const { inContext = here } = this;
    inContext(() => {
      this.#controller?.abort(reason);
      this.#onAbort?.(reason);
    });
  }

  /** Milliseconds since the tool was told to stop. */
  get abortedMs(): number {
    return this.#abort === undefined ? 0 : this.#elapsed(this.#abort.since);
  }

  /** The tool is told the id of its task. A turn that waits keeps the process alive, a task does not. */
  becameTask(id: string): void {
    setTaskId(this.context, id);
    this.#deadline?.unref();
  }

  /** The outcome is of no more interest. */
  letGo(): void {
    this.#deadline?.clear();
    if (this.#outcome === undefined) this.#observe();
  }

  get reports(): Reports {
    this.#reports ??= new Reports();
    return this.#reports;
  }

  get hasReports(): boolean {
    return this.#reports !== undefined && !this.#reports.empty;
  }

  report(progress: unknown): void {
    if (this.#outcome !== undefined) return;
    this.reports.report(progress);
    this.#keeper.reported();
  }

  write(chunk: unknown): void {
    if (this.#outcome !== undefined) return;
    this.reports.write(chunk);
    this.#keeper.reported();
  }

  #startDeadline(): void {
    const left = this.settings.deadlineMs - this.#elapsed(this.#since);
    this.#deadline = new Timer(this.#clock, () => this.#expire(), Math.max(0, left));
  }

  #expire(): void {
    if (this.#outcome !== undefined) return;
    this.#isExpired = true;
    this.#observe();
    this.abort(deadlineError(this));
    this.#keeper.expired();
  }

  #settle(outcome: Outcome): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#deadline?.clear();
    this.#observe();
    this.#keeper.settled(outcome);
  }

  /** The policy learns of each call once: how long it ran, or how long it was let run. */
  #observe(): void {
    if (this.#isObserved) return;
    this.#isObserved = true;
    const { observe } = this.settings;
    if (observe === undefined) return;
    const { inContext = here } = this;
    inContext(() => observe(this.call.toolName, this.#elapsed(this.#since)));
  }

  /** Milliseconds since a moment of the monotonic clock. */
  #elapsed(since: number): number {
    return Math.max(0, this.#clock.monotonic() - since);
  }

  #refuseStream(stream: AsyncIterable<unknown>): void {
    closeQuietly(stream);
    const message = `The tool "${this.call.toolName}" returned a stream to run(); use stream() for it.`;
    this.#settle({ ok: false, error: new TaskOffloadError("not_supported", message) });
  }
}

/** Is told what becomes of an execution. */
export interface ExecutionKeeper {
  settled(outcome: Outcome): void;
  expired(): void;
  reported(): void;
}

export function deadlineError({ call, settings }: Execution): TaskOffloadError {
  const message = `The tool "${call.toolName}" did not finish within its deadline of ${settings.deadlineMs} ms.`;
  return new TaskOffloadError("deadline_exceeded", message);
}

/** A copy: a tool that changes it moves no task. */
function contextScope({ userId, sessionId, agentId }: TaskScope): TaskScope {
  if (agentId !== undefined) return { userId, sessionId, agentId };
  return sessionId === undefined ? { userId } : { userId, sessionId };
}
