import type { ToolCall, ToolExecuteFunction } from "../model/call.ts";
import type { TaskInfo } from "../model/task.ts";
import type { ToolSettings } from "../options/task-options.ts";
import type { KeepContext } from "../time/async-context.ts";
import type { SteadyClock } from "../time/clock.ts";
import type { Idle } from "../time/idle.ts";
import { Chain, type Link } from "../values/chain.ts";
import { canonicalInput } from "./canonical-input.ts";
import { sameOwner } from "./duplicates.ts";
import { Execution, type ExecutionKeeper } from "./execution.ts";
import type { Follower, Outcome, TaskFollower } from "./outcome.ts";
import type { RestartState } from "./restart-state.ts";

/** The tool calls that run in this process, in the foreground or as tasks. */
export class RunningCalls {
  readonly #idle: Idle;
  /** Models reuse ids, and users do not share them: several calls may have the same one. */
  readonly #byCallId = new Map<string, RunningCall[]>();
  readonly #chain = new Chain<RunningCall>();

  constructor(idle: Idle) {
    this.#idle = idle;
  }

  get size(): number {
    return this.#chain.size;
  }

  [Symbol.iterator](): Generator<RunningCall> {
    return this.#chain[Symbol.iterator]();
  }

  add(call: RunningCall): void {
    this.#chain.add(call);
    const { toolCallId } = call.execution.call;
    if (toolCallId === undefined) return;
    const others = this.#byCallId.get(toolCallId);
    if (others === undefined) this.#byCallId.set(toolCallId, [call]);
    else others.push(call);
  }

  delete(call: RunningCall): void {
    if (!this.#chain.delete(call)) return;
    this.#deleteId(call);
    if (this.#chain.size === 0) this.#idle.check();
  }

  /** The running call of the same user, session, tool and input; unless a tool says otherwise, of the same id. */
  findDuplicate(call: ToolCall, { onDuplicate }: ToolSettings): RunningCall | undefined {
    if (onDuplicate !== "allow") return equalAmong(this, call);
    const others = call.toolCallId === undefined ? undefined : this.#byCallId.get(call.toolCallId);
    return others && equalAmong(others, call);
  }

  #deleteId(call: RunningCall): void {
    const { toolCallId } = call.execution.call;
    if (toolCallId === undefined) return;
    const all = this.#byCallId.get(toolCallId);
    if (all === undefined) return;
    all.splice(all.indexOf(call), 1);
    if (all.length === 0) this.#byCallId.delete(toolCallId);
  }
}

/** One of them: who waits for its execution, and what they have been told. */
export class RunningCall implements ExecutionKeeper, Link<RunningCall> {
  readonly execution: Execution;
  /** Its way into the background, while it is on it. */
  handOver: { request(isExempt: boolean): void } | undefined;
  older: RunningCall | undefined;
  newer: RunningCall | undefined;
  readonly #calls: RunningCalls;
  /** Replaced, never changed: it may be walked while followers come and go. */
  #followers: readonly Follower[] = NOBODY;
  #task: TaskFollower | undefined;
  #turns = 0;
  #turnAbortedAt: number | undefined;
  #wasReturned = false;
  #wasOffloaded = false;
  #isShutDown = false;

  constructor(
    call: ToolCall,
    settings: ToolSettings,
    { clock, calls }: CallParts,
    since: number,
    restartState: RestartState | undefined,
    startedAt?: number,
  ) {
    this.#calls = calls;
    this.execution = new Execution(call, settings, clock, this, since, restartState, startedAt);
    calls.add(this);
  }

  begin<I, R>(execute: ToolExecuteFunction<I, R>): this {
    this.execution.begin(execute);
    return this;
  }

  /** The task that it has become. */
  get task(): TaskFollower | undefined {
    return this.#task;
  }

  /** Whether a turn waits for the outcome. */
  get isWaitedFor(): boolean {
    return this.#turns > 0;
  }

  /** When the turn that waited for it was aborted, and the tool told to stop. */
  get turnAbortedAt(): number | undefined {
    return this.#turnAbortedAt;
  }

  /** Whether whoever made the call has the outcome, and nobody was promised it for later. */
  get isAnswered(): boolean {
    return this.#wasReturned && !this.#wasOffloaded;
  }

  /** The manager was closed over it. */
  get isShutDown(): boolean {
    return this.#isShutDown;
  }

  /** Whether a call may join it, if their inputs are equal. */
  isOpenTo(call: ToolCall): boolean {
    const { call: own, outcome, aborted } = this.execution;
    const isJoinable = outcome === undefined && aborted === undefined;
    return isJoinable && own.toolName === call.toolName && sameOwner(own.scope, call.scope);
  }

  /** A turn begins to wait for it. */
  turnCame(): void {
    this.#turns += 1;
  }

  turnLeft(): void {
    this.#turns -= 1;
  }

  /** No turn waits for it any more, since the last one was aborted. */
  turnAborted(at: number, reason: unknown): void {
    this.#turnAbortedAt = at;
    this.execution.abort(reason);
  }

  /** Somebody was told the outcome in the foreground. */
  returned(): void {
    this.#wasReturned = true;
  }

  /** Somebody was given the task in place of the outcome. */
  offloaded(): void {
    this.#wasOffloaded = true;
  }

  join(follower: Follower): void {
    this.#followers = this.#followers.length === 0 ? [follower] : [...this.#followers, follower];
  }

  leave(follower: Follower): void {
    const followers = this.#followers;
    const isOnlyOne = followers.length === 1 && followers[0] === follower;
    this.#followers = isOnlyOne ? NOBODY : followers.filter((one) => one !== follower);
  }

  /** It is a task from now on, which follows it like those who wait. */
  adopt(task: TaskFollower, id: string): void {
    this.#task = task;
    this.execution.becameTask(id);
    for (const follower of this.#followers) follower.adopted?.();
    this.join(task);
  }

  /** Those who wait get the task of an equal call instead, and the tool is told to stop. */
  replace(task: TaskInfo, reason: unknown): void {
    for (const follower of this.#followers) follower.joined?.(task);
    this.refuse(reason);
  }

  shutDown(error: unknown): void {
    this.#isShutDown = true;
    this.refuse(error);
  }

  /** The tool is told to stop, and nobody waits for it any more. */
  refuse(error: unknown): void {
    this.execution.abort(error);
    this.release();
  }

  /** The outcome is of no more interest: turns that still wait for it learn why it was told to stop. */
  release(): void {
    this.execution.letGo();
    for (const follower of this.#followers) follower.refused?.(this.execution.aborted?.reason);
    this.#followers = NOBODY;
    this.#calls.delete(this);
  }

  settled(outcome: Outcome): void {
    this.#calls.delete(this);
    for (const follower of this.#followers) follower.settled(outcome);
  }

  expired(): void {
    for (const follower of this.#followers) follower.expired();
    if (this.#task === undefined) this.#calls.delete(this);
  }

  reported(): void {
    this.#task?.woken();
  }
}

/** What a call needs of its manager. */
export interface CallParts {
  readonly clock: SteadyClock;
  readonly keepContext: KeepContext;
  readonly calls: RunningCalls;
}

const NOBODY: readonly Follower[] = [];

/** The input is looked at only where there is a call to compare it with, and once for all of them. */
function equalAmong(calls: Iterable<RunningCall>, call: ToolCall): RunningCall | undefined {
  let canonical: string | undefined;
  for (const other of calls) {
    if (!other.isOpenTo(call)) continue;
    canonical ??= canonicalInput(call.input);
    if (other.execution.canonicalInput === canonical) return other;
  }
  return undefined;
}
