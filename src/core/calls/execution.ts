import { TaskOffloadError } from "../errors.ts";
import type { Execute, ToolCall, ToolContext } from "../model/call.ts";
import type { KnownTool } from "../model/known-tool.ts";
import type { TaskScope } from "../model/task.ts";
import type { ToolSettings } from "../options/tool-settings.ts";
import { type Clock, Timer } from "../time/clock.ts";
import { closeQuietly, isAsyncIterable, isThenable } from "../values/iterables.ts";
import { createContext, setTaskId } from "./context.ts";
import { canonicalInput } from "./duplicates.ts";
import type { Adopter, Follower, Outcome } from "./follower.ts";
import { Reports } from "./reports.ts";
import { Durability } from "./restart-state.ts";

const NOBODY: readonly Follower[] = [];

/** What an execution needs of its surroundings. */
export interface ExecutionDesk {
  readonly clock: Clock;
  readonly calls: { add(execution: Execution): void; delete(execution: Execution): void };
  /** The tools that the manager knows by name. */
  readonly tools: ReadonlyMap<string, KnownTool>;
}

/**
 * One running tool in this process: its own signal, what it reports, its deadline, and how it ended.
 * It knows nothing of turns and stores; its followers do.
 */
export class Execution {
  readonly call: ToolCall;
  readonly settings: ToolSettings;
  readonly startedAt: number;
  readonly context: ToolContext;
  readonly durability: Durability | undefined;
  outcome: Outcome | undefined;
  /** Its deadline has passed. */
  isExpired = false;
  /** The manager was closed over it. */
  isShutDown = false;
  /** Somebody was told the outcome in the foreground. */
  wasReturned = false;
  /** Somebody was given the placeholder. */
  wasOffloaded = false;
  /** The turn that was aborted while it waited; the tool was told to stop. */
  turnAbort: { at: number; reason: unknown } | undefined;
  task: Adopter | undefined;
  /** Replaced, never changed: it may be walked while followers come and go. */
  followers: readonly Follower[] = NOBODY;
  /** How many turns wait for the outcome. */
  waiting = 0;

  /** Its neighbours among the running calls. */
  older: Execution | undefined;
  newer: Execution | undefined;

  readonly #desk: ExecutionDesk;
  #onAbort: ((reason: unknown) => void) | undefined;
  #deadline: Timer | undefined;
  #controller: AbortController | undefined;
  #abort: { reason: unknown } | undefined;
  #reports: Reports | undefined;
  #canonical: string | undefined;
  #isObserved = false;

  constructor(
    call: ToolCall,
    settings: ToolSettings,
    desk: ExecutionDesk,
    startedAt = desk.clock.now(),
    durability: Durability | null | undefined = durabilityOf(call, settings, desk),
  ) {
    this.call = call;
    this.settings = settings;
    this.startedAt = startedAt;
    this.#desk = desk;
    this.context = createContext(this, contextScope(call.scope));
    this.durability = durability ?? undefined;
    durability?.extend(this.context);
    desk.calls.add(this);
    if (settings.deadlineMs !== Number.POSITIVE_INFINITY) this.#startDeadline();
    if (settings.onDuplicate !== "allow") this.#canonical = canonicalInput(call.input);
  }

  /**
   * The input as text that equal inputs share. Where others may join this call it is taken at the start,
   * before the tool can change its input.
   */
  get canonicalInput(): string {
    this.#canonical ??= canonicalInput(this.call.input);
    return this.#canonical;
  }

  /** Whether a second, equal call may wait for this one. */
  get isJoinable(): boolean {
    return this.outcome === undefined && this.#abort === undefined;
  }

  /** Calls the tool. Whatever it does, synchronous throws included, becomes its outcome. */
  begin<I, R>(execute: Execute<I, R>): this {
    try {
      this.follow(execute(this.call.input as I, this.context));
    } catch (error) {
      this.#settle({ ok: false, error });
    }
    return this;
  }

