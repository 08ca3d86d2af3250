import { duplicateError } from "./calls/duplicates.ts";
import { defaultPlaceholder, plainPlaceholder, safePlaceholder } from "./calls/placeholder.ts";
import { Race, type RaceTerms } from "./calls/race.ts";
import { restartStateOf } from "./calls/restart-state.ts";
import { RunningCall } from "./calls/running-calls.ts";
import {
  faultOfFold,
  lastChunk,
  Pump,
  type StreamFold,
  type StreamSource,
  type ToolStream,
} from "./calls/stream.ts";
import { sign } from "./copies.ts";
import { closedError, TaskOffloadError } from "./errors.ts";
import { type BackgroundTaskManager, runtimeOf } from "./manager.ts";
import {
  type OffloadOutcome,
  ownCall,
  type ToolCall,
  type ToolContext,
  type ToolExecuteFunction,
} from "./model/call.ts";
import { checkKnown } from "./model/known-tool.ts";
import type { TaskInfo } from "./model/task.ts";
import type { ToolView } from "./model/view.ts";
import { refuseWrapped, wrapped } from "./model/wrapped.ts";
import { type MiddlewareOptions, middlewareSettings } from "./options/middleware-options.ts";
import { type ToolPlan, ToolPlans } from "./options/tool-plans.ts";
import type { Runtime } from "./runtime.ts";
import { name, object } from "./values/kinds.ts";
import { throwIfAborted } from "./values/signals.ts";
import { checkFunction, invalidInput } from "./values/validate.ts";

/**
 * Races every tool call against a timeout. A fast one returns its value as if nothing had been there; a slow
 * one goes on as a task, and the caller gets a placeholder for the model at once.
 *
 * @example
 * ```ts
 * import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
 *
 * const tasks = new BackgroundTaskManager();
 * const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 5_000 });
 * const call = { toolName: "add", input: { a: 1, b: 2 }, scope: { userId: "u1" } };
 * const outcome = await offload.run(call, ({ a, b }) => a + b);
 * console.log(outcome); // { status: "completed", value: 3 }
 * ```
 */
export class ToolOffloadMiddleware {
  readonly #runtime: Runtime;
  readonly #plans: ToolPlans;
  readonly #terms: RaceTerms;

