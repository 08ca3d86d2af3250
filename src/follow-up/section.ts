/** What a message says of one task. */

import type { CancelledBy, TaskErrorCode } from "../core/model/task.ts";
import { oneLine } from "../core/values/text.ts";
import { type Excerpt, resultExcerpt, resultNotes, textExcerpt } from "./excerpt.ts";
import type { FollowUp } from "./follow-up.ts";

/** One task, before the delimiters of its data are known. */
export interface Section {
  /** Each begins with its label, so that none can pass for a delimiter or a heading. */
  lines: string[];
  data: Excerpt | null;
}

/** A task's lines and its data, cut to `maxChars` UTF-16 code units. */
export function sectionOf(followUp: FollowUp, maxChars: number): Section {
  const { task } = followUp;
  const { lines, data } = outcomeOf(followUp, maxChars);
  // A call that its framework gave no id has that of its task, which the model has never called it by.
  const callId = task.toolCallId === task.id ? [] : [`Tool call id: ${field(task.toolCallId)}`];
  const names = [
    `Tool: ${field(task.toolName)}`,
    `Task id: ${field(task.id)}`,
    ...callId,
    `Summary: ${field(task.summary)}`,
  ];
  return { lines: [...names, ...lines], data };
}

const MAX_FIELD = 128;

const FAILURES: Record<TaskErrorCode, string> = {
  tool_error: "The tool reported an error.",
  deadline_exceeded: "It did not finish within its time limit. Part of its work may be done.",
  lost: "The process that ran it is gone. Whether it took effect is unknown.",
  shutdown: "The process that ran it was shut down. Part of its work may be done.",
  input_invalid: "The tool does not accept its input.",
  tool_unknown: "The process that was to run it has no tool of this name.",
};

const CANCELS: Record<CancelledBy, string> = {
  user: "cancelled by the user",
  model: "cancelled by the model",
  host: "cancelled by the application",
  turn: "cancelled because the turn that made the call was aborted",
};

function outcomeOf({ task, result }: FollowUp, maxChars: number): Section {
  if (result.status === "completed") {
    const lines = ["Outcome: completed.", ...resultNotes(result), "Result:"];
    return { lines, data: resultExcerpt(result, field(task.id), maxChars) };
  }
  if (result.status === "cancelled") return cancelled(result.by, result.reason, maxChars);
  const { code, message } = result.error;
  const outcome = `Outcome: failed (${code}). ${FAILURES[code]}`;
  return { lines: [outcome, "Error message:"], data: textExcerpt(message, maxChars) };
}

function cancelled(by: CancelledBy, reason: string | null, maxChars: number): Section {
  const outcome = `Outcome: ${CANCELS[by]}. Part of its work may be done.`;
  if (reason === null) return { lines: [outcome], data: null };
  return { lines: [outcome, "Reason:"], data: textExcerpt(reason, maxChars) };
}

function field(text: string): string {
  return oneLine(text, MAX_FIELD);
}