  /** Takes the outcome from a value, promise or thenable. */
  follow(returned: unknown): void {
    if (isAsyncIterable(returned) && !isThenable(returned)) this.#refuseIterable(returned);
    else Promise.resolve(returned).then(this.#answered, this.#threw);
  }

  readonly #answered = (value: unknown): void => {
    if (isAsyncIterable(value)) this.#refuseIterable(value);
    else this.#settle({ ok: true, value });
  };

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
    this.#abort = { reason };
    this.#controller?.abort(reason);
    this.#onAbort?.(reason);
  }

  /** The followers from now on include the task. */
  adopt(task: Adopter, id: string): void {
    this.task = task;
    setTaskId(this.context, id);
    // A turn that waits keeps the process alive, a task does not.
    this.#deadline?.unref();
    for (const follower of this.followers) follower.adopted?.();
    this.join(task);
  }

  join(follower: Follower): void {
    this.followers = this.followers.length === 0 ? [follower] : [...this.followers, follower];
  }

  leave(follower: Follower): void {
    const { followers } = this;
    const isOnlyOne = followers.length === 1 && followers[0] === follower;
    this.followers = isOnlyOne ? NOBODY : followers.filter((one) => one !== follower);
  }

  shutDown(error: unknown): void {
    this.isShutDown = true;
    this.refuse(error);
  }

  /** The tool is told to stop, and nobody waits for it any more. */
  refuse(error: unknown): void {
    this.abort(error);
    this.release();
  }

  /** The outcome is of no more interest: turns that still wait for it learn why it was told to stop. */
  release(): void {
    this.#deadline?.clear();
    if (this.outcome === undefined) this.#observe();
    for (const follower of this.followers) follower.refused?.(this.#abort?.reason);
    this.followers = NOBODY;
    this.#desk.calls.delete(this);
  }

  get reports(): Reports {
    this.#reports ??= new Reports();
    return this.#reports;
  }

  get hasReports(): boolean {
    return this.#reports !== undefined && !this.#reports.empty;
  }

  report(progress: unknown): void {
    if (this.outcome !== undefined) return;
    this.reports.report(progress);
    this.task?.woken();
  }

  write(chunk: unknown): void {
    if (this.outcome !== undefined) return;
    this.reports.write(chunk);
    this.task?.woken();
  }

  #startDeadline(): void {
    const { clock } = this.#desk;
    const left = this.startedAt + this.settings.deadlineMs - clock.now();
    this.#deadline = new Timer(clock, () => this.#expire(), Math.max(0, left));
  }

  #expire(): void {
    if (this.outcome !== undefined) return;
    this.isExpired = true;
    this.#observe();
    this.abort(deadlineError(this));
    for (const follower of this.followers) follower.expired();
    if (this.task === undefined) this.#desk.calls.delete(this);
  }

  #settle(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.#deadline?.clear();
    this.#desk.calls.delete(this);
    this.#observe();
    for (const follower of this.followers) follower.settled(outcome);
  }

  /** The policy learns of each call once: how long it ran, or how long it was let run. */
  #observe(): void {
    if (this.#isObserved) return;
    this.#isObserved = true;
    this.settings.observe?.(this.call.toolName, this.#desk.clock.now() - this.startedAt);
  }

  #refuseIterable(iterable: AsyncIterable<unknown>): void {
    closeQuietly(iterable);
    const message = `The tool "${this.call.toolName}" returned an async iterable to run(); use stream() for it.`;
    this.#settle({ ok: false, error: new TaskOffloadError("not_supported", message) });
  }
}

/** What a call of a known tool needs beside. */
export function durabilityOf(
  { toolName, input }: ToolCall,
  { deadlineMs }: ToolSettings,
  { tools }: Pick<ExecutionDesk, "tools">,
): Durability | undefined {
  const tool = tools.size > 0 ? tools.get(toolName) : undefined;
  return tool && new Durability(input, deadlineMs, tool);
}

/** A copy: a tool that changes it moves no task. */
function contextScope({ userId, sessionId, agentId }: TaskScope): TaskScope {
  if (agentId !== undefined) return { userId, sessionId, agentId };
  return sessionId === undefined ? { userId } : { userId, sessionId };
}

export function deadlineError({ call, settings }: Execution): TaskOffloadError {
  const message = `The tool "${call.toolName}" did not finish within its deadline of ${settings.deadlineMs} ms.`;
  return new TaskOffloadError("deadline_exceeded", message);
}
