import { TaskOffloadError } from "../errors.ts";
import type { ToolCall } from "../model/call.ts";
import type { Refused } from "../model/store.ts";
import { named } from "../values/names.ts";

/** What a caller is told whose task met a limit that it cannot wait for. */
export function refusedError({ limit }: Refused, { toolName }: ToolCall): TaskOffloadError {
  if (limit === "exclusive") {
    const message = `The session has an unfinished task already; the tool${named(toolName)} was not started.`;
    return new TaskOffloadError("conflict", message);
  }
  const what = limit === "queued_per_user" ? "queued" : "running";
  const message = `The user has too many ${what} tasks (limits); the tool${named(toolName)} was not started.`;
  return new TaskOffloadError("overloaded", message);
}

/** What a caller is told whose tool runs, and for which this process has no slot. */
export function noSlotError({ toolName }: ToolCall): TaskOffloadError {
  const message = `This process runs too many tasks (limits.running); the tool${named(toolName)} was not adopted.`;
  return new TaskOffloadError("overloaded", message);
}