  /** @throws `invalid_option`, naming the option and its value */
  constructor(options: MiddlewareOptions<BackgroundTaskManager>) {
    const settings = middlewareSettings(options);
    const { tasks, onTurnAbort, placeholder } = settings;
    this.#runtime = runtimeOf(tasks);
    sign(this);
    this.#plans = new ToolPlans(settings, (toolName, error) =>
      this.#runtime.notices.emit("policy.failed", { toolName, error }),
    );
    const builtIn = this.#runtime.terms.followUps ? defaultPlaceholder : plainPlaceholder;
    this.#terms = { onTurnAbort, placeholder: safePlaceholder(placeholder, builtIn) };
  }

  /**
   * Runs one call.
   *
   * @throws what the tool threw; `signal.reason` when the turn was aborted in the foreground;
   * `deadline_exceeded`; `invalid_input`; `closed`; for background calls also `overloaded` and `conflict`;
   * `duplicate` where the tool says so; `not_supported` for a stream, which is for `stream`
   */
  run<I, R>(call: ToolCall<I>, execute: ToolExecuteFunction<I, R>): Promise<OffloadOutcome<Awaited<R>>> {
    return this.#enter<I, R, Awaited<R>>(call, execute).outcome;
  }

  /**
   * Runs one call of a tool that returns an async generator or a stream. Its chunks come through live, text also
   * into the task's output unless the call or its tool has a `view`; at the timeout the stream ends, `outcome` holds the
   * placeholder, and the rest is read in the background. The result is the last chunk, or what `reduce` makes of all of them, beginning with
   * `initial`. Leaving the loop early is an abort of the turn.
   *
   * @throws while iterating, and from `outcome`: what `run` throws
   * @example
   * ```ts
   * import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
   *
   * const offload = new ToolOffloadMiddleware({ tasks: new BackgroundTaskManager() });
   * async function* count() {
   *   yield "one ";
   *   yield "two";
   * }
   * const call = { toolName: "count", input: {}, scope: { userId: "u1" } };
   * const fold = { initial: "", reduce: (text: string, chunk: string) => text + chunk };
   * const stream = offload.stream(call, count, fold);
   * for await (const chunk of stream) console.log(chunk);
   * console.log(await stream.outcome); // { status: "completed", value: "one two" }
   * ```
   */
  stream<I, C>(call: ToolCall<I>, execute: ToolExecuteFunction<I, StreamSource<C>>): ToolStream<C, C>;
  stream<I, C, R>(
    call: ToolCall<I>,
    execute: ToolExecuteFunction<I, StreamSource<C>>,
    fold: StreamFold<C, R>,
  ): ToolStream<C, R>;
  stream<I, C, R>(
    call: ToolCall<I>,
    execute: ToolExecuteFunction<I, StreamSource<C>>,
    fold?: StreamFold<C, R>,
  ): ToolStream<C, C | R> {
    const fault = faultOfFold(fold);
    const isShown = (call?.view ?? this.#runtime.tools.get(call?.toolName)?.view) === undefined;
    const pump = new Pump<C, C | R>(this.#runtime.clock, fold && !fault ? fold : lastChunk<C>(), isShown);
    const feed: ToolExecuteFunction<I, Promise<C | R>> = (input, context) =>
      pump.feed(() => execute(input, context), context);
    const isCallable = typeof execute === "function";
    return pump.stream(this.#enter<I, unknown, C | R>(call, isCallable ? feed : execute, fault));
  }

  /**
   * A tool as a function that runs each call through this middleware.
   *
   * @throws `invalid_option` for what is no tool, for one that is wrapped already, and for one that is `resumable` or
   * `idempotent` and that the manager's `tools` have not
   */
  wrap<I, R>(tool: {
    name: string;
    execute(input: I, context: ToolContext): R;
    view?: ToolView | undefined;
  }): (input: I, call: Omit<ToolCall<I>, "toolName" | "input">) => Promise<OffloadOutcome<Awaited<R>>> {
    refuseWrapped("tool", object()(tool, "tool", "invalid_option"));
    name(tool.name, "tool.name", "invalid_option");
    checkFunction("tool.execute", tool.execute);
    checkKnown(tool, this.#runtime.tools);
    const execute: ToolExecuteFunction<I, R> = (input, context) => tool.execute(input, context);
    return wrapped((input, call) => {
      const view = call.view ?? tool.view;
      return this.run({ ...call, toolName: tool.name, input, view }, execute);
    });
  }

  /** The way of every call. */
  #enter<I, R, T>(
    call: ToolCall<I>,
    execute: ToolExecuteFunction<I, R>,
    foldFault?: TaskOffloadError,
  ): Race<T> {
    const race = new Race<T>(this.#runtime.offloader, this.#terms, call?.signal);
    if (foldFault !== undefined) return race.refused(foldFault);
    let own: ToolCall<I>;
    try {
      own = this.#ownCall(call, execute);
      throwIfAborted(call.signal);
    } catch (fault) {
      return race.refused(fault);
    }
    return this.#admit(race, own, execute, call.background === true);
  }

  #admit<I, R, T>(
    race: Race<T>,
    call: ToolCall<I>,
    execute: ToolExecuteFunction<I, R>,
    wantsBackground: boolean,
  ): Race<T> {
    const plan = this.#plans.of(call.toolName);
    const isBackground = plan.mode === "always" || (wantsBackground && plan.mode !== "never");
    const timeoutMs = isBackground ? 0 : this.#plans.timeoutFor(plan, call);
    // Other processes are asked when it is offloaded.
    const equal = this.#runtime.calls.findDuplicate(call, plan.settings);
    if (equal !== undefined) return this.#join(race, equal, plan, timeoutMs);
    if (isBackground) return this.#start(race, call, execute, plan);
    return race.enter(this.#begin(call, execute, plan), timeoutMs);
  }

  #begin<I, R>(call: ToolCall<I>, execute: ToolExecuteFunction<I, R>, plan: ToolPlan): RunningCall {
    const { settings } = plan;
    const { clock, tools } = this.#runtime;
    const restartState = restartStateOf(call, settings, tools);
    return new RunningCall(call, settings, this.#runtime, clock.monotonic(), restartState).begin(execute);
  }

  #ownCall<I>(call: ToolCall<I>, execute: unknown): ToolCall<I> {
    if (typeof execute !== "function") throw invalidInput("execute", "a function", execute);
    const own = ownCall(call);
    if (!this.#runtime.isAccepting) throw closedError();
    return own;
  }

  #join<T>(race: Race<T>, equal: RunningCall, { settings }: ToolPlan, timeoutMs: number): Race<T> {
    if (settings.onDuplicate === "reject") return race.refused(duplicateError(equal.execution.call));
    race.keepContext();
    return race.enter(equal, timeoutMs);
  }

  /** In the background from the first moment; in the foreground after all if the store fails. */
  #start<I, R, T>(
    race: Race<T>,
    call: ToolCall<I>,
    execute: ToolExecuteFunction<I, R>,
    plan: ToolPlan,
  ): Race<T> {
    const failed = (error: unknown) => {
      const hasStoreFailed = TaskOffloadError.isInstance(error) && error.code === "store_failed";
      if (!hasStoreFailed || !race.isOpen) race.refused(error);
      else if (!this.#runtime.isAccepting) race.refused(closedError());
      else race.enter(this.#begin(call, execute, plan), this.#plans.timeoutFor(plan, call));
    };
    const started = (task: TaskInfo) => this.#started(race, call, task);
    this.#runtime.starter.start(call, execute, plan.settings).then(started, failed);
    return race.watchTurn();
  }

  /** A turn that was aborted before it had the placeholder takes its task along. */
  #started<T>(race: Race<T>, { scope }: ToolCall, task: TaskInfo): void {
    const isAborted = !race.isOpen && this.#terms.onTurnAbort === "cancel";
    race.joined(task);
    this.#runtime.promises.made(scope, task.id);
    if (isAborted) this.#runtime.canceller.byTurn(scope, task.id, this.#runtime.clock.now());
  }
}
