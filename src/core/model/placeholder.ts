/** What a framework takes for the output of a call that has become a task, and how it is told from an output. */

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
 * tells the one from the other. No tool of a call that went through the library can return one of its own: its `type`
 * is `"tool:tool-offload.task"` then.
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
  return namesTask(output) && typeof (output as Partial<TaskPlaceholder>).message === "string";
}

/**
 * What a tool has returned, altered where it could be taken for a placeholder: what a web page or another server has
 * said would be shown to the model as the library's own words. Whatever a tool returns passes here once.
 */
export function ofTool<T>(returned: T): T {
  if (typeof returned !== "object" || returned === null) return returned;
  try {
    return namesTask(returned) ? { ...returned, type: `tool:${TYPE}` } : returned;
  } catch {
    // Some objects throw when they are read.
    return returned;
  }
}

const TYPE = "tool-offload.task";

/** The part of the shape that pages look at. */
function namesTask(output: unknown): boolean {
  if (typeof output !== "object" || output === null) return false;
  const { type, taskId } = output as Partial<TaskPlaceholder>;
  return type === TYPE && typeof taskId === "string";
}
