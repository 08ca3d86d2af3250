import type { OffloadOutcome } from "../../core/model/call.ts";

/** The output of a tool call that has become a task. Plain JSON; the model is shown `message` alone. */
export type TaskPlaceholder = {
  type: "tool-offload.task";
  taskId: string;
  toolName: string;
  /** The call in one line. */
  summary: string;
  /** What the model reads. */
  message: string;
};

/**
 * Whether a tool's output stands for a task. Where a page draws a tool call, or code reads `toolResults`, this
 * tells the one from the other.
 *
 * @example The AI SDK
 * ```ts
 * import { isPlaceholder } from "tool-offload/adapters/ai-sdk";
 *
 * const output: unknown = { pages: 300 }; // as a page finds it in a tool part
 * console.log(isPlaceholder(output) ? `task ${output.taskId}` : output); // { pages: 300 }
 * ```
 * @example Mastra
 * ```ts
 * import { isPlaceholder } from "tool-offload/adapters/mastra";
 *
 * const result: unknown = { pages: 300 }; // as a page finds it in a tool invocation
 * console.log(isPlaceholder(result) ? `task ${result.taskId}` : result); // { pages: 300 }
 * ```
 */
export function isPlaceholder(output: unknown): output is TaskPlaceholder {
  if (typeof output !== "object" || output === null) return false;
  const { type, taskId, message } = output as Partial<TaskPlaceholder>;
  return type === "tool-offload.task" && typeof taskId === "string" && typeof message === "string";
}

/** What the framework is to take for the call's output. */
export function outputOf<T>(outcome: OffloadOutcome<T>): T | TaskPlaceholder {
  if (outcome.status === "completed") return outcome.value;
  const { task, message } = outcome;
  const { id: taskId, toolName, summary } = task;
  return { type: "tool-offload.task", taskId, toolName, summary, message };
}
