import type * as z from "zod";
import { TaskOffloadError } from "../core/errors.ts";
import type { BackgroundTaskManager } from "../core/manager.ts";
import type { TaskScope } from "../core/model/task.ts";
import type { TaskEnd } from "../core/reading/queries.ts";
import { sendableJson } from "../core/values/sendable.ts";
import { checkedInput } from "./input.ts";
import { lenientObject } from "./lenient.ts";

export interface ExecuteOptions {
  /** The turn's signal: a tool that waits rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/** A tool for the model, for a framework to take over. It is quick by itself: do not offload it. */
export interface ControlTool<Schema extends z.ZodObject = z.ZodObject, Answer extends object = object> {
  name: string;
  /** Written for the model. */
  description: string;
  inputSchema: Schema;
  /**
   * Checks its input itself, and answers plain JSON.
   *
   * @throws `invalid_input`, naming the field, for a model to mend; `store_failed`; the signal's reason
   */
  execute(input: z.input<Schema>, options?: ExecuteOptions): Promise<Answer>;
}

/** The answer for an id that nothing is known of. Missing and foreign are the same. */
export interface NoSuchTask {
  found: false;
  message: string;
}

/** What the control tools work with: one manager, and the only scope they ever see. */
export interface OwnTasks {
  readonly tasks: BackgroundTaskManager;
  readonly scope: TaskScope;
  now(): number;
  /** How a task ended, its result as text, and what the model is shown of it. */
  end(id: string): Promise<TaskEnd | undefined>;
  /** What is one for each turn, where it is known which turn it is. */
  turn(signal: AbortSignal | undefined): object | undefined;
  /** The model has read how this task ended. */
  observe(id: string): Promise<void>;
}

/** What the schema lets through is all that `run` has to cope with. */
export function defineTool<Schema extends z.ZodObject, Answer extends object>(
  tool: Omit<ControlTool<Schema, Answer>, "execute">,
  run: (input: z.output<Schema>, options: ExecuteOptions) => Promise<Answer>,
): ControlTool<Schema, Answer> {
  const inputSchema = lenientObject(tool.inputSchema);
  return {
    ...tool,
    inputSchema,
    async execute(input, options = {}) {
      const checked = checkedInput(inputSchema, input);
      return sendableJson(await run(checked, options).catch(failedForModel));
    },
  };
}

/** The model reads what is thrown, and what a database says is nothing for it. The host has had an event. */
function failedForModel(error: unknown): never {
  const hasStoreFailed = TaskOffloadError.isInstance(error) && error.code === "store_failed";
  if (!hasStoreFailed) throw error;
  throw new TaskOffloadError("store_failed", "Tasks cannot be reached at the moment.", { cause: error });
}

/** Any other text names no task, and a store need not be asked for it. */
export function isTaskId(text: string): boolean {
  return /^[\w-]{1,128}$/.test(text);
}

export function noSuchTask(): NoSuchTask {
  const message = "There is no such task, or it is no longer kept. task_list names those there are.";
  return { found: false, message };
}
