import { shared } from "../../core/copies.ts";
import { TaskOffloadError, type TaskOffloadErrorCode } from "../../core/errors.ts";
import type { ToolContext } from "../../core/model/call.ts";

/** Runs a tool. What it throws is no refusal of its call, even where it is an error of this library's kind. */
export async function noting<R>(context: ToolContext, run: () => R): Promise<Awaited<R>> {
  try {
    return await run();
  } catch (error) {
    // A tool that is told to stop may throw the reason, which is the library's.
    if (TaskOffloadError.isInstance(error) && error !== context.signal.reason) thrownByTools.add(error);
    throw error;
  }
}

/** Whether it is the library that has refused or ended a call, and not its tool that has failed. */
export function isRefusal(error: unknown): error is TaskOffloadError {
  return TaskOffloadError.isInstance(error) && !thrownByTools.has(error);
}

/** Whether a model is told of it. Anything else is the host's to mend. */
export function isForTheModel(error: unknown): error is TaskOffloadError {
  return isRefusal(error) && FOR_THE_MODEL.includes(error.code);
}

/** What a model can make something of: these are told to it as the result of its call. */
const FOR_THE_MODEL: readonly TaskOffloadErrorCode[] = [
  "overloaded",
  "conflict",
  "duplicate",
  "deadline_exceeded",
];

/** Known by the error and not by the call: a call that joins another gets an error that it has not seen thrown. */
const thrownByTools = shared("thrown-by-tools", () => new WeakSet<TaskOffloadError>());
