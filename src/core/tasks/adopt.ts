import { duplicateError } from "../calls/duplicates.ts";
import { Execution, type ExecutionDesk } from "../calls/execution.ts";
import { TaskOffloadError } from "../errors.ts";
import type { ToolCall } from "../model/call.ts";
import type { Inserted, NewTask } from "../model/store.ts";
import type { TaskInfo } from "../model/task.ts";
import type { ToolSettings } from "../options/tool-settings.ts";
import { invalidInput } from "../values/validate.ts";
import { insertForCaller } from "./insert.ts";
import type { Background } from "./running-tasks.ts";
import type { Scheduler } from "./scheduler.ts";
import { joined, refusal } from "./start.ts";

/** Who started it knows nothing of keys and checkpoints, so it cannot be started again. */
const NOT_OURS = null;

/** A tool that runs already, outside this library. */
export interface OutsideExecution {
  promise: PromiseLike<unknown>;
  /** Called on cancel, deadline and shutdown. */
  abort(reason: unknown): void;
  /** Epoch milliseconds; its deadline counts from here. */
  startedAt: number;
}

/** Making tasks of tools that somebody else has started. */
export class Adopting {
  readonly #background: Background;
  readonly #scheduler: Scheduler;
  readonly #desk: ExecutionDesk;

  constructor(background: Background, scheduler: Scheduler, desk: ExecutionDesk) {
    this.#background = background;
    this.#scheduler = scheduler;
    this.#desk = desk;
  }

  async adopt(call: ToolCall, outside: OutsideExecution, settings: ToolSettings): Promise<TaskInfo> {
    checkOutside(outside);
    if (!this.#scheduler.take()) throw tooManyRunning(call);
    const execution = new Execution(call, settings, this.#desk, outside.startedAt, NOT_OURS);
    execution.onAbort((reason) => abortQuietly(outside, reason));
    execution.follow(outside.promise);
    return this.#insert(execution);
  }

  async #insert(execution: Execution): Promise<TaskInfo> {
    const { call, settings } = execution;
    const task = this.#background.describe(execution, []);
    const answer = await insertForCaller(task, this.#background).catch((error: unknown) => {
      this.#letGo(execution, task);
      throw error;
    });
    if (answer.status === "inserted") return this.#take(answer, execution, task);
    this.#letGo(execution, task);
    if (answer.status === "refused") throw refusal(answer, call);
    execution.abort(duplicateError(call));
    return joined(answer.record, call, settings);
  }

  /** It stays its caller's own. */
  #letGo(execution: Execution, task: NewTask): void {
    this.#background.forget(task.record.id);
    this.#scheduler.giveBack();
    execution.release();
  }

  #take({ record }: Inserted, execution: Execution, task: NewTask): TaskInfo {
    this.#background.hub.publish(record, task.events);
    return this.#background.adopt(execution, record).info();
  }
}

function checkOutside(outside: OutsideExecution): void {
  if (typeof outside !== "object" || outside === null) throw invalidInput("execution", "an object", outside);
  const { promise, abort, startedAt } = outside;
  if (typeof promise?.then !== "function") throw invalidInput("execution.promise", "a promise", promise);
  if (typeof abort !== "function") throw invalidInput("execution.abort", "a function", abort);
  if (!Number.isFinite(startedAt)) throw invalidInput("execution.startedAt", "epoch milliseconds", startedAt);
}

/** What the host's abort throws must not keep the task from ending. */
function abortQuietly(outside: OutsideExecution, reason: unknown): void {
  const abort = async () => outside.abort(reason);
  abort().catch(() => undefined);
}

function tooManyRunning({ toolName }: ToolCall): TaskOffloadError {
  const message = `This process runs too many tasks (limits.running); "${toolName}" was not adopted.`;
  return new TaskOffloadError("overloaded", message);
}
